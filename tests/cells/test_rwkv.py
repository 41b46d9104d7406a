"""The RWKV family computes what its papers write, and refuses what it cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.perspectives import Perspectives
from edgernn.cells.rwkv4 import RWKV4
from edgernn.cells.rwkv7 import RWKV7
from edgernn.cells.wuneng import WuNeng
from edgernn.errors import ShapeError
from edgernn.scans.log_sums import log_sums
from edgernn.streaming import Streaming

C, T = 8, 21


def frames() -> Tensor:
    noise = torch.Generator().manual_seed(1)
    return torch.randn(2, T, C, dtype=torch.float64, generator=noise)


def agrees(unit: Streaming, x: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(unit(x), want, atol=1e-9, rtol=1e-9)


def mixed(x: Tensor, mix: Tensor) -> Tensor:
    """This frame in the share `mix`, the one before in the rest."""
    before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], dim=1)
    return mix * x + (1 - mix) * before


def summed(k: Tensor, v: Tensor, w: Tensor, u: Tensor) -> Tensor:
    """The quotient of sums over all pairs of frames, as RWKV-4 is written: (B, T, C)."""
    heard = []
    for t in range(T):
        weights = [torch.exp(-(t - 1 - i) * w + k[:, i]) for i in range(t)]
        weights.append(torch.exp(u + k[:, t]))
        total = sum(weight * v[:, i] for i, weight in enumerate(weights))
        heard.append(total / sum(weights))
    return torch.stack(heard, dim=1)


def test_an_rwkv_4_is_its_sums_over_all_pairs() -> None:
    unit, x = RWKV4(C).double(), frames()
    k, v, r = (
        mixed(x, mix) @ layer.linear.weight.T
        for mix, layer in (
            (unit.mix_k, unit.key),
            (unit.mix_v, unit.value),
            (unit.mix_r, unit.receptance),
        )
    )
    heard = summed(k, v, unit.decay.exp(), unit.bonus)
    agrees(unit, x, (r.sigmoid() * heard) @ unit.output.linear.weight.T)


def test_perspectives_are_their_formula() -> None:
    unit, x, each = Perspectives(C, 2).double(), frames(), []
    for p in range(2):
        k, v, r = (
            mixed(x, mix[p]) @ layer.linear.weight.T
            for mix, layer in (
                (unit.mix_k, unit.key),
                (unit.mix_v, unit.value),
                (unit.mix_r, unit.receptance),
            )
        )
        heard = r.sigmoid() * summed(k, v, unit.decay.exp(), unit.bonus)
        each.append(heard @ unit.output.linear.weight.T)
    share = (0.5 * (each[0] + each[1]) @ unit.weight.linear.weight.T).softmax(-1)
    agrees(unit, x, share[..., :1] * each[0] + share[..., 1:] * each[1])


def test_one_perspective_is_an_rwkv_4() -> None:
    unit, one, x = RWKV4(C).double(), Perspectives(C, 1).double(), frames()
    weights = {
        name: w.reshape(one.state_dict()[name].shape) for name, w in unit.state_dict().items()
    }
    one.load_state_dict(weights, strict=False)
    agrees(unit, x, one(x))


@pytest.mark.parametrize("count", [2, 7, 64, 101])
def test_logarithms_of_sums_that_fade_are_the_loop_with_gradients(count: int) -> None:
    noise = torch.Generator().manual_seed(count)
    scores = 20 * torch.randn(2, count, 3, dtype=torch.float64, generator=noise)
    before, fade = 5 * scores[:, 0].clone(), -torch.tensor([0.001, 1.0, 30.0]).double()
    inputs = [each.requires_grad_() for each in (scores, before, fade)]
    want = [before]
    for score in scores.unbind(1):
        want.append(torch.logaddexp(want[-1] + fade, score))
    got = log_sums(scores, before, fade)
    for a, b in zip(got, (torch.stack(want[:-1], 1), torch.stack(want[1:], 1)), strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)
    through = torch.autograd.grad(got[1].sin().sum(), inputs)
    for a, b in zip(
        through, torch.autograd.grad(torch.stack(want[1:]).sin().sum(), inputs), strict=True
    ):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)


def test_keys_that_no_exponential_holds_are_exact() -> None:
    """exp(400) is infinite in any float; the mean is that of the frames with the largest key."""
    unit = RWKV4(C)
    x = frames().float()
    unit.key.linear.weight.data.mul_(1e3)
    want = RWKV4(C).double()
    want.load_state_dict(unit.state_dict())
    y = unit(x)
    assert unit.key.step(x, ())[0].abs().max() > 400
    torch.testing.assert_close(y.double(), want(x.double()), atol=1e-4, rtol=1e-3)


def low_rank(layer: Any, x: Tensor, f: Callable[[Tensor], Tensor]) -> Tensor:
    made = f(x @ layer.inner.linear.weight.T) @ layer.outer.linear.weight.T
    return made if layer.outer.linear.bias is None else made + layer.outer.linear.bias


def test_an_rwkv_7_is_its_formula() -> None:
    """Row vectors as in the paper: S of values by keys, and a transition matrix a frame."""
    unit, x = RWKV7(C, 2).double(), frames()
    torch.nn.init.normal_(unit.bonus)
    torch.nn.init.normal_(unit.norm.norm.weight)
    x_r, x_w, x_k, x_v, x_a, x_g = (mixed(x, 1 - mix) for mix in unit.mix)
    r, k, v = (
        part @ layer.linear.weight.T
        for part, layer in ((x_r, unit.receptance), (x_k, unit.key), (x_v, unit.value))
    )
    w = torch.exp(-math.exp(-0.5) * low_rank(unit.decay, x_w, torch.tanh).sigmoid())
    a = low_rank(unit.rate, x_a, lambda each: each).sigmoid()
    c, k = k * unit.remove, k * (1 + (a - 1) * unit.replace)
    heads = []
    for rows in (slice(0, 4), slice(4, 8)):
        s, c_h = torch.zeros(2, 4, 4, dtype=torch.float64), F.normalize(c[..., rows], dim=-1)
        own = (r * k * unit.bonus)[..., rows].sum(-1, keepdim=True) * v[..., rows]
        each = []
        for t in range(T):
            c_t, w_t, a_t, k_t, v_t, r_t = (
                part[:, t] for part in (c_h, *(whole[..., rows] for whole in (w, a, k, v, r)))
            )
            turn = torch.diag_embed(w_t) - c_t[:, :, None] * (a_t * c_t)[:, None]
            s = s @ turn + v_t[:, :, None] * k_t[:, None]
            each.append((s * r_t[:, None]).sum(-1))
        read = F.layer_norm(torch.stack(each, 1), (4,), eps=64e-5)
        norm = unit.norm.norm
        heads.append(read * norm.weight[rows] + norm.bias[rows] + own)
    gate = low_rank(unit.gate, x_g, torch.sigmoid)
    agrees(unit, x, (torch.cat(heads, -1) * gate) @ unit.output.linear.weight.T)


def test_a_wuneng_is_attention_to_its_window_beside_an_rwkv_7() -> None:
    unit, x = WuNeng(C, 2, left=3).double(), frames()
    q, k, v = unit.attention.linear(x).split(C, -1)
    heads = []
    for rows in (slice(0, 4), slice(4, 8)):
        scores = q[..., rows] @ k[..., rows].transpose(1, 2) / 2
        far = torch.arange(T)[:, None] - torch.arange(T)
        scores = scores.masked_fill((far < 0) | (far > 3), float("-inf"))
        heads.append(scores.softmax(-1) @ v[..., rows])
    attended, gate = torch.cat(heads, -1), unit.gate.linear(x).sigmoid()
    by_state, _ = unit.rwkv.heard(x, unit.rwkv.initial_state(2))
    middle = gate * attended + (1 - gate) * by_state
    both = torch.cat([unit.output.linear.weight, unit.rwkv.output.linear.weight], dim=1)
    agrees(unit, x, torch.cat([attended, middle, by_state], dim=-1) @ both.T)


REFUSED: list[tuple[Any, str]] = [
    (lambda: RWKV7(8, 3), "3 heads must divide 8 channels"),
    (lambda: RWKV7(8, 2, rank=0), "a rank of 0; need at least 1"),
    (lambda: WuNeng(8, 3), "RWKV7: 3 heads must divide 8 channels"),
    (lambda: WuNeng(8, 2, 0), "left 0 and right 0; need a frame beside its own"),
    (lambda: Perspectives(8, 0), "0 perspectives; need at least 1"),
]


@pytest.mark.parametrize(("build", "line"), REFUSED, ids=[each[1] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, line: str) -> None:
    with pytest.raises(ShapeError, match=line):
        build()
