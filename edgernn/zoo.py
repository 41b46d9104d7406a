"""Every recurrent unit side by side: what each is, weighs and remembers, read from the code.

A unit is a class of `edgernn/cells` that has an example. For the table it is built at one width:
each size that its constructor demands is that width, each count (of nets, of heads) is 2.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

import edgernn.cells
from edgernn.backend import find_backend
from edgernn.errors import ParityError, ShapeError, UnknownName, UnsupportedOp
from edgernn.figures import figure
from edgernn.graph.capture import capture
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.reference import Reference
from edgernn.layout import axis_of
from edgernn.state import nbytes
from edgernn.streaming import Streaming
from edgernn.verify import compare

COUNTS = ("nets", "heads", "layers", "rotations")
STEPS = 200  # of noise, on which number types are compared
NUMBER_TYPES = ("fp32", "w8a8", "w8a16", "w4a8")  # those that need no weights trained for them
HEAD = """Each is {width} wide: inputs, and units where it can choose.

- *State bytes* are of one stream in float32.
- *MACs* are those of the products of one step; what is done element by element is not counted.
- *Parallel* says how whole sequences are computed in training: a `scan` in about log T operations,
  or `chunks` by matrix products, `newton` by rounds of scans until nothing changes, a `window` or a
  `convolution` at once. Others go frame by frame, GRU, LSTM and RNN by torch's kernels.
- *Number types* hold the unit as it begins: within their tolerance of torch over noise. The
  percentage is the rms error in shares of the output's rms. Weights trained for a type err less.
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit at one width. macs, number_types: as `measured` finds them.

    number_types: those that hold it, and the rms of their errors in shares of the output's.
    """

    name: str
    file: str
    what: str
    source: str
    parallel: str
    parameters: int
    state_bytes: int
    macs: int | None = None
    number_types: Mapping[str, float] = field(default_factory=dict)


def unit_classes(names: Sequence[str] = ()) -> list[type[Streaming]]:
    """The units of these files or class names, such as `gru` or `MinGRU`; of none, all.

    Raises: UnknownName.
    """
    files = sorted(m.name for m in pkgutil.iter_modules(edgernn.cells.__path__))
    found: dict[str, list[type[Streaming]]] = {}
    for file in files:
        module = importlib.import_module(f"edgernn.cells.{file}")
        built = [type(example.build()) for example in module.EXAMPLES.values()]
        found[file] = list(dict.fromkeys(built))
    by_name = {sort.__name__: [sort] for sorts in found.values() for sort in sorts}
    for name in names:
        if name not in found and name not in by_name:
            raise UnknownName("unit", name, [*found, *by_name])
    chosen = [found.get(name) or by_name[name] for name in names] if names else found.values()
    return list(dict.fromkeys(sort for sorts in chosen for sort in sorts))


def fresh(sort: type[Streaming], width: int) -> Streaming:
    """A unit of this width, drawn anew. Raises: ShapeError for a width below 1."""
    if width < 1:
        raise ShapeError(f"a width of {width}; need at least 1")
    wanted = [
        2 if name in COUNTS else width
        for name, given in inspect.signature(sort).parameters.items()
        if given.default is given.empty
    ]
    return sort(*wanted)


def at_width(sort: type[Streaming], width: int) -> Streaming:
    """A unit of this width, the same one each time. Raises: ShapeError for a width below 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return fresh(sort, width).eval()


def input_channels(sort: type[Streaming], width: int) -> int:
    """How many channels a unit of this width reads: its width, or that of each of its parts."""
    return width * (axis_of(sort.layout.input).gates if sort.layout else 1)


def described(sort: type[Streaming], width: int) -> Unit:
    """All that is known of a unit without capturing it."""
    unit = at_width(sort, width)
    text = inspect.getdoc(inspect.getmodule(sort)) or ""
    return Unit(
        sort.__name__,
        sort.__module__.rpartition(".")[2],
        text.partition("\n")[0],
        source_of(sort),
        unit.parallel,
        sum(p.numel() for p in unit.parameters()),
        nbytes(unit.initial_state(1)),
    )


def measured(unit: Unit, width: int) -> Unit:
    """The unit with the MACs of its captured step and the number types that hold it.

    A number type holds a unit if the compiler's numbers, by their reference, stay within its
    tolerance of torch's over noise; weights are as they begin.
    """
    (sort,) = unit_classes([unit.name])
    module = at_width(sort, width)
    noise = torch.Generator().manual_seed(0)
    channels = input_channels(sort, width)
    x = torch.randn(STEPS, 1, module.timing.block, channels, generator=noise)
    step = capture(module, x[0], unit.name.lower())
    with torch.no_grad():
        want = module(x.flatten(0, 2).unsqueeze(0)).squeeze(0).numpy()
    frames = [{step.inputs[0].name: frame} for frame in x.numpy()]
    backend: Any = find_backend("c")
    held = {}
    for name in NUMBER_TYPES:
        try:
            graph, _ = backend.typed(step, name, frames)
            stream = Reference(graph)
            with np.errstate(all="ignore"):  # what `where` leaves out may be no number
                got = [stream.step(frame)[graph.outputs[0]] for frame in frames]
            _, held[name] = compare(unit.name, np.stack(got).reshape(want.shape), want, name)
        except (UnsupportedOp, ParityError):
            continue
    return replace(unit, macs=to_graph(step).macs(), number_types=held)


def source_of(sort: type[Streaming]) -> str:
    """Where a unit comes from: the first source that its docstring names."""
    text = (inspect.getdoc(sort) or "").partition("Source:")[2].partition("Differs:")[0]
    first = " ".join(text.partition(";")[0].split())
    numbered = re.match(r".*?arXiv:\d{4}\.\d{4,5}", first)
    return numbered[0] if numbered else first.rstrip(".")


def table_row(unit: Unit, second: str) -> dict[str, Any]:
    """A line of the table. second: which attribute stands next to the name."""
    errors = unit.number_types.items()
    return {
        "unit": unit.name,
        second: getattr(unit, second),
        "parameters": unit.parameters,
        "state bytes": unit.state_bytes,
        "MACs a step": unit.macs,
        "parallel": unit.parallel or None,
        "number types": [kind if kind == "fp32" else f"{kind} {e:.1%}" for kind, e in errors],
        "source": unit.source,
    }


def markdown_table(units: Sequence[Unit], width: int) -> str:
    """The table of the documents, and what its columns mean."""
    rows = [table_row(unit, "what") for unit in units]
    cells = [list(rows[0]), ["---"] * len(rows[0])]
    cells += [[figure(value) for value in row.values()] for row in rows]
    return "\n".join([HEAD.format(width=width), *(f"| {' | '.join(line)} |" for line in cells)])
