"""Which output of a step carries each state on: named by hand, or by the conventions in use.

A convention is a pair of patterns; `*` stands for the same text in both. The first that fits wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from edgernn.errors import ModelError, UnknownName
from edgernn.graph.step_graph import Port

CONVENTIONS = (  # input, output
    ("*", "new_*"),  # edgernn, icefall, DeepFilterNet
    ("past_*", "present_*"),  # ONNX Runtime, transformers
    ("past_key_values.*", "present.*"),
    ("*", "r_*"),  # WeNet: att_cache
    ("*", "next_*"),  # NeMo's and torch's h0
    ("*", "*_next"),
    ("*", "*_out"),  # GTCRN: conv_cache
    ("*_in", "*_out"),
    ("in_*", "out_*"),
    ("*", "out_*"),
    ("*", "*_new"),
    ("*", "updated_*"),
    ("prev_*", "*"),
    ("*_prev", "*"),
    ("*", "*N"),  # Silero VAD: state
    ("*", "*n"),  # torch's and Silero's h, c
    ("*0", "*n"),  # torch's h0, c0
    ("*_0", "*_n"),
)
STATE_LIKE = re.compile(
    r"(.*[._])?(state|states|cache|caches|hidden|past|prev|memory|[hc])(\d*|_?in|_?0)"
    r"|(past|prev|cached?|state|hidden)[._].*",
    re.IGNORECASE,
)
Pairs = dict[str, str]


def known_pairs(inputs: Sequence[str], outputs: Sequence[str], taken: Mapping[str, str]) -> Pairs:
    """Pairs by convention among the names that `taken` leaves; an empty output is none's."""
    free_in = [name for name in inputs if name not in taken]
    free_out = [name for name in outputs if name not in taken.values()]
    found: Pairs = {}
    for before, after in CONVENTIONS:
        head, tail = before.split("*")
        for name in free_in:
            core = name.removeprefix(head).removesuffix(tail)
            out = after.replace("*", core)
            fits = core and f"{head}{core}{tail}" == name
            if fits and name not in found and out in free_out and out not in found.values():
                found[name] = out
    return {name: found[name] for name in inputs if name in found}


def pair_states(
    where: str,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    given: Iterable[tuple[str, str]],
    recurrent: Iterable[str] = (),
) -> Pairs:
    """Output by state input. `given` comes first; an empty output says that an input is no state.

    recurrent: inputs that a recurrent node begins with.

    Raises: UnknownName for a tensor that is not there; ModelError for a state whose shape or type
        changes, or one that is not fed back, naming what could carry it.
    """
    said = _checked(inputs, outputs, given)
    by_name = {port.name: port for port in (*inputs, *outputs)}
    pairs = said | known_pairs([p.name for p in inputs], [p.name for p in outputs], said)
    pairs = {name: out for name, out in pairs.items() if out}
    for name, out in pairs.items():
        a, b = by_name[name], by_name[out]
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise ModelError(
                f"{where}: state {name} goes in as {a.shape} {a.dtype} and comes out as "
                f"{b.shape} {b.dtype} ({out}); a state keeps its shape and type. If it is none, "
                f"say --state {name}="
            )
    free_in = [p for p in inputs if p.name not in pairs and p.name not in said]
    free_out = [p for p in outputs if p.name not in pairs.values()]
    _refuse_forgotten(where, free_in, free_out, set(recurrent))
    if len(pairs) == len(inputs) or len(pairs) == len(outputs):
        what = "input" if len(pairs) == len(inputs) else "output"
        raise ModelError(f"{where}: every {what} is a state ({', '.join(pairs)}); none is data")
    return pairs


def _checked(
    inputs: Sequence[Port], outputs: Sequence[Port], given: Iterable[tuple[str, str]]
) -> Pairs:
    said: Pairs = {}
    for name, out in given:
        for kind, wanted, ports in (("input", name, inputs), ("output", out, outputs)):
            known = [port.name for port in ports]
            if wanted not in known and (wanted or kind == "input"):
                raise UnknownName(f"{kind} of a state", wanted, known)
        if name in said or (out and out in said.values()):
            raise ModelError(f"--state {name}={out}: one of the two is paired twice")
        said[name] = out
    return said


def _refuse_forgotten(
    where: str, inputs: list[Port], outputs: list[Port], recurrent: set[str]
) -> None:
    """Inputs of which nothing is said that look like states: by name, by use, or by form."""
    several = len(inputs) > 1 and len(outputs) > 1  # one of each is data at least
    lines = []
    mend = ""
    for port in inputs:
        like = [p.name for p in outputs if (p.shape, p.dtype) == (port.shape, port.dtype)]
        named = port.name in recurrent or STATE_LIKE.fullmatch(port.name) is not None
        if named or (like and several):
            could = f"could be carried by {' or '.join(like)}" if like else "no output has its form"
            lines.append(f"{port.name} {port.shape} ({could})")
            mend = mend or f"--state {port.name}={like[0] if like else 'OUTPUT'}"
    if lines:
        first = mend.removeprefix("--state ").partition("=")[0]
        raise ModelError(
            f"{where}: what looks like a state is not fed back: {', '.join(lines)}. "
            f"Pair it, {mend}, or say that it is none, --state {first}="
        )
