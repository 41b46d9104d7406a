"""`Layout`: where a module's channels lie in its tensors, said once, by the module itself.

What lists matrices, removes units, reorders them or splits a matrix reads it here. So a cell joins
by an attribute of its own, and no list elsewhere names it:

    class MyCell(Streaming):
        layout = Layout(
            {"weight_in": ("2 h", "in"), "decay": ("h",), "weight_out": ("out", "h")},
            kinds={"weight_in": "input", "weight_out": "projection"},
            units=("h",),
        )
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import nn

GATES = {nn.GRU: 3, nn.LSTM: 4, nn.RNN: 1}  # stacked along the rows of a cell's matrices
ELEMENTWISE = (nn.Identity, nn.Dropout, nn.ReLU, nn.Tanh, nn.Sigmoid)


class Axis(NamedTuple):
    """One axis of a tensor: the channels of this name, once for each gate; "" for no channels."""

    gates: int
    channels: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Channels by name; `in` are those of the input, the other names are the module's own.

    tensors: for each parameter or buffer the channels of its axes: `h`, `3 h` where one gate
        after the other has them all, or "" for what are no channels (taps in time).
    kinds: which tensors are weight matrices: input, recurrent, projection, linear or conv; or
        tables of which rows are looked up: embedding.
    sizes: the attributes that hold how many channels there are.
    units: the channels that the module makes by weights of its own.
    scores: the method that says how much each of these channels matters, (channels,), where sums
        of magnitudes do not.
    input: the channels that it reads, such as `2 h` for pairs of which it makes one.
    output: the channels that it gives; "" if nothing can be said of them.
    chain: children that the input passes in this order; their channels are the module's.
    made: the channels that the chain gives where the module makes its output of them, `3 h` such
        as the gates of a cell.
    beside: children that the input passes next to the chain, channel by channel.
    """

    tensors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, str] = field(default_factory=dict)
    units: Sequence[str] = ()
    scores: Mapping[str, str] = field(default_factory=dict)
    input: str = "in"
    output: str = "out"
    chain: Sequence[str] = ()
    made: str = ""
    beside: Sequence[str] = ()

    def axes(self, tensor: str) -> list[Axis]:
        """The axes of a tensor, in order."""
        return [axis_of(text) for text in self.tensors[tensor]]


def axis_of(text: str) -> Axis:
    """`3 h` in parts."""
    gates, _, channels = text.rpartition(" ")
    return Axis(int(gates or 1), channels)


def elementwise(*tensors: str, size: str = "") -> Layout:
    """Of a layer that treats each channel alone; tensors: shaped (C,); size: attribute with C."""
    sizes = {size: "in"} if size else {}
    return Layout(dict.fromkeys(tensors, ("in",)), sizes=sizes, output="in")


def layout_of(module: nn.Module) -> Layout | None:
    """The layout that a module declares, or that of torch's own; None if nobody says it."""
    declared: Any = getattr(module, "layout", None)
    if isinstance(declared, Layout):
        return declared
    if isinstance(module, nn.RNNBase):
        return _recurrent(module)
    if isinstance(module, nn.Linear):
        return _product(module, ("out", "in"), "linear", "features")
    if isinstance(module, nn.Conv1d):
        return _convolution(module)
    if isinstance(module, nn.Embedding):
        kinds, sizes = {"weight": "embedding"}, {"embedding_dim": "out"}
        return Layout({"weight": ("", "out")}, kinds, sizes, units=("out",))
    if isinstance(module, nn.BatchNorm1d):
        running = ("running_mean", "running_var") if module.track_running_stats else ()
        own = ("weight", "bias") if module.affine else ()
        return elementwise(*own, *running, size="num_features")
    if isinstance(module, nn.LayerNorm) and len(module.normalized_shape) == 1:
        return elementwise(*(n for n, _ in module.named_parameters()), size="normalized_shape")
    if isinstance(module, nn.GLU):
        return Layout(input="2 h", output="h")
    if isinstance(module, ELEMENTWISE):
        return elementwise()
    if isinstance(module, nn.Sequential):
        return Layout(chain=[name for name, _ in module.named_children()])
    return None


def _product(module: nn.Module, weight: tuple[str, ...], kind: str, noun: str) -> Layout:
    """Of one weight, and a bias if there is one; noun: what torch calls the channels."""
    tensors = {"weight": weight}
    if module.bias is not None:
        tensors["bias"] = ("out",)
    sizes = {f"in_{noun}": "in", f"out_{noun}": "out"}
    return Layout(tensors, {"weight": kind}, sizes, units=("out",))


def _convolution(module: nn.Conv1d) -> Layout | None:
    """A depthwise one is elementwise; of other groups no channel can go alone."""
    if module.groups == 1:
        return _product(module, ("out", "in", ""), "conv", "channels")
    if not module.groups == module.in_channels == module.out_channels:
        return None
    tensors: dict[str, Sequence[str]] = {"weight": ("in", "", "")}
    if module.bias is not None:
        tensors["bias"] = ("in",)
    sizes = dict.fromkeys(("groups", "in_channels", "out_channels"), "in")
    return Layout(tensors, sizes=sizes, output="in")


def _recurrent(rnn: nn.RNNBase) -> Layout | None:
    """Every layer has channels h, with a projection also p; both directions are told apart."""
    gates = next((n for sort, n in GATES.items() if isinstance(rnn, sort)), 0)
    if not gates:
        return None
    tensors: dict[str, tuple[str, ...]] = {}
    kinds: dict[str, str] = {}
    below, units = "in", []
    for layer in range(rnn.num_layers):
        for turn in ("", "_reverse") if rnn.bidirectional else ("",):
            at = f"l{layer}{turn}"
            h, back = f"h_{at}", f"p_{at}" if rnn.proj_size else f"h_{at}"
            units.append(h)
            tensors[f"weight_ih_{at}"] = (f"{gates} {h}", below)
            tensors[f"weight_hh_{at}"] = (f"{gates} {h}", back)
            kinds |= {f"weight_ih_{at}": "input", f"weight_hh_{at}": "recurrent"}
            if rnn.bias:
                tensors |= {f"bias_ih_{at}": (f"{gates} {h}",), f"bias_hh_{at}": (f"{gates} {h}",)}
            if rnn.proj_size:
                tensors[f"weight_hr_{at}"] = (back, h)
                kinds[f"weight_hr_{at}"] = "projection"
        below = "" if rnn.bidirectional else back
    sizes = {"input_size": "in", "hidden_size": "h_l0"}
    if rnn.proj_size:
        sizes["proj_size"] = "p_l0"
    if rnn.bidirectional:
        return Layout(tensors, kinds, sizes, output="")
    return Layout(tensors, kinds, sizes, units, output=below)


def sort_of(module: nn.Module) -> str:
    """The name of its class, whatever is attached to its parameters."""
    return type(module).__name__.removeprefix("Parametrized")
