"""The channels of a network: which axes of which tensors hold the same ones, from layer to layer.

Every module says how channels lie in its own tensors (`edgernn.layout`); what a Sequential or a
Residual feeds from one to the next is tied together here. So who takes a channel from the layer
that makes it takes it from all that read it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ModelError
from edgernn.factored import Factored
from edgernn.layout import Layout, axis_of, layout_of

Key = tuple[str, str]  # a module's path and the name of channels in its layout


class Several(NamedTuple):
    """The channels of a key, so many times one after the other: what a gated layer reads."""

    key: Key
    gates: int = 1


class Place(NamedTuple):
    """One axis of a tensor along which channels lie, once for each gate."""

    owner: nn.Module
    tensor: str
    dim: int
    gates: int

    @property
    def value(self) -> Tensor:
        """The tensor as it is now."""
        value: Tensor = getattr(self.owner, self.tensor)
        return value


@dataclass(slots=True)
class Channels:
    """Channels that are one and the same.

    places: where they lie. sizes: attributes that hold their number, so many times. scores: how
    much each matters, as their layers say. unseen: in words, who makes or reads them without a
    layout; if there is one, nothing may be done to them.
    """

    places: list[Place] = field(default_factory=list)
    sizes: list[tuple[nn.Module, str, int]] = field(default_factory=list)
    scores: list[Callable[[], Tensor]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        first = self.places[0]
        return first.value.shape[first.dim] // first.gates

    @torch.no_grad()
    def take(self, chosen: Tensor) -> None:
        """Keep the channels of these numbers, in this order, everywhere."""
        for place in self.places:
            value = place.value
            count = value.shape[place.dim] // place.gates
            rows = torch.cat([chosen + gate * count for gate in range(place.gates)])
            kept: Tensor = value.detach().index_select(place.dim, rows.to(value.device))
            if isinstance(value, nn.Parameter):
                kept = nn.Parameter(kept, value.requires_grad)
            setattr(place.owner, place.tensor, kept)
        for owner, name, gates in self.sizes:
            size = gates * len(chosen)
            setattr(owner, name, (size,) if isinstance(getattr(owner, name), tuple) else size)


class Wiring:
    """All channels of a network, to be asked for by the layer that makes them.

    narrow: a network that is one layer alone may give other channels than before.
    """

    def __init__(self, network: nn.Module, *, narrow: bool = False) -> None:
        self._modules = dict(network.named_modules())
        self._tied: dict[Key, Several] = {}
        self._own: dict[Key, Channels] = defaultdict(Channels)
        entry, end = self._walk("", network)
        if not (narrow and self._units("")):
            self._own[entry.key].unseen.append("they are the network's input")
            self._own[end.key].unseen.append("they are the network's output")
        self._joined = self._join()

    def gates(self) -> dict[tuple[int, str, int], int]:
        """Along each axis of each tensor: how many gates lie there one after the other.

        By the owner's id, the tensor's name and the axis; an axis of no known channels is absent.
        """
        every = (place for one in self._joined.values() for place in one.places)
        return {(id(place.owner), place.tensor, place.dim): place.gates for place in every}

    def layers(self) -> list[str]:
        """Layers that have units of their own, by name."""
        return [path for path in self._modules if self._units(path)]

    def all_units(self, layer: str) -> list[Channels]:
        """The units of a layer, whoever reads them."""
        keys = self._units(layer) if layer in self._modules else []
        return [self._joined[self._root(key).key] for key in keys]

    def units(self, layer: str, where: str) -> list[Channels]:
        """The units that a layer makes; of torch's stacked cells, those of every layer.

        Raises: ModelError for a layer without units, or if who reads them cannot be told.
        """
        found = self.all_units(layer)
        if not found:
            known = ", ".join(name for name in self.layers() if name) or "none"
            raise ModelError(
                f"{where}: no layer {layer!r} with units of its own; there are {known}"
            )
        unseen = sorted({why for one in found for why in one.unseen})
        if unseen:
            raise ModelError(
                f"{where}: who makes or reads the units of {layer!r} cannot be told: "
                f"{'; '.join(unseen)}. Take another layer, or give that module a `layout`"
            )
        return found

    def _units(self, path: str) -> list[Key]:
        """The names of a module's units: its own, or those of the only child it consists of."""
        layout = layout_of(self._modules[path])
        if layout is None or layout.units:
            return [(path, name) for name in layout.units] if layout else []
        if len(layout.chain) == 1:
            return self._units(_join(path, layout.chain[0]))
        return []

    def _walk(self, path: str, module: nn.Module) -> tuple[Several, Several]:
        """Note what a module and its children hold; gives what its input and output are."""
        layout = layout_of(module)
        if layout is None:
            return self._unknown(path, module)
        for name in layout.tensors:
            for key, place in _places(path, module, name, layout):
                self._own[key].places.append(place)
        for name, channels in layout.sizes.items():
            self._own[path, channels].sizes.append((module, name, 1))
        for channels, method in layout.scores.items():
            self._own[path, channels].scores.append(getattr(module, method))
        entry = at = _several(path, layout.input)
        end = _several(path, layout.output)
        for child in layout.chain:
            first, last = self._walk(_join(path, child), module.get_submodule(child))
            self._tie(at, first)
            at = last
        if layout.chain:
            self._tie(at, _several(path, layout.made) if layout.made else end)
        for child in layout.beside:
            first, last = self._walk(_join(path, child), module.get_submodule(child))
            self._tie(entry, first)
            self._tie(end, last)
        if not layout.output:
            self._own[end.key].unseen.append(f"{_called(path, module)} gives several as one")
        return entry, end

    def _unknown(self, path: str, module: nn.Module) -> tuple[Several, Several]:
        """A module without a layout: what goes into it and its children, and where, is unseen."""
        why = f"{_called(path, module)} does not say how its channels lie"
        entry, end = Several((path, "in")), Several((path, "out"))
        ends = [entry, end]
        for name, child in module.named_children():
            ends += self._walk(_join(path, name), child)
        for one in ends:
            self._own[one.key].unseen.append(why)
        return entry, end

    def _root(self, key: Key) -> Several:
        gates = 1
        while key in self._tied:
            key, more = self._tied[key]
            gates *= more
        return Several(key, gates)

    def _tie(self, a: Several, b: Several) -> None:
        """What one gives the other reads; channels that are several of others become those."""
        (one, m), (other, n) = (self._root(end.key) for end in (a, b))
        m, n = m * a.gates, n * b.gates
        if one == other and m == n:
            return
        if one == other or max(m, n) % min(m, n):
            why = f"{one[0]} and {other[0]} cut them into {m} and {n} parts"
            self._own[one].unseen.append(why)
            self._own[other].unseen.append(why)
        elif m >= n:
            self._tied[other] = Several(one, m // n)
        else:
            self._tied[one] = Several(other, n // m)

    def _join(self) -> dict[Key, Channels]:
        joined: dict[Key, Channels] = defaultdict(Channels)
        for key, own in self._own.items():
            root, gates = self._root(key)
            whole = joined[root]
            whole.places += [p._replace(gates=p.gates * gates) for p in own.places]
            whole.sizes += [(owner, name, count * gates) for owner, name, count in own.sizes]
            whole.scores += own.scores if gates == 1 else []
            whole.unseen += own.unseen
        return joined


def _places(path: str, module: nn.Module, name: str, layout: Layout) -> Iterator[tuple[Key, Place]]:
    """Where the channels of one tensor lie; of a matrix in factors, in the one or the other."""
    value: Any = getattr(module, name)
    for dim, axis in enumerate(layout.axes(name)):
        if not axis.channels:
            continue
        place = Place(module, name, dim, axis.gates)
        if isinstance(value, Factored):
            place = Place(value, "inner" if dim else "outer", dim, axis.gates)
        yield (path, axis.channels), place


def _several(path: str, channels: str) -> Several:
    gates, name = axis_of(channels)
    return Several((path, name), gates)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _called(path: str, module: nn.Module) -> str:
    return f"{path} ({type(module).__name__})" if path else type(module).__name__


def magnitudes(places: Iterable[Place]) -> Tensor:
    """The sum of magnitudes along each channel, over all gates and places: (C,)."""
    total: Tensor | None = None
    for place in places:
        rest = [d for d in range(place.value.dim()) if d != place.dim]
        one = place.value.detach().abs().sum(rest).reshape(place.gates, -1).sum(0)
        total = one if total is None else total + one
    assert total is not None
    return total
