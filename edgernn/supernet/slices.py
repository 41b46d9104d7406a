"""The weights of a smaller network as slices of a larger one's.

A smaller network has tensors of the same names; each is the leading corner of the larger's, where
gates lie one after the other the leading part of each (`edgernn.compress.channels`). So any model
is elastic in whatever its `build` takes: no layer is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgernn.compress.channels import Wiring
from edgernn.errors import ModelError

LAYER = re.compile(r"\blayer(\d+)\b")


@dataclass(frozen=True, slots=True)
class Cut:
    """A tensor's name and shape in the larger network, its shape in the smaller, gates of axes."""

    name: str
    large: tuple[int, ...]
    small: tuple[int, ...]
    gates: tuple[int, ...]

    def of(self, tensor: Tensor) -> Tensor:
        """The slice, contiguous, so that it computes what its copy would compute, to the bit."""
        for dim, (large, small, gates) in enumerate(
            zip(self.large, self.small, self.gates, strict=True)
        ):
            if large == small:
                continue
            parts = tensor.unflatten(dim, (gates, large // gates))  # type: ignore[no-untyped-call]
            tensor = parts.narrow(dim + 1, 0, small // gates).flatten(dim, dim + 1)
        return tensor.contiguous()


def cuts(large: nn.Module, small: nn.Module, path: Sequence[int] = ()) -> dict[str, Cut]:
    """How each tensor of the smaller network lies in the larger one's, by its name.

    path: which of the larger network's layers stands at each place; without it each at its own.

    Raises: ModelError if the larger lacks one, or has less of it.
    """
    whole, found, known = large.state_dict(), {}, Wiring(small).gates()
    for key, tensor in small.state_dict().items():
        place, _, name = key.rpartition(".")
        source = LAYER.sub(lambda found: f"layer{path[int(found[1])]}", key) if path else key
        if source not in whole:
            raise ModelError(f"supernet: the largest network has no {source}")
        owner = id(small.get_submodule(place))
        gates = tuple(known.get((owner, name, dim), 1) for dim in range(tensor.dim()))
        cut = Cut(source, tuple(whole[source].shape), tuple(tensor.shape), gates)
        if len(cut.large) != len(cut.small) or any(
            small > large or small % gates or large % gates
            for large, small, gates in zip(cut.large, cut.small, cut.gates, strict=True)
        ):
            raise ModelError(
                f"supernet: {key} {cut.small} is no slice of the largest network's {cut.large}"
            )
        found[key] = cut
    return found


def sliced(large: nn.Module, plan: Mapping[str, Cut]) -> dict[str, Tensor]:
    """The smaller network's tensors; gradients reach the larger's parameters.

    Buffers are copies: what a smaller network counts in them, as batch norm does, is its own.
    """
    parameters, buffers = dict(large.named_parameters()), dict(large.named_buffers())
    return {
        name: cut.of(parameters[cut.name])
        if cut.name in parameters
        else cut.of(buffers[cut.name]).clone()
        for name, cut in plan.items()
    }


@contextmanager
def lent(network: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[nn.Module]:
    """The network, computing with these tensors in the place of its own while it is open.

    An attribute of an object hides what torch finds behind it, so nothing of its own is touched.
    """
    hidden: list[tuple[dict[str, Any], str]] = []
    lists: list[tuple[dict[str, Any], Any]] = []
    try:
        for key, tensor in tensors.items():
            path, _, name = key.rpartition(".")
            room = network.get_submodule(path).__dict__
            room[name] = tensor
            hidden.append((room, name))
        for module in network.modules():
            if isinstance(module, nn.RNNBase):  # its fused step reads a list of its own
                lists.append((module.__dict__, module.__dict__["_flat_weights"]))
                names: Any = module._flat_weights_names
                module.__dict__["_flat_weights"] = [getattr(module, name) for name in names]
        yield network
    finally:
        for room, name in hidden:
            del room[name]
        for room, before in lists:
            room["_flat_weights"] = before


@torch.no_grad()
def extract(large: nn.Module, small: nn.Module, path: Sequence[int] = ()) -> None:
    """Copy the slices into the smaller network, which is then one of its own."""
    tensors = sliced(large, cuts(large, small, path))
    small.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
