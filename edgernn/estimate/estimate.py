"""What each step of a model will cost on a target, and whether it fits: predicted, not compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgernn.backend import Outlook, find_backend
from edgernn.estimate.prices import Prices, prices_of, total, unpriced
from edgernn.estimate.steps import steps_of
from edgernn.graph.number_type import find_number_type
from edgernn.target import Target, find_target
from edgernn.toolchain import stack_bytes

SHOWN = 3  # kinds of work named in a note


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one step on one core. Sizes in bytes; None where nothing was measured to tell it by.

    error: of instructions, the median over shipped models that were counted, as a share.
    cycles: an estimate of an estimate, by the timings of the core's manual; see profile/cycles.
    flash_bytes: weights and code. ram_bytes: state, scratch and the stack that an image reserves.
    MACs, weights, state and scratch are exact.
    """

    step: str
    target: str
    core: str
    number_type: str
    instructions: int | None
    error: float | None
    cycles: int | None
    macs: int
    weights_bytes: int
    flash_bytes: int | None
    state_bytes: int
    scratch_bytes: int
    ram_bytes: int | None
    notes: tuple[str, ...]


def estimate(
    reference: str,
    target: str,
    number_type: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Estimate]:
    """Every step of a model's name, `file.py:build`, an .onnx file or a bundle, on every core.

    number_type: None for a bundle's own, else fp32.

    Raises: UnknownName, ModelError, DataError, BundleError, UnsupportedOp.
    """
    place = find_target(target)
    if number_type is not None:
        find_number_type(number_type, place.number_types)
    backend: Any = find_backend("c")
    cores = prices_of(place)
    found = []
    for one in steps_of(reference, number_type, say):
        step = one.step
        outlook = backend.outlook(step, step.graph, place, one.moves, step.activations)
        found += [told(outlook, place, step.name, step.number_type, core) for core in cores]
        if not cores:
            found.append(told(outlook, place, step.name, step.number_type, None))
    return found


def told(
    outlook: Outlook, target: Target, step: str, number_type: str, prices: Prices | None
) -> Estimate:
    """One step by the prices of a core; without them the exact part alone."""
    facts, board = outlook.facts, target.board
    held = facts["state_bytes"] + facts["scratch_bytes"]
    ram = held + stack_bytes(board) if board else None
    notes, flash = [], None
    if prices is None:
        notes.append(f"no instructions are counted on {target.name}, so none are predicted")
    else:
        flash = round(facts["weights_bytes"] + total(outlook.code, prices.flash))
        if missing := unpriced(outlook.work, prices.instructions):
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            names = ", ".join(missing[:SHOWN])
            notes.append(f"{step}: no price for {names}{more}; it will take more than is told")
    if board:
        for what, bytes_, room in (
            ("flash", flash, board.flash_bytes),
            ("RAM", ram, board.ram_bytes),
        ):
            if bytes_ is not None and bytes_ > room:
                notes.append(
                    f"{step}: does not fit: about {bytes_:,} bytes of {what}; {target.name} has "
                    f"{room:,}"
                )
    cycles = prices.cycles if prices else None
    return Estimate(
        step=step,
        target=target.name,
        core=prices.core if prices else target.name,
        number_type=number_type,
        instructions=round(total(outlook.work, prices.instructions)) if prices else None,
        error=prices.error if prices else None,
        cycles=round(total(outlook.work, cycles)) if cycles else None,
        **{k: facts[k] for k in ("macs", "weights_bytes", "state_bytes", "scratch_bytes")},
        flash_bytes=flash,
        ram_bytes=ram,
        notes=tuple(notes),
    )
