"""Units whose state is a matrix compute what their papers write, and refuse what they cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.gatedlinear import GatedLinear, as_linear_attention
from edgernn.cells.goldfinch import FinchC2, GoldFinch
from edgernn.cells.hgrn2 import HGRN2
from edgernn.cells.mamba2 import Mamba2
from edgernn.cells.mlstm import MLSTM
from edgernn.cells.retnet import RetNet
from edgernn.cells.rwkv6 import RWKV6
from edgernn.cells.slstm import SLSTM
from edgernn.errors import EdgernnError, ShapeError
from edgernn.layers.rotary import Rotary
from edgernn.streaming import Streaming

IN, HEADS, T = 8, 2, 11


def frames(width: int = IN, count: int = T) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(2, count, width, dtype=torch.float64, generator=random)


def heads(x: Tensor, count: int = HEADS) -> Tensor:
    """(B, T, C) -> (B, heads, T, C / heads)."""
    return x.reshape(*x.shape[:2], count, -1).transpose(1, 2)


def normed(x: Tensor, eps: float = 1e-5) -> Tensor:
    """(B, heads, T, V) -> (B, T, heads V), each head by its own mean and variance."""
    apart = x - x.mean(-1, keepdim=True)
    y = apart / (apart.square().mean(-1, keepdim=True) + eps).sqrt()
    return y.transpose(1, 2).flatten(2)


def agrees(cell: Streaming, want: Tensor, x: Tensor) -> None:
    """Whole sequences, and one frame after the other."""
    torch.testing.assert_close(cell(x), want, atol=1e-9, rtol=1e-9)
    state, ys = cell.initial_state(x.shape[0]), []
    for t in range(x.shape[1]):
        y, state = cell.step(x[:, t : t + 1], state)
        ys.append(y)
    torch.testing.assert_close(torch.cat(ys, dim=1), want, atol=1e-9, rtol=1e-9)


def test_retention_is_the_papers_parallel_attention() -> None:
    """(Q K^T * D) V with absolute positions, complex numbers and the decay as one matrix."""
    torch.manual_seed(0)
    cell, x, width = RetNet(IN, HEADS).double(), frames(), IN // HEADS
    q, k, v, g = cell.input.linear(x).split([IN, IN, 2 * IN, 2 * IN], dim=2)
    theta = torch.atan2(cell.rotary.sin, cell.rotary.cos)
    turn = torch.polar(torch.ones(T, width // 2).double(), torch.arange(T)[:, None] * theta)
    q, k = (torch.complex(*heads(part).chunk(2, dim=3)) * turn for part in (q, k))
    gamma = 1 - 2.0 ** (-5 - torch.arange(HEADS, dtype=torch.float64))
    apart = torch.arange(T)[:, None] - torch.arange(T)
    decay = torch.where(apart >= 0, gamma[:, None, None] ** apart.clamp_min(0), 0.0)
    cell.log_decay.copy_(gamma.log())  # it was rounded to float32
    heard = (q @ k.conj().transpose(2, 3)).real / width**0.5 * decay @ heads(v)
    agrees(cell, cell.output.linear(F.silu(g) * normed(heard)), x)


def test_rotary_products_see_the_distance_alone_however_late() -> None:
    """In float32, after a million frames: a phase counted in float32 would be off by 0.06."""
    rotary = Rotary(1, 6)
    x = torch.randn(1, 1, 6).expand(1, 8, 6)
    first, state = rotary.step(x, rotary.initial_state(1))
    for _ in range(10):
        _, state = rotary.step(x[:, :1].expand(1, 100_000, 6), state)
    late, _ = rotary.step(x, state)
    for y in (first, late):
        products = (y[0, 0] * y[0]).sum(1)
        torch.testing.assert_close(products, (first[0, 0] * first[0]).sum(1), atol=1e-5, rtol=1e-5)


def rms(x: Tensor, weight: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight


def loop(q: Tensor, k: Tensor, v: Tensor, fade: Tensor) -> Tensor:
    """Linear attention of heads (B, heads, T, ...), frame by frame -> (B, T, heads V)."""
    memory, ys = torch.zeros(*k.shape[:2], k.shape[3], v.shape[3]).double(), []
    for t in range(k.shape[2]):
        memory = fade[:, :, t, :, None] * memory + k[:, :, t, :, None] * v[:, :, t, None, :]
        ys.append(torch.einsum("bhk,bhkv->bhv", q[:, :, t], memory).flatten(1))
    return torch.stack(ys, dim=1)


def test_an_hgrn2_is_its_formula() -> None:
    cell, x = HGRN2(IN, HEADS, expand=3, floor=0.3).double(), frames()
    o, f, i = cell.input.linear(x).split([6, 6, IN], dim=2)
    keep = 0.3 + 0.7 * heads(f).sigmoid()
    heard = loop(F.silu(heads(o)), 1 - keep, heads(i), keep)
    agrees(cell, cell.output.linear(rms(heard, cell.norm.weight)), x)


def test_a_mamba2_is_its_formula() -> None:
    torch.manual_seed(0)
    cell, x, n = Mamba2(IN, HEADS, states=3).double(), frames(), 2 * IN
    torch.nn.init.normal_(cell.skip)
    z, mixed, dt = cell.input.linear(x).split([n, n + 6, HEADS], dim=2)
    conv = cell.conv.conv
    padded = F.pad(mixed.transpose(1, 2), (3, 0))
    mixed = F.silu(F.conv1d(padded, conv.weight, conv.bias, groups=n + 6).transpose(1, 2))
    values, b, c = mixed.split([n, 3, 3], dim=2)
    dt = F.softplus(dt + cell.dt_bias).transpose(1, 2).unsqueeze(-1)
    b, c = (part[:, None].expand(-1, HEADS, -1, -1) for part in (b, c))
    heard = loop(c, b, dt * heads(values), torch.exp(-cell.log_decay.exp()[:, None, None] * dt))
    heard = heard + cell.skip.repeat_interleave(IN) * values
    agrees(cell, cell.output.linear(rms(heard * F.silu(z), cell.norm.weight)), x)


def stirred(cell: Streaming) -> Streaming:
    """All weights at random, also those that begin at 0."""
    random = torch.Generator().manual_seed(2)
    for parameter in cell.parameters():
        parameter.data = 0.5 * torch.randn(parameter.shape, dtype=torch.float64, generator=random)
    return cell


def low(layer: Any, x: Tensor) -> Tensor:
    return torch.tanh(x @ layer.down.linear.weight.T) @ layer.up.linear.weight.T


def before(x: Tensor) -> Tensor:
    return F.pad(x, (0, 0, 1, 0))[:, :-1]


def mixtures(shift: Any, x: Tensor) -> list[Tensor]:
    first, *mu = shift.mix
    apart = before(x) - x
    asking = x + apart * first
    return [x + apart * (m + low(moved, asking)) for m, moved in zip(mu, shift.moved, strict=True)]


def read_before(r: Tensor, k: Tensor, v: Tensor, fade: Tensor, bonus: Tensor) -> Tensor:
    """Of heads, what each frame reads of the memory before it fades, and by its bonus of itself."""
    memory, heard = torch.zeros(*k.shape[:2], k.shape[3], v.shape[3]).double(), []
    for t in range(k.shape[2]):
        new = k[:, :, t, :, None] * v[:, :, t, None, :]
        heard.append(torch.einsum("bhk,bhkv->bhv", r[:, :, t], memory + bonus[..., None] * new))
        memory = fade[:, :, t, :, None] * memory + new
    return torch.stack(heard, dim=2)


def test_an_rwkv6_is_its_formula() -> None:
    cell: Any = stirred(RWKV6(IN, HEADS, rank=3, decay_rank=2).double())
    x = frames()
    w, k, v, r, g = mixtures(cell.shift, x)
    fade = heads(torch.exp(-torch.exp(cell.decay.up.linear.bias + low(cell.decay, w))))
    k, v, r = (
        heads(cell.key.linear(k)),
        heads(cell.value.linear(v)),
        heads(cell.receptance.linear(r)),
    )
    y = normed(read_before(r, k, v, fade, cell.bonus), eps=64e-5)
    y = y * cell.norm.norm.weight + cell.norm.norm.bias
    agrees(cell, cell.output.linear(F.silu(cell.gate.linear(g)) * y), x)


def test_a_goldfinch_is_attention_to_unpacked_keys_of_what_a_finch_wrote() -> None:
    left = 4
    cell: Any = stirred(GoldFinch(IN, HEADS, left=left, squeeze=4, rank=2).double())
    x, finch, norms = frames(), cell.finch, cell.norms
    w, k, v, now, r = mixtures(finch.shift, norms["x"].norm(x))
    fade = torch.exp(-torch.exp(finch.decay.up.linear.bias + low(finch.decay, w)))
    k, v = (1 - fade) * finch.key.linear(k), finch.value.linear(v)
    nothing = torch.zeros(HEADS, IN // HEADS)
    parts = (heads(part) for part in (finch.receptance.linear(r), k, v, fade))
    heard = read_before(*parts, nothing).transpose(1, 2).flatten(2)
    told = heard + finch.value.linear(now) + low(finch.second, now)
    h = x + finch.output.linear(finch.norm.norm(told))
    value = rms(x, cell.frame_norm.weight)
    key = cell.unpack.linear(torch.cat([x, cell.squeeze.linear(h)], dim=2))
    key = rms(key, cell.key_norm.weight)
    first, mu_k, mu_v = cell.cached.mix
    asking = value + (before(value) - value) * first
    key = key + (before(key) - key) * (mu_k + low(cell.cached.moved[0], asking))
    value = value + (before(value) - value) * (mu_v + low(cell.cached.moved[1], asking))
    key, value = key + low(cell.own_key, key), value + low(cell.own_value, value)
    q = norms["q"].norm(cell.query.linear(mixtures(cell.asking, norms["h"].norm(h))[0]))
    q, k, v = heads(q), heads(norms["k"].norm(key)), heads(norms["v"].norm(value))
    apart = torch.arange(T) - torch.arange(T)[:, None]
    scores = q @ k.transpose(2, 3) / 2 + cell.distance[:, (apart + left).clamp(0, left)]
    scores = scores.masked_fill((apart > 0) | (apart < -left), float("-inf"))
    y = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
    agrees(cell, h + cell.output.linear(norms["y"].norm(y)), x)
    assert cell.initial_state(1).ring.shape == (1, left + 1, IN + IN // 4)


def gates_of(cell: Any, x: Tensor) -> tuple[Tensor, ...]:
    """q, k, v of heads (B, heads, T, D), o, and i and f of heads (B, heads, T)."""
    q, k, v, o = cell.input.linear(x).chunk(4, dim=2)
    i, f = cell.gates.linear(x).transpose(1, 2).chunk(2, dim=1)
    return heads(q), heads(k) / (q.shape[2] / HEADS) ** 0.5, heads(v), o, i, f


def test_an_mlstm_is_the_papers_recurrence_without_a_stabiliser() -> None:
    cell: Any = stirred(MLSTM(IN, 6, HEADS).double())
    x = frames()
    q, k, v, o, i, f = gates_of(cell, x)
    fade, k = f.sigmoid().unsqueeze(-1), k * i.exp().unsqueeze(-1)
    top, norm = (loop(q, k, of, fade) for of in (v, torch.ones_like(v[..., :1])))
    heard = heads(top) / heads(norm).abs().clamp_min(1)
    y = normed(heard) * cell.norm.norm.weight + cell.norm.norm.bias
    agrees(cell, o.sigmoid() * y, x)


def test_an_mlstm_is_the_papers_stabilised_attention() -> None:
    """Where exponentials of its gates alone are far beyond float64."""
    cell: Any = stirred(MLSTM(IN, 6, HEADS).double())
    cell.gates.linear.weight.data *= 1000
    cell.gates.linear.bias.data[HEADS:] += 3000
    x = frames()
    q, k, v, o, i, f = gates_of(cell, x)
    assert i.max() > 800
    total = F.logsigmoid(f).cumsum(2)
    log_d = total[..., :, None] - total[..., None, :] + i[..., None, :]
    log_d = log_d.masked_fill(torch.ones(T, T).triu(1).bool(), float("-inf"))
    most = log_d.max(-1, keepdim=True).values
    c = (q @ k.transpose(2, 3)) * torch.exp(log_d - most)
    heard = (c / torch.maximum(c.sum(-1, keepdim=True).abs(), torch.exp(-most))) @ v
    y = normed(heard) * cell.norm.norm.weight + cell.norm.norm.bias
    agrees(cell, o.sigmoid() * y, x)


def test_an_slstm_is_the_papers_recurrence_without_a_stabiliser() -> None:
    cell: Any = stirred(SLSTM(IN, 6, HEADS).double())
    x, ys = frames(), []
    h = c = n = torch.zeros(2, 6).double()
    for now in x.unbind(1):
        heard = torch.einsum("bhd,hgd->bhg", h.reshape(2, HEADS, 3), cell.weight_hh)
        heard = heard.reshape(2, HEADS, 4, 3).transpose(1, 2).flatten(1)
        i, f, z, o = (cell.input.linear(now) + heard).chunk(4, dim=1)
        c, n = f.sigmoid() * c + i.exp() * z.tanh(), f.sigmoid() * n + i.exp()
        h = o.sigmoid() * c / n
        ys.append(h)
    agrees(cell, torch.stack(ys, dim=1), x)


def test_a_gated_linear_rnn_is_its_formula() -> None:
    cell: Any = stirred(GatedLinear(IN, 3, 5, 4).double())
    cell.decay.data[:3] = torch.tensor([-0.5, 0.6, 1.5])
    x, h, ys = frames(), torch.zeros(2, 5).double(), []
    for now in x.unbind(1):
        a, b = cell.input.linear(now).chunk(2, dim=1)
        h = cell.decay.clamp(0, 1) * h + a * b
        a, b = cell.output.linear(h).chunk(2, dim=1)
        ys.append(cell.readout.linear(a * b))
    agrees(cell, torch.stack(ys, dim=1), x)


def test_a_gated_linear_rnn_of_the_papers_weights_is_linear_attention() -> None:
    query, key, value = (torch.randn(n, IN, dtype=torch.float64) for n in (3, 3, 4))
    x = frames()
    scores = (x @ query.T) @ (x @ key.T).transpose(1, 2)
    cell = as_linear_attention(query, key, value)
    assert len(cell.decay) == 3 * 4 + 3
    agrees(cell, scores.tril() @ (x @ value.T), x)
    cell.decay.data[0] = 0.9  # and no other weights are
    with pytest.raises(AssertionError):
        agrees(cell, scores.tril() @ (x @ value.T), x)


@pytest.mark.parametrize("size", [-2000.0, 2000.0])
def test_exponential_gates_never_overflow(size: float) -> None:
    """In float32, with input gates of e^2000 and of e^-2000; the first frame is as good as any."""
    x = frames(8).float()
    slstm, mlstm = SLSTM(8, 6, 2), MLSTM(8, 6, 2)
    slstm.input.linear.bias.data[:6] = size
    mlstm.gates.linear.bias.data[:2] = size
    for unit in (slstm, mlstm):
        y = unit(x)
        y.sum().backward()
        assert y.isfinite().all()
        assert all(p.grad.isfinite().all() for p in unit.parameters() if p.grad is not None)
    assert slstm(x).abs().min() > 0


REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: RetNet(8, 3), ShapeError, "RetNet: 3 heads must divide 8 channels in even parts"),
    (lambda: GatedLinear(8, 8, 0), ShapeError, "0 units, 0 products; need at least 1"),
    (
        lambda: as_linear_attention(torch.ones(2, 8), torch.ones(3, 8), torch.ones(4, 8)),
        ShapeError,
        r"\(2, 8\), \(3, 8\), \(4, 8\); need",
    ),
    (lambda: FinchC2(8, 3), ShapeError, "FinchC2: 3 heads must divide 8 channels"),
    (lambda: GoldFinch(8, 2, squeeze=3), ShapeError, "a squeeze of 3 must divide 8 channels"),
    (lambda: GoldFinch(8, 2, left=0), ShapeError, "need a frame beside its own"),
    (lambda: HGRN2(8, 3), ShapeError, "HGRN2: 3 heads must divide 8 channels"),
    (lambda: HGRN2(8, 2, floor=1.0), ShapeError, "a floor of 1; need one of at least 0 and below"),
    (lambda: HGRN2(8, 2, expand=0), ShapeError, "0 keys a head; need at least 1"),
    (lambda: Mamba2(8, 3), ShapeError, "Mamba2: 3 heads must divide 16 channels"),
    (lambda: Mamba2(8, 2, states=0), ShapeError, "0 states, expand 2; need at least 1"),
    (lambda: RWKV6(8, 3), ShapeError, "RWKV6: 3 heads must divide 8 channels"),
    (lambda: RWKV6(8, 2, rank=0), ShapeError, "LowRank: rank 0; need at least 1"),
    (lambda: MLSTM(8, 6, 4), ShapeError, "MLSTM: 4 heads must divide 6 units"),
    (lambda: SLSTM(8, 6, 4), ShapeError, "SLSTM: 4 heads must divide 6 units"),
    (lambda: Rotary(2, 3), ShapeError, "Rotary: 2 heads of 3; need at least 1 of an even width"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()
