"""Attention over a moving window equals torch's own attention under a mask."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.layers import attention
from edgernn.layers.attention import Window, WindowAttention
from edgernn.streaming import offline


@pytest.mark.parametrize(("left", "right"), [(4, 0), (3, 2), (0, 1), (40, 0)])
def test_it_equals_torchs_attention_under_a_mask(left: int, right: int) -> None:
    torch.manual_seed(0)
    layer, x = WindowAttention(8, 2, left, right), torch.randn(3, 11, 8)
    torch.nn.init.normal_(layer.distance)
    padded = F.pad(x, (0, 0, 0, right))  # what `offline` appends is heard as silence
    q, k, v = (
        part(padded).unflatten(2, (2, 4)).transpose(1, 2)
        for part in (layer.query, layer.key, layer.value)
    )
    apart = torch.arange(11 + right) - torch.arange(11 + right)[:, None]
    mask = layer.distance.detach()[:, (apart + left).clamp(0, left + right)]
    mask = mask.masked_fill((apart < -left) | (apart > right), float("-inf"))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    wanted = layer.output(y.transpose(1, 2).flatten(2))[:, :11]
    torch.testing.assert_close(offline(layer, x), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("left", "right", "key_heads"), [(4, 0, 2), (3, 2, 1), (40, 9, 2)])
@pytest.mark.parametrize("frames", [65, 96, 100, 250])
def test_in_blocks_it_is_what_it_is_at_once(
    left: int, right: int, key_heads: int, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = Window(2, 3, left, right, key_heads=key_heads).double()
    x = torch.randn(2, frames, 6 + 6 * key_heads, dtype=torch.float64, requires_grad=True)
    wanted, weights = [], torch.randn(2, frames, 6, dtype=torch.float64)
    for least in (frames, 32):
        monkeypatch.setattr(attention, "LEAST", least)
        y, after = layer.step(x, layer.initial_state(2))
        (grad,) = torch.autograd.grad((y * weights).sum(), x)
        wanted.append((y, grad, *after))
    torch.testing.assert_close(wanted[1], wanted[0], atol=1e-12, rtol=1e-12)


def test_sizes_that_make_no_window_are_refused() -> None:
    with pytest.raises(ShapeError, match="3 heads must divide 8 channels"):
        WindowAttention(8, 3, 4)
    with pytest.raises(ShapeError, match="left 0 and right 0; need a frame beside its own"):
        WindowAttention(8, 2, 0)


def test_a_frame_asked_by_others_gives_what_the_stream_gives() -> None:
    torch.manual_seed(0)
    layer = WindowAttention(6, 2, 4, asking=3)
    x, beside = torch.randn(2, 9, 6), torch.randn(2, 9, 3)
    torch.nn.init.normal_(layer.distance)
    streamed = layer(torch.cat([x, beside], dim=2))
    frames = torch.tensor([[7, 0, 7], [3, 8, 1]])
    row = torch.arange(2)[:, None]
    asking = torch.cat([x, beside], dim=2)[row, frames]
    torch.testing.assert_close(layer.at(x, asking, frames), streamed[row, frames])
    other = layer.at(x, torch.cat([asking[..., :6], asking[..., 6:] + 1], dim=2), frames)
    assert (other - streamed[row, frames]).abs().max() > 1e-3
    with pytest.raises(ShapeError, match="right 2; need 0"):
        WindowAttention(8, 2, 3, 2).at(x, asking, frames)
