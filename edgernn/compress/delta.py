"""Delta networks: products that read only what has moved by more than a threshold.

Sources: Neil et al. 2016, arXiv:1612.05571, and the penalty on movement as there; `layers.hold`
tells of blocks and of the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from edgernn.compress.signals import Signal, signals
from edgernn.compress.torchs import hides_its_steps, torchs_own
from edgernn.errors import ModelError, ShapeError
from edgernn.layers.conv import Conv1d
from edgernn.layers.hold import Hold, check_hold, threshold_pair
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming

SUFFIX = "_hold"  # of the layer that is put in front of another


@dataclass(frozen=True, slots=True)
class Delta:
    """What is held, and how a network is trained for it.

    thresholds: by name in the network, in a signal's own units: of a cell [x, h], or [x, h, m]
        where an LSTM projects m; of a linear layer one for its input. One number serves all.
    relative: the same in standard deviations of each signal, which a training measures; it
        leaves them resolved, among `thresholds`.
    block: 1, or 4 columns that move together.
    l1: weight in the loss of the mean absolute difference from frame to frame of what is held,
        in standard deviations.
    ramp: steps over which thresholds rise from zero.
    """

    thresholds: Mapping[str, Any] = field(default_factory=dict)
    relative: Mapping[str, Any] = field(default_factory=dict)
    block: int = 1
    l1: float = 0.0
    ramp: int = 0

    def __post_init__(self) -> None:
        both = sorted(self.thresholds.keys() & self.relative.keys())
        if both:
            raise ModelError(f"delta: {both[0]} has thresholds and relative ones; give one of them")
        if self.l1 < 0 or self.ramp < 0:
            raise ModelError(f"delta: l1 {self.l1}, ramp {self.ramp}; need at least 0")

    def apply(self, network: nn.Module) -> None:
        """Give cells their thresholds, and linear layers a `Hold` in front of them.

        Raises: ModelError for a name that cannot hold, or while thresholds are not measured.
        """
        if self.relative:
            name = next(iter(self.relative))
            raise ModelError(
                f"delta: the relative thresholds of {name} are measured by a training; give "
                "thresholds in the units of the signal"
            )
        for name, given in self.thresholds.items():
            _give(network, name, given, self.block)

    def scaled(self, share: float) -> Delta:
        """All thresholds times a number."""
        return replace(self, thresholds={n: _times(g, share) for n, g in self.thresholds.items()})

    def opened(self) -> Delta:
        """The same signals held with thresholds of zero: the network of before."""
        names = [*self.thresholds, *self.relative]
        return Delta(dict.fromkeys(names, 0.0), block=self.block)

    def resolved(self, scales: Mapping[str, float]) -> Delta:
        """The relative thresholds among the absolute ones, given each signal's deviation."""
        found = dict(self.thresholds)
        for name, given in self.relative.items():
            own = [scale for signal, scale in scales.items() if owner(signal) == name]
            many = list(given) if isinstance(given, list | tuple) else [given] * len(own)
            if len(many) != len(own):
                raise ModelError(f"delta: {name} holds {len(own)} signals; {given} are {len(many)}")
            found[name] = [one * scale for one, scale in zip(many, own, strict=True)]
        return replace(self, thresholds=found, relative={})


def held_signals(network: nn.Module, how: Delta) -> list[Signal]:
    """What the network, with `how` applied, holds by it."""
    names = {*how.thresholds, *how.relative}
    return [signal for signal in signals(network) if owner(signal.name) in names]


def restful(network: nn.Module) -> list[str]:
    """Names of the cells that can have thresholds."""
    return [name for name, module in network.named_modules() if _is_cell(module)]


def owner(signal: str) -> str:
    """The name in the settings that a signal's threshold stands under."""
    path, _, last = signal.rpartition(".")
    return path if last in ("x", "h", "m") else signal.removesuffix(SUFFIX)


def _times(given: Any, share: float) -> Any:
    return [one * share for one in given] if isinstance(given, list | tuple) else given * share


def _give(network: nn.Module, name: str, given: Any, block: int) -> None:
    """Let one cell or layer hold. Raises: ModelError, naming what can."""
    many = tuple(given) if isinstance(given, list | tuple) else (given,)
    module: Any = dict(network.named_modules()).get(name)
    try:
        if isinstance(module, Hold):
            _only(name, many)
            check_hold(name, many[0], block)
            module.threshold, module.block = many[0], block
        elif _is_cell(module):
            _give_cell(module, name, many, block)
        elif (channels := _channels(module)) and _give_layer(network, name, many, block, channels):
            return
        elif name in torchs_own(network):
            raise hides_its_steps("delta", {name: module})
        elif hasattr(module, "thresholds"):
            raise ModelError(
                f"delta: {name} has reset_after=False, so its product reads r * h, which moves "
                "with every r; build it with reset_after=True"
            )
        else:
            known = ", ".join(_able(network)) or "none"
            layer = isinstance(module, nn.Linear) or _channels(module)
            hint = "; a layer holds as a child of a Sequential" if layer else ""
            raise ModelError(
                f"delta: no cell or layer {name!r} that can hold; there are {known}{hint}"
            )
    except ShapeError as cause:
        raise ModelError(f"delta: {cause}") from cause


def _is_cell(module: Any) -> bool:
    """Whether a cell can have thresholds; a GRU with its reset before the product cannot."""
    return hasattr(module, "thresholds") and getattr(module, "reset_after", True)


def _only(name: str, many: tuple[float, ...]) -> None:
    if len(many) != 1:
        raise ModelError(f"delta: {name} holds one signal; {len(many)} thresholds are given")


def _give_cell(cell: Any, name: str, many: tuple[float, ...], block: int) -> None:
    projects = bool(getattr(cell.rnn, "proj_size", 0))
    if len(many) > 2 + projects:
        raise ModelError(f"delta: {name} holds {2 + projects} signals; {len(many)} are given")
    pair = (many[0], many[1]) if len(many) > 1 else many[0]
    cell.thresholds, cell.block = threshold_pair(name, pair, block), block
    if projects and len(many) != 2:
        check_hold(name, many[-1], block)
        cell.proj_threshold = many[-1]


def _channels(module: Any) -> int:
    """How many columns the one product of a layer has; 0 if it is not a product of one frame."""
    if isinstance(module, Linear):
        return module.linear.in_features
    if isinstance(module, Conv1d) and module.span == module.stride == module.conv.groups == 1:
        return module.in_channels
    return 0


def _give_layer(
    network: nn.Module, name: str, many: tuple[float, ...], block: int, channels: int
) -> bool:
    """Put a Hold in front of a child of a `Sequential`; False if it is no such child."""
    path, _, child = name.rpartition(".")
    parent = network.get_submodule(path)
    if not isinstance(parent, Sequential):
        return False
    _only(name, many)
    label, layers = f"{child}{SUFFIX}", dict(parent.layers)
    if label in layers:
        return _set_again(layers[label], many[0], block)
    for each in layers:
        delattr(parent, each)
    for each, layer in layers.items():
        if each == child:
            hold = Hold(channels, many[0], block)
            parent.add_module(label, hold.train(parent.training))
        parent.add_module(each, layer)
    return True


def _set_again(hold: Streaming, threshold: float, block: int) -> bool:
    if not isinstance(hold, Hold):
        return False
    check_hold("Hold", threshold, block)
    hold.threshold, hold.block = threshold, block
    return True


def _able(network: nn.Module) -> list[str]:
    """Names of what could hold."""
    found = []
    for name, module in network.named_modules():
        parent = network.get_submodule(name.rpartition(".")[0])
        layer = isinstance(parent, Sequential) and _channels(module)
        if _is_cell(module) or isinstance(module, Hold) or layer:
            found.append(name)
    return found
