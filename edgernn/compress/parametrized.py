"""Masks and rounding beneath a parameter, by torch's own parametrizations.

The network computes with `mask * weight`, or with the weight rounded to integers; the optimiser
trains the weight beneath. Both lie in the state dict, so checkpoints show masks and resume with
them, and `bake` leaves plain weights behind, which every export takes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from edgernn.compress.matrices import Matrix
from edgernn.compress.reads import remove_reads

_HOOK = "edgernn_refresh"  # attribute of a torch RNN with transforms


def attach(matrix: Matrix, transform: nn.Module) -> None:
    """Put a transform on a matrix, behind those that are there already."""
    owner = matrix.owner
    parametrize.register_parametrization(owner, matrix.parameter, transform)
    if isinstance(owner, nn.RNNBase):
        if not hasattr(owner, _HOOK):
            # torch's fused step reads a list of its own, filled when a parameter was last set
            setattr(owner, _HOOK, owner.register_forward_pre_hook(_refresh))
        with torch.no_grad():  # what belongs to a graph of gradients could not be copied
            _refresh(owner, ())


def _refresh(owner: nn.Module, args: Any) -> None:
    names: Any = owner._flat_weights_names
    owner._flat_weights = [getattr(owner, name) for name in names]  # type: ignore[assignment]


def transforms(matrix: Matrix) -> list[nn.Module]:
    """What lies on a matrix, the first one next to the trained weight."""
    if not parametrize.is_parametrized(matrix.owner, matrix.parameter):
        return []
    every: Any = matrix.owner.parametrizations
    return list(every[matrix.parameter])


def attached(matrix: Matrix, sort: type[nn.Module]) -> Any:
    """The transform of a sort that lies on a matrix, or None."""
    return next((one for one in transforms(matrix) if isinstance(one, sort)), None)


def before(matrix: Matrix, transform: nn.Module) -> Tensor:
    """The weight that a transform gets: the original behind the transforms that lie before it."""
    weight: Tensor = matrix.original
    for one in transforms(matrix):
        if one is transform:
            break
        weight = one(weight)
    return weight


def bake(network: nn.Module) -> nn.Module:
    """The same network with plain weights: what it computed with is what it now owns.

    What rounded the values that its products read is taken out.

    Changes and gives `network`; the state dict has the names that it had before.
    """
    remove_reads(network)
    for owner in list(network.modules()):
        if not parametrize.is_parametrized(owner):
            continue
        every: Any = owner.parametrizations
        for name in list(every):
            parametrize.remove_parametrizations(owner, name, leave_parametrized=True)
        if isinstance(owner, nn.RNNBase):
            hook: RemovableHandle = getattr(owner, _HOOK)
            hook.remove()
            delattr(owner, _HOOK)
            _refresh(owner, ())
    return network
