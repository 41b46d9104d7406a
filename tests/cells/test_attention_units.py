"""Attention kept as a recurrence is the attention that it stands for."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.aaren import Aaren
from edgernn.cells.cottention import LEAST, Cottention
from edgernn.cells.localattention import LocalAttention
from edgernn.cells.memn2n import MemN2N
from edgernn.cells.softmaxrnn import SoftmaxRNN
from edgernn.cells.swax import SWAX
from edgernn.cells.universal import UniversalTransformer
from edgernn.errors import EdgernnError, ShapeError, UnknownName
from edgernn.layers.linear import Linear
from edgernn.streaming import Streaming

C, T = 8, 150  # frames over more than two chunks of a chunkwise form


def frames(count: int = T) -> Tensor:
    return torch.randn(2, count, C, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def heads(layer: Linear, x: Tensor, count: int) -> Tensor:
    """(B, T, C) -> (B, heads, T, C / heads)."""
    return layer.linear(x).unflatten(2, (count, -1)).transpose(1, 2)


def together(output: Linear, y: Tensor) -> Tensor:
    return output.linear(y.transpose(1, 2).flatten(2))


def agrees(unit: Streaming, want: Tensor, x: Tensor, error: float = 1e-10) -> None:
    """At once, and the first frames one after the other."""
    torch.testing.assert_close(unit(x), want, atol=error, rtol=error)
    state, ys = unit.initial_state(len(x)), []
    for t in range(min(20, x.shape[1])):
        y, state = unit.step(x[:, t : t + 1], state)
        ys.append(y)
    torch.testing.assert_close(torch.cat(ys, dim=1), want[:, :20], atol=error, rtol=error)


@pytest.mark.parametrize("loud", [1.0, 1000.0])
def test_an_aaren_is_softmax_attention_by_its_query(loud: float) -> None:
    torch.manual_seed(0)
    unit, x = Aaren(C).double(), frames()
    unit.query.data *= loud
    scores = (heads(unit.key, x, 2) * unit.query[:, None]).sum(-1) / 2
    scores = scores[:, :, None].expand(-1, -1, T, -1)
    scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), float("-inf"))
    want = together(unit.output, scores.softmax(-1) @ heads(unit.value, x, 2))
    agrees(unit, want, x)


def test_what_an_aaren_remembers_is_the_papers_triple() -> None:
    torch.manual_seed(0)
    unit, x = Aaren(C).double(), frames()
    _, state = unit.step(x, unit.initial_state(2))
    scores = (heads(unit.key, x, 2) * unit.query[:, None]).sum(-1) / 2
    top = scores.max(-1, keepdim=True).values
    shares = torch.exp(scores - top)
    total = shares.sum(-1, keepdim=True)
    weighted = (shares[..., None] * heads(unit.value, x, 2)).sum(2)
    torch.testing.assert_close(state.log_sum, top + total.log())
    torch.testing.assert_close(state.mean, weighted / total)


def test_a_cottention_is_cosine_attention() -> None:
    torch.manual_seed(0)
    unit, x = Cottention(C).double(), frames()
    torch.nn.init.normal_(unit.power)
    q, k, v = (heads(layer, x, 2) for layer in (unit.query, unit.key, unit.value))
    lengths = [(each.square().sum(-1) + LEAST).sqrt() for each in (q, k)]
    cosines = (q @ k.mT / lengths[0][..., None] / lengths[1][..., None, :]).tril()
    true = F.cosine_similarity(q[:, :, :, None], k[:, :, None], dim=-1)
    assert (cosines - true.tril()).abs().max() < 1e-3
    place = torch.arange(1.0, T + 1).double()[:, None] ** unit.power.sigmoid()[:, None, None]
    want = together(unit.output, cosines @ (v / place))
    agrees(unit, want, x)


def test_local_attention_is_torchs_under_a_mask() -> None:
    torch.manual_seed(0)
    unit, x = LocalAttention(C, 2, 5).double(), frames(30)
    torch.nn.init.normal_(unit.distance)
    back = torch.arange(30)[:, None] - torch.arange(30)
    bias = unit.distance[:, (5 - back).clamp(0, 5)]
    bias = bias.masked_fill((back < 0) | (back > 5), float("-inf"))
    q, k, v = (heads(layer, x, 2) for layer in (unit.query, unit.key, unit.value))
    want = together(unit.output, F.scaled_dot_product_attention(q, k, v, attn_mask=bias))
    agrees(unit, want, x)


@pytest.mark.parametrize("divided", ["sum", "length"])
def test_a_softmax_rnn_is_attention_by_the_series_cut_short(divided: str) -> None:
    torch.manual_seed(0)
    unit, x = SoftmaxRNN(C, order=4, divided=divided).double(), frames(70)
    q, k, v = (heads(layer, x, 2) for layer in (unit.query, unit.key, unit.value))
    scores = q @ k.mT / 2
    weights = sum(scores**n / math.factorial(n) for n in range(5)).tril()
    y = weights @ v
    if divided == "sum":
        y = y / weights.sum(-1, keepdim=True)
    else:
        y = y / 2  # as the unit keeps it; its own length takes that out, but for what is added
        y = y / (y.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    agrees(unit, together(unit.output, y), x)


def test_more_terms_of_the_series_come_nearer_to_softmax_attention() -> None:
    """What the paper proves: softmax attention is the sum of all orders, linear attention one."""
    x, errors = 0.5 * frames(40), {}
    for order in (2, 4, 6):
        torch.manual_seed(0)
        unit = SoftmaxRNN(C, order=order).double()
        q, k, v = (heads(layer, x, 2) for layer in (unit.query, unit.key, unit.value))
        want = together(unit.output, F.scaled_dot_product_attention(q, k, v, is_causal=True))
        errors[order] = (unit(x) - want).abs().max().item()
    assert errors[4] < errors[2] / 5
    assert errors[6] < errors[4] / 5


@pytest.mark.parametrize("tied", ["layer", "adjacent"])
def test_a_memory_network_is_its_formula(tied: str) -> None:
    torch.manual_seed(0)
    unit, x = MemN2N(C, 6, memory=5, hops=2, tied=tied).double(), frames(12)
    embed = unit.embed.linear.weight.unflatten(0, (-1, 6))
    ys = []
    for t in range(12):
        u = x[:, t] @ unit.query.linear.weight.T
        told = x[:, max(0, t - 4) : t + 1]
        for hop in range(2):
            at = 0 if tied == "layer" else hop
            m, c = (told @ embed[n].T + unit.times[n, 5 - told.shape[1] :] for n in (at, at + 1))
            share = torch.einsum("bh,bnh->bn", u, m).softmax(1)
            o = torch.einsum("bn,bnh->bh", share, c)
            u = o + (unit.onward.linear(u) if tied == "layer" else u)
        ys.append(u)
    agrees(unit, torch.stack(ys, dim=1), x)


def test_a_memory_network_finds_what_it_is_asked_for_and_forgets_what_left_the_ring() -> None:
    unit = MemN2N(3, 3, memory=4, hops=1).double()
    eye = torch.eye(3).double()
    unit.query.linear.weight.data, unit.onward.linear.weight.data = 90 * eye, 0 * eye
    unit.embed.linear.weight.data = torch.cat([eye, eye])
    unit.times.data.zero_()
    x = torch.zeros(1, 6, 3).double()
    x[0, 0, 1] = x[0, 1, 2] = 1.0  # frame 0 tells of channel 1, frame 1 of channel 2
    x[0, 3:, 1] = 0.2  # later frames ask for channel 1
    y = unit(x)[0]
    assert y[3, 1] > 0.99  # frame 0 is still remembered
    assert y[4, 1] < 0.25  # and has gone


def test_a_universal_transformer_halts_as_the_paper_lists_it() -> None:
    torch.manual_seed(0)
    unit, x = UniversalTransformer(C, 2, 3, most=4, threshold=0.9).double(), frames(20)
    torch.nn.init.normal_(unit.halt)
    torch.nn.init.zeros_(unit.halt_bias)
    torch.nn.init.normal_(unit.depths)
    h, y = x, torch.zeros_like(x)
    given = torch.zeros(2, 20, dtype=torch.float64)
    remainders, updates, n = torch.zeros_like(given), torch.zeros_like(given), 0
    while n < 4 and (given < 1.0).any():
        p = (h @ unit.halt + unit.halt_bias).sigmoid()
        running = (given < 1.0).double()
        halted = (given + p * running > 0.9).double() * running
        if n == 3:  # the listing leaves its loop here; what is left of 1 goes to the last revision
            halted = running
        running = running - halted
        given = given + p * running
        remainders = remainders + halted * (1 - given)
        given = given + halted * remainders
        updates = updates + running + halted
        weight = p * running + halted * remainders
        h = h + unit.depths[n]
        a = unit.after_attention.norm(h + unit.attention(h))
        h = unit.after_transition.norm(a + unit.narrow.linear(unit.widen.linear(a).relu()))
        y = y + h * weight[..., None]
        n += 1
    agrees(unit, y, x)
    torch.testing.assert_close(unit.ponder(x).squeeze(-1), updates + remainders)
    assert 1 < updates.mean() < 4


@pytest.mark.parametrize(("bias", "cost"), [(30.0, 1 + 1.0), (0.0, 2 + 0.5), (-30.0, 3 + 1.0)])
def test_a_frame_that_is_sure_halts_at_once_and_one_that_is_not_never(
    bias: float, cost: float
) -> None:
    """The cost is the number of revisions, and what was left for the last of them."""
    unit = UniversalTransformer(C, most=3, threshold=0.9)
    torch.nn.init.zeros_(unit.halt)
    torch.nn.init.constant_(unit.halt_bias, bias)
    x = frames(5).float()
    torch.testing.assert_close(unit.ponder(x), torch.full((2, 5, 1), cost))
    if bias > 0:  # the deeper revisions weigh nothing
        shallow = UniversalTransformer(C, most=1)
        shallow.load_state_dict(unit.state_dict() | {"depths": unit.depths[:1]})
        torch.testing.assert_close(unit(x), shallow(x))


def turned(x: Tensor) -> Tensor:
    """(B, heads, T, D), each pair of a channel of both halves turned by its place."""
    rate = 10_000.0 ** (-torch.arange(x.shape[-1] / 2, dtype=x.dtype) * 2 / x.shape[-1])
    places = torch.polar(torch.ones(1, dtype=x.dtype), torch.arange(x.shape[2])[:, None] * rate)
    z = torch.complex(*x.chunk(2, -1)) * places
    return torch.cat([z.real, z.imag], dim=-1)


def swax(unit: SWAX, x: Tensor, left: int) -> Tensor:
    """The formula with a window of so many frames before each."""
    q, k, v = (
        each.unflatten(2, (2, -1)).transpose(1, 2)
        for each in unit.products.linear(unit.norm(x)).chunk(3, -1)
    )
    apart = torch.arange(x.shape[1])[:, None] - torch.arange(x.shape[1])
    seen = (apart >= 0) & (apart <= left)
    y = F.scaled_dot_product_attention(turned(q), turned(k), v, attn_mask=seen)
    u = x + together(unit.attended, y)
    return u + unit.remembered.linear(unit.memory(unit.memory_norm(u)))


def test_a_swax_is_attention_to_a_window_and_then_an_mlstm() -> None:
    torch.manual_seed(0)
    unit, x = SWAX(C, 2, 6, short=1).double().eval(), frames(40)
    agrees(unit, swax(unit, x, 6), x, 1e-6)  # angles are kept in single precision


def test_a_swax_is_trained_with_windows_of_both_lengths() -> None:
    torch.manual_seed(0)
    unit, x = SWAX(C, 2, 6, short=1).double().train(), frames(20)
    wants = {left: swax(unit, x, left) for left in (1, 6)}
    assert (wants[1] - wants[6]).abs().max() > 1e-2
    drawn = []
    for _ in range(20):
        y = unit(x)
        drawn += [left for left, want in wants.items() if torch.allclose(y, want, atol=1e-9)]
    assert len(drawn) == 20
    assert 4 < drawn.count(1) < 16


UNITS: dict[str, Any] = {
    "swax": SWAX,
    "aaren": Aaren,
    "cottention": Cottention,
    "localattention": LocalAttention,
    "softmaxrnn": SoftmaxRNN,
    "universal": UniversalTransformer,
}
REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: SoftmaxRNN(8, order=3), ShapeError, "order 3; need at least 1, and an even one"),
    (lambda: SoftmaxRNN(8, divided="sums"), UnknownName, "unknown divisor 'sums'; did you mean"),
    (lambda: MemN2N(8, 6, memory=1), ShapeError, "a memory of 1 frames and 3 hops; need at least"),
    (lambda: MemN2N(8, 6, tied="layers"), UnknownName, "did you mean layer"),
    (lambda: UniversalTransformer(8, most=0), ShapeError, "0 depths, threshold 0.99; need at"),
    (lambda: UniversalTransformer(8, threshold=1.0), ShapeError, "threshold 1; need at least 1"),
    (lambda: SWAX(8, 2, 6, short=6), ShapeError, "a short window of 6; need 0 or more, below 6"),
    (lambda: LocalAttention(8, 2, 0), ShapeError, "left 0 and right 0; need a frame beside"),
    (lambda: MemN2N(8, 6)(torch.zeros(1, 3, 9)), ShapeError, r"need \(batch, frames, 8\)"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()


@pytest.mark.parametrize("name", UNITS)
def test_what_cannot_be_is_one_line(name: str) -> None:
    with pytest.raises(ShapeError, match=r": 3 heads must divide 8 channels"):
        UNITS[name](8, 3)
    with pytest.raises(ShapeError, match=r": x is \(1, 3, 9\); need \(batch, frames, 8\)"):
        UNITS[name](8)(torch.zeros(1, 3, 9))
