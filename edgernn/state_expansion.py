"""State expansion after training: a network whose units remember more, and then learn to use it.

What a linear recurrence can recall is bounded by the size of its state, while training with a large
one from the start is dear. So units that were trained are given more state and trained on. A unit
that can has a method `expand_state(factor)`, which changes it in place; it is then what its
constructor builds with so much more state, and state dicts interchange.

Source: Shen et al. 2025, StateX, arXiv:2509.22630: more keys a head for state spaces, heads merged
to one for linear attention, in the first of every so many layers. Our choice: a state space
computes the same as before until it is trained, for what reads the new states begins at zero.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

from torch import Tensor, nn

from edgernn.errors import ModelError, ShapeError

Network = TypeVar("Network", bound=nn.Module)


def expand_states(network: Network, factor: int, *, every: int = 1) -> Network:
    """A copy, the first of every so many of whose units holds `factor` times the state.

    Raises: ShapeError for a factor below 2 or what a unit cannot be multiplied by, ModelError if no
        unit can hold more.
    """
    if factor < 2 or every < 1:
        raise ShapeError(f"a factor of {factor} in every {every} units; need 2 and 1 at least")
    made = copy.deepcopy(network)
    units: list[Any] = [m for m in made.modules() if callable(getattr(m, "expand_state", None))]
    if not units:
        kinds = sorted({type(module).__name__ for module in network.modules()})
        raise ModelError(
            f"{', '.join(kinds)}: no unit whose state can be expanded; those of state spaces and "
            "of linear attention can, as SSM, Mamba2, RetNet, HGRN2"
        )
    for unit in units[::every]:
        unit.expand_state(factor)
    return made


def merged_heads(unit: Any, factor: int, heads: int | None = None) -> int:
    """How many heads there are when so many have become one. Raises: ShapeError."""
    heads = unit.heads if heads is None else heads
    if heads % factor:
        raise ShapeError(f"{type(unit).__name__}: {factor} heads to one do not divide {heads}")
    return heads // factor


def keep_parts(wider: Tensor, own: Tensor, sizes: Sequence[int], own_sizes: Sequence[int]) -> None:
    """Copy the rows of each part of a weight to the first of that part of a larger one."""
    parts = zip(
        wider.split_with_sizes(list(sizes)), own.split_with_sizes(list(own_sizes)), strict=True
    )
    for part, kept in parts:
        part[: len(kept)] = kept
