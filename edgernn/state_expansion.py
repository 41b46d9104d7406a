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
from typing import Any, TypeVar

from torch import nn

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
            f"{', '.join(kinds)}: no unit whose state can be expanded; SSM and MultiHeadSSM can"
        )
    for unit in units[::every]:
        unit.expand_state(factor)
    return made
