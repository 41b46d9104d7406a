"""Delta networks of the measured shapes, with thresholds that read a wanted share of columns.

A threshold is a multiple of the standard deviation over time of what it holds, the same multiple
everywhere. `python -m benchmarks.delta` finds SETTINGS by bisection: the multiple, on frames that
drift as speech does; then, with these thresholds kept, how much less a frame must drift, as
silence does, until the smaller share is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks import workloads
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.layers.hold import Hold
from edgernn.layers.linear import Linear
from edgernn.state import named_leaves
from edgernn.streaming import Sequential, Streaming

Array = NDArray[Any]

SPEECH, SILENCE = 0.30, 0.10  # shares of columns read
DRIFT = 0.3  # how much of a frame is new in the stream that stands for speech
SETTLED, MEASURED = 32, 64  # frames until a stream has settled, and after
HALVINGS = 9
LEAST_ROWS = 64  # of a product that is worth holding: a sum of each is kept as state


SETTINGS = {  # shape, block: multiple of the standard deviation, drift of silence
    ("kws", 1): (0.380, 0.121),
    ("kws", 4): (0.507, 0.138),
    ("kbd", 1): (0.290, 0.110),
    ("kbd", 4): (0.405, 0.123),
    ("asr", 1): (0.310, 0.093),
    ("asr", 4): (0.429, 0.109),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A network that skips what stands still, and how much its two streams drift.

    rows: how many weights a column has, by the state leaf that holds the column's input.
    """

    network: Streaming
    rows: dict[str, int]
    speech: float
    silence: float


def held(name: str, block: int = 1) -> Held:
    """The delta network of a shape, for single columns or for blocks of 4."""
    multiple, silence = SETTINGS[name, block]
    network = _network(name, multiple, block)
    return Held(network, row_counts(network), DRIFT, silence)


def share(
    steps: Iterator[dict[str, Array]], rows: dict[str, int], *, settled: int = SETTLED
) -> float:
    """Share of weights read in the products of what is held, from its leaves after each step."""
    moved, every, before = 0, 0, None
    for count, after in enumerate(steps):
        if before is not None and count >= settled:
            for leaf, weight in rows.items():
                moved += weight * int(np.count_nonzero(after[leaf] != before[leaf]))
                every += weight * after[leaf].size
        before = after
    return moved / every


def leaves(network: Streaming, frames: Array) -> Iterator[dict[str, Array]]:
    """The state after each frame, as torch has it."""
    state = network.initial_state(1)
    with torch.no_grad():
        for frame in frames:
            _, state = network.step(torch.from_numpy(frame), state)
            yield {name: leaf.numpy().copy() for name, leaf in named_leaves(state).items()}


def row_counts(network: Sequential) -> dict[str, int]:
    """Rows of the product that reads each held leaf."""
    found: dict[str, int] = {}
    layers = list(network.layers.items())
    for (name, layer), (_, after) in zip(layers, [*layers[1:], layers[-1]], strict=True):
        if isinstance(layer, GRU | LSTM):
            rows = layer.rnn.all_weights[0][0].shape[0]
            found |= {f"{name}.held_x": rows, f"{name}.held_h": rows}
            if isinstance(layer, LSTM) and layer.rnn.proj_size:
                found[f"{name}.held_m"] = layer.rnn.proj_size
        elif isinstance(layer, Hold) and isinstance(after, Linear):
            found[f"{name}.held"] = after.linear.out_features
    return found


def _network(name: str, multiple: float, block: int) -> Sequential:
    """The shape's network with thresholds; a Hold stands before each large linear layer."""
    sizes = _signals(name)
    dense = workloads.module(name)
    assert isinstance(dense, Sequential)
    layers: dict[str, Streaming] = {}
    for child, layer in dense.layers.items():
        if isinstance(layer, GRU | LSTM):
            signals = (child, f"{child}.h", f"{child}.m")
            layers[child] = _cell(layer, [multiple * sizes.get(s, 0) for s in signals], block)
        elif isinstance(layer, Linear) and layer.linear.out_features >= LEAST_ROWS:
            held = Hold(layer.linear.in_features, multiple * sizes[child], block)
            layers |= {f"{child}_hold": held, child: layer}
        else:
            assert isinstance(layer, Streaming)
            layers[child] = layer
    return Sequential(**layers).eval()


def _cell(cell: GRU | LSTM, thresholds: Sequence[float], block: int) -> Streaming:
    """The cell with thresholds for its input, its output and the input of its projection."""
    sizes = cell.rnn.input_size, cell.rnn.hidden_size
    x, h, m = thresholds
    made: GRU | LSTM
    if isinstance(cell, LSTM):
        size = cell.rnn.proj_size
        last = m if size else None
        made = LSTM(*sizes, proj_size=size, threshold=(x, h), proj_threshold=last, block=block)
    else:
        made = GRU(*sizes, threshold=(x, h), block=block)
    made.load_state_dict(cell.state_dict())
    return made


@cache
def _signals(name: str) -> dict[str, float]:
    """How much, over time, what each layer is given and what it gives deviates from its mean."""
    dense = workloads.module(name)
    assert isinstance(dense, Sequential)
    found: dict[str, float] = {}
    x = torch.from_numpy(_stream(name, DRIFT)[:, 0]).transpose(0, 1)
    with torch.no_grad():
        for child, layer in dense.layers.items():
            assert isinstance(layer, Streaming)
            found[child] = _movement(x)
            if isinstance(layer, LSTM) and layer.rnn.proj_size:
                found[f"{child}.m"] = _movement(_projected(layer, x))
            x = layer(x)
            found[f"{child}.h"] = _movement(x)
    return found


def _projected(cell: LSTM, x: Tensor) -> Tensor:
    """What the cell's projection is given: held at threshold 0, it can be read off the state."""
    open_cell = _cell(cell, (0.0, 0.0, 0.0), 1)
    state, found = open_cell.initial_state(1), []
    for frame in x.unbind(1):
        _, state = open_cell.step(frame.unsqueeze(1), state)
        found.append(named_leaves(state)["held_m"])
    return torch.stack(found, 1)


def _movement(x: Tensor) -> float:
    return float(x[:, SETTLED:].std(1).square().mean().sqrt())


def _stream(name: str, drift: float) -> Array:
    return workloads.frames(name, SETTLED + MEASURED, drift)


def _found(name: str, block: int) -> tuple[float, float]:
    """The entry of SETTINGS."""

    def speech_share(multiple: float) -> float:
        network = _network(name, multiple, block)
        return share(leaves(network, _stream(name, DRIFT)), row_counts(network))

    multiple = _bisected(lambda value: -speech_share(value), -SPEECH, 0.0, 1.0)
    network = _network(name, multiple, block)
    rows = row_counts(network)

    def silence_share(drift: float) -> float:
        return share(leaves(network, _stream(name, drift)), rows)

    return multiple, _bisected(silence_share, SILENCE, 0.0, DRIFT)


def _bisected(rising: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Where a rising function takes the wanted value."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > wanted else (middle, high)
    return (low + high) / 2


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in workloads.SHAPES:
        for block in (1, 4):
            multiple, silence = _found(name, block)
            print(f'    ("{name}", {block}): ({multiple:.3f}, {silence:.3f}),', flush=True)
