"""Hold against its definition, and what it promises beside the streaming law."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.layers.hold import BLOCKS, Hold, HoldState


def walk(frames: int, channels: int) -> Tensor:
    """A random walk, so that some elements move and some do not."""
    steps = torch.randn(1, frames, channels, generator=torch.Generator().manual_seed(3))
    return (0.3 * steps).cumsum(dim=1)


def by_definition(x: Tensor, threshold: float, block: int) -> Tensor:
    channels = x.shape[2]
    held, ys = [0.0] * channels, []
    for frame in x[0].tolist():
        for start in range(0, channels, block):
            part = range(start, min(start + block, channels))
            mean = sum((frame[c] - held[c]) ** 2 for c in part) / len(part)
            if math.sqrt(mean) > threshold:
                for c in part:
                    held[c] = frame[c]
        ys.append(list(held))
    return torch.tensor(ys)[None]


@pytest.mark.parametrize("channels", [1, 3, 4, 6, 9])
@pytest.mark.parametrize("block", BLOCKS)
def test_what_moved_passes_and_the_rest_repeats(block: int, channels: int) -> None:
    x = walk(200, channels)
    y = Hold(channels, 0.7, block)(x)
    assert torch.equal(y, by_definition(x, 0.7, block))
    repeated = (y[:, 1:] == y[:, :-1]).float().mean().item()
    assert 0.4 < repeated < 0.95


@pytest.mark.parametrize("block", BLOCKS)
def test_a_threshold_of_zero_passes_everything(block: int) -> None:
    x = walk(20, 6)
    assert torch.equal(Hold(6, 0, block)(x), x)


def test_only_what_exceeds_the_threshold_passes() -> None:
    just = np.nextafter(np.float32(0.1), np.float32(1))
    x = torch.tensor([[[0.1, -0.1, float(just), -float(just)]]])
    assert Hold(4, 0.1)(x).tolist() == [[[0.0, 0.0, float(just), -float(just)]]]


def test_a_block_moves_as_a_whole() -> None:
    x = torch.tensor([[[0.0, 0.0, 0.0, 2.1, 1.0, 1.0, 1.0, 1.0, 0.9, 1.2]]])
    y = Hold(10, 1.05, 4)(x)[0, 0].tolist()
    assert y == pytest.approx([0.0] * 8 + [0.9, 1.2])  # rms 1.05, 1.0, and 1.06 of the last two


@pytest.mark.parametrize("block", BLOCKS)
def test_nan_never_passes_and_is_gone_with_its_frame(block: int) -> None:
    x = walk(3, 4) + 5
    bad = x.clone()
    bad[0, 1, 2] = math.nan
    y = Hold(4, 0.01, block)(bad)
    assert y.isfinite().all()
    assert torch.equal(y[:, 2], x[:, 2])


@pytest.mark.parametrize("chunk", [1, 4])
def test_gradients_pass_as_if_nothing_were_held(chunk: int) -> None:
    layer, x = Hold(1, 0.5), torch.tensor([[[1.0], [1.2], [3.0], [3.1]]], requires_grad=True)
    state, ys = layer.initial_state(1), []
    for part in x.split(chunk, dim=1):
        y, state = layer.step(part, state)
        ys.append(y)
    (torch.cat(ys, dim=1).flatten() * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == [1.0, 2.0, 3.0, 4.0]


def test_the_state_is_what_was_passed_on() -> None:
    layer, x = Hold(4, 0.5, 4), walk(7, 4)
    y, state = layer.step(x, layer.initial_state(1))
    assert isinstance(state, HoldState)
    assert torch.equal(state.held, y[:, -1])


@pytest.mark.parametrize(
    ("threshold", "block", "words"),
    [
        (-0.1, 1, "Hold: threshold -0.1 must be finite and at least 0"),
        (math.inf, 1, "threshold inf must be finite"),
        (math.nan, 4, "threshold nan must be finite"),
        (0.1, 3, "Hold: block 3 must be one of 1, 4"),
    ],
)
def test_what_makes_no_sense_is_refused(threshold: float, block: int, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        Hold(4, threshold, block)


def test_another_width_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"Hold: x is \(1, 2, 3\); need \(batch, frames, 4\)"):
        Hold(4, 0.1)(torch.zeros(1, 2, 3))
