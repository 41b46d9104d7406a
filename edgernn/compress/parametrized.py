"""Masks and rounding beneath a parameter, by torch's own parametrizations.

The network computes with `mask * weight`, or with the weight rounded to integers; the optimiser
trains the weight beneath. Both lie in the state dict, so checkpoints show masks and resume with
them, and `bake` leaves plain weights behind, which every export takes.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from edgernn.compress.matrices import Matrix
from edgernn.compress.reads import remove_reads

_HOOKS = "edgernn_hooks"  # attribute of a torch RNN with transforms


def attach(matrix: Matrix, transform: nn.Module) -> None:
    """Put a transform on a matrix, behind those that are there already."""
    owner = matrix.owner
    parametrize.register_parametrization(owner, matrix.parameter, transform)
    if isinstance(owner, nn.RNNBase) and not hasattr(owner, _HOOKS):
        # torch's fused step reads a list of its own, filled when a parameter was last set. What is
        # masked or rounded is a result, not a parameter, and a module that holds a result cannot be
        # copied; so the list is full only while the module runs.
        setattr(
            owner,
            _HOOKS,
            (owner.register_forward_pre_hook(_list), owner.register_forward_hook(_clear)),
        )
        owner.__dict__["_init_flat_weights"] = _no_list
    _clear(owner)


def _list(owner: nn.Module, args: Any) -> None:
    names: Any = owner._flat_weights_names
    owner.__dict__["_flat_weights"] = [getattr(owner, name) for name in names]
    owner.__dict__["_flat_weight_refs"] = [None] * len(names)  # torch looks for changes by these


def _clear(owner: nn.Module, *args: Any) -> None:
    if isinstance(owner, nn.RNNBase):
        owner.__dict__["_flat_weights"] = []


def _no_list() -> None:
    """What a module with transforms does instead of listing its weights whenever it is moved."""


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
            hooks: tuple[RemovableHandle, ...] = getattr(owner, _HOOKS)
            for hook in hooks:
                hook.remove()
            delattr(owner, _HOOKS)
            del owner.__dict__["_init_flat_weights"]
            owner._init_flat_weights()
    return network
