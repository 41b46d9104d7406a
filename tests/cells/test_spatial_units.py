"""Units whose frames are maps, graphs or sums of splines compute what their papers write."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.cells.convlstm import ConvLSTM, NodeLSTM
from edgernn.cells.evolvegcn import EvolveGCN
from edgernn.cells.fsmn import GatedFSMN
from edgernn.cells.gcrn import GCRN
from edgernn.cells.lcblstm import LatencyControlledBLSTM
from edgernn.cells.spatialrows import SpatialRows
from edgernn.cells.tkan import KAN, TKAN
from edgernn.errors import EdgernnError, ShapeError, UnknownName
from edgernn.streaming import Streaming, offline

B, T, DOUBLE = 2, 9, torch.float64
GRAPH = torch.tensor([[0, 1, 0.5, 0], [1, 0, 0, 2], [0.5, 0, 0, 1], [0, 2, 1, 0]])


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def wild(unit: Any) -> Any:
    """Weights as no beginning has them, in double."""
    with torch.no_grad():
        for seed, parameter in enumerate(unit.double().parameters()):
            parameter.copy_(0.5 * noise(*parameter.shape, seed=seed))
    return unit


def agrees(unit: Streaming, ys: list[Tensor], x: Tensor) -> None:
    torch.testing.assert_close(unit(x), torch.stack(ys, dim=1), atol=1e-9, rtol=1e-9)


def peephole_lstm(lstm: NodeLSTM, made: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Of gates made by products: h and c, (B, P, H) each."""
    i, f, g, o = made.split(lstm.hidden, dim=-1)
    p_i, p_f, p_o = lstm.peepholes
    c = (f + p_f * c).sigmoid() * c + (i + p_i * c).sigmoid() * g.tanh()
    return (o + p_o * c).sigmoid() * c.tanh(), c


def test_a_conv_lstm_is_torchs_convolution_over_the_map() -> None:
    unit, x = wild(ConvLSTM(24, 36, grid=(3, 4))), noise(B, T, 24)
    h = c = torch.zeros(B, 12, 3, dtype=DOUBLE)
    ys = []

    def convolved(linear: nn.Linear, of: Tensor) -> Tensor:
        """(B, 12, C) -> (B, 12, rows of the matrix)."""
        kernel = linear.weight.unflatten(1, (3, 3, -1)).permute(0, 3, 1, 2)
        maps = of.unflatten(1, (3, 4)).permute(0, 3, 1, 2)
        made = F.conv2d(maps, kernel, linear.bias, padding=1)
        return made.flatten(2).transpose(1, 2)

    for now in x.unbind(1):
        made = convolved(unit.lstm.input, now.unflatten(1, (12, 2)))
        h, c = peephole_lstm(unit.lstm, made + convolved(unit.lstm.recurrent, h), c)
        ys.append(h.flatten(1))
    agrees(unit, ys, x)


def test_a_gcrn_filters_by_chebyshev_polynomials_of_the_spectrum() -> None:
    """T_k(l) = cos(k arccos l) of each eigenvalue l of the rescaled Laplacian."""
    unit, x = wild(GCRN(8, 12, adjacency=GRAPH, filters=4)), noise(B, T, 8)
    root = torch.diag(GRAPH.double().sum(1).rsqrt())
    values, vectors = torch.linalg.eigh(torch.eye(4) - root @ GRAPH.double() @ root)
    spectrum = (2 * values / values.max() - 1).clamp(-1, 1).arccos()

    def heard(of: Tensor) -> Tensor:
        powers = [vectors @ torch.diag((k * spectrum).cos()) @ vectors.T for k in range(4)]
        return torch.cat([power @ of for power in powers], dim=-1)

    h = c = torch.zeros(B, 4, 3, dtype=DOUBLE)
    ys = []
    for now in x.unbind(1):
        made = unit.lstm.input(heard(now.unflatten(1, (4, 2)))) + unit.lstm.recurrent(heard(h))
        h, c = peephole_lstm(unit.lstm, made, c)
        ys.append(h.flatten(1))
    torch.testing.assert_close(unit(x), torch.stack(ys, dim=1), atol=1e-5, rtol=1e-5)


def test_a_node_hears_as_far_as_there_are_filters_and_no_further() -> None:
    row = torch.diag(torch.ones(5), 1) + torch.diag(torch.ones(5), -1)
    for filters, far in ((1, 0), (2, 1), (3, 2)):
        unit = wild(GCRN(6, 6, adjacency=row, filters=filters))
        x = noise(1, 1, 6)
        other = x.clone()
        other[..., 0] += 1
        moved = (unit(other) - unit(x)).abs()[0, 0] > 1e-12
        assert moved.nonzero().max() == far


@pytest.mark.parametrize("form", ["H", "O"])
def test_an_evolve_gcn_is_its_formula(form: str) -> None:
    unit, x = wild(EvolveGCN(12, 8, adjacency=GRAPH, form=form)), noise(B, T, 12)
    around = GRAPH.double() + torch.eye(4)
    around = around / (around.sum(1)[:, None] * around.sum(1)).sqrt()
    reads, recurs = unit.read.weight.split(3), unit.recur.weight.split(3)
    recurs = [*recurs, *(unit.renew.weight.split(3) if form == "H" else ())]
    biases = [bias.T for bias in unit.biases.split(3, dim=1)]
    ys = []
    for row in range(B):
        w = unit.weight.T  # (I', H')
        cell, given = torch.zeros_like(w), []
        for now in x[row].unbind(0):
            nodes = now.reshape(4, 3)
            z = w
            if form == "H":
                score = nodes @ unit.score / unit.score.norm()
                best = score.topk(2).indices
                z = (nodes[best] * score[best].tanh()[:, None]).T
            made = [read @ z + bias for read, bias in zip(reads, biases, strict=True)]
            if form == "H":
                update, reset = ((made[n] + recurs[n] @ w).sigmoid() for n in (0, 1))
                new = (made[2] + recurs[2] @ (reset * w)).tanh()
                w = (1 - update) * w + update * new
            else:
                i, f, g, o = (made[n] + recurs[n] @ w for n in range(4))
                cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
                w = o.sigmoid() * cell.tanh()
            given.append((around @ nodes @ w).relu().flatten())
        ys.append(torch.stack(given))
    torch.testing.assert_close(unit(x), torch.stack(ys), atol=1e-5, rtol=1e-5)


def test_of_equal_scores_the_first_node_is_higher() -> None:
    unit = wild(EvolveGCN(12, 8, adjacency=GRAPH))
    node = noise(3)
    nodes = torch.stack([node, -9 * torch.sign(unit.score.detach()), node, node])[None]
    highest = unit._highest(nodes)
    score = node @ unit.score / unit.score.norm()
    torch.testing.assert_close(highest[0], (node * score.tanh()).expand(2, 3))


def test_splines_are_those_of_cox_and_de_boor() -> None:
    kan, x = KAN(4, 3, grid=5).double(), 1.5 * noise(7, 4)
    knots = -1 + 0.4 * (torch.arange(12, dtype=DOUBLE) - 3)
    at = x[..., None]
    bases = ((at >= knots[:-1]) & (at < knots[1:])).double()
    for k in range(1, 4):
        left = (at - knots[: -k - 1]) / (knots[k:-1] - knots[: -k - 1])
        right = (knots[k + 1 :] - at) / (knots[k + 1 :] - knots[1:-k])
        bases = left * bases[..., :-1] + right * bases[..., 1:]
    torch.testing.assert_close(kan.bases(x), bases, atol=1e-6, rtol=1e-6)
    inside = kan.bases(torch.linspace(-0.99, 0.99, 50, dtype=DOUBLE)[:, None])
    torch.testing.assert_close(inside.sum(-1), torch.ones(50, 1, dtype=DOUBLE), atol=1e-6, rtol=0)


def test_a_tkan_is_its_formula() -> None:
    unit, x = wild(TKAN(5, 4, sublayers=3, sub_size=2)), noise(B, T, 5)
    h = c = torch.zeros(B, 4, dtype=DOUBLE)
    memory, ys = [torch.zeros(B, 2, dtype=DOUBLE)] * 3, []
    for now in x.unbind(1):
        z = []
        for n, (own, of) in enumerate(zip(unit.sub_input.weight.split(2), memory, strict=True)):
            s = now @ own.T + of @ unit.sub_recurrent[n].weight.T
            kan = unit.kans[n]
            z.append(F.silu(s) @ kan.silu.weight.T + kan.bases(s).flatten(1) @ kan.splines.weight.T)
        memory = [unit.keep[n] * memory[n] + unit.add[n] * z[n] for n in range(3)]
        i, f, g = (unit.input(now) + h @ unit.recurrent.weight.T).split(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = unit.output(torch.cat(z, dim=1)).sigmoid() * c.tanh()
        ys.append(h)
    agrees(unit, ys, x)


def test_rows_tell_the_next_row_by_a_convolution_along_it() -> None:
    unit, x = wild(SpatialRows(12, columns=6, kernel=5)), noise(B, T, 12)
    kernel, ys = unit.told.weight.unflatten(1, (5, 2)).transpose(1, 2), []
    row = torch.zeros(B, 2, 6, dtype=DOUBLE)
    for now in x.unbind(1):
        row = now.unflatten(1, (6, 2)).transpose(1, 2) + F.conv1d(row, kernel, padding=2).relu()
        ys.append(row.transpose(1, 2).flatten(1))
    agrees(unit, ys, x)


def test_a_gated_fsmn_is_torchs_convolutions() -> None:
    unit, x = wild(GatedFSMN(6, kernel=3, depth=3, smooth=4, inner=5)), noise(B, 30, 6)

    def convolved(conv: Any, of: Tensor) -> Tensor:
        inner = conv.conv
        back = (inner.kernel_size[0] - 1) * inner.dilation[0]
        return inner(F.pad(of.transpose(1, 2), (back, 0))).transpose(1, 2)

    w = F.silu(unit.input.linear(unit.norm.norm(x)))
    u, v = (w + convolved(unit.smooth, w)).chunk(2, -1)
    memory = [unit.narrow.linear(unit.widen.linear(u).relu())]
    for n in range(3):
        heard = [convolved(unit.convs[f"memory{n}_{k}"], m) for k, m in enumerate(memory)]
        assert unit.convs[f"memory{n}_0"].conv.dilation == (2**n,)
        made = unit.norms[n].norm(torch.stack(heard).sum(0))
        memory.append(F.prelu(made.transpose(1, 2), unit.slopes[n]).transpose(1, 2))
    agrees(unit, list((x + v * (u + memory[-1])).unbind(1)), x)


def test_a_chunk_and_what_is_ahead_of_it_are_read_backwards() -> None:
    unit, x = LatencyControlledBLSTM(5, 4, chunk=3, ahead=2).double(), noise(B, 12, 5)
    late, back = F.pad(x, (0, 0, 2, 4)), []  # chunks begin with the frames before the first
    for at in range(0, 15, 3):
        back.append(unit.backward.rnn(late[:, at : at + 5].flip(1))[0].flip(1)[:, :3])
    onward = unit.onward.inner.rnn(x)[0]
    want = torch.cat([onward, torch.cat(back, dim=1)[:, 2:14]], dim=2)
    torch.testing.assert_close(offline(unit, x), want)


@pytest.mark.parametrize(("chunk", "ahead"), [(12, 0), (4, 8)])
def test_with_all_frames_ahead_it_is_torchs_bidirectional_lstm(chunk: int, ahead: int) -> None:
    """What look-ahead buys: with all of it, the first chunk is that of the whole sequence."""
    unit, x = LatencyControlledBLSTM(5, 4, chunk=chunk, ahead=ahead).double(), noise(B, 12, 5)
    whole = nn.LSTM(5, 4, batch_first=True, bidirectional=True).double()
    forward = unit.onward.inner if ahead else unit.onward
    for name, weight in forward.rnn.named_parameters():
        getattr(whole, name).data.copy_(weight)
    for name, weight in unit.backward.rnn.named_parameters():
        getattr(whole, f"{name}_reverse").data.copy_(weight)
    got = offline(unit, x)[:, :chunk]
    torch.testing.assert_close(got, whole(x)[0][:, :chunk])


LONELY = [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: ConvLSTM(9, 8), ShapeError, "4 places must divide the 9 and 8 channels of a frame"),
    (lambda: ConvLSTM(8, 8, grid=(0, 4)), ShapeError, "0 places must divide"),
    (lambda: ConvLSTM(8, 8, kernel=2), ShapeError, "a kernel of 2; need an odd one"),
    (lambda: GCRN(8, 9), ShapeError, "4 places must divide the 8 and 9 channels"),
    (lambda: GCRN(8, 8, filters=0), ShapeError, "0 filters; need at least 1"),
    (lambda: GCRN(8, 8, adjacency=[[0, 1]]), ShapeError, r"an adjacency of \(1, 2\); need \(nodes"),
    (lambda: GCRN(8, 8, adjacency=[[0, 1], [2, 0]]), ShapeError, "the same both ways, none to"),
    (lambda: GCRN(9, 9, adjacency=LONELY), ShapeError, "node 2 has no edge; leave it out"),
    (lambda: EvolveGCN(9, 9, adjacency=LONELY), ShapeError, "EvolveGCN: node 2 has no edge"),
    (lambda: EvolveGCN(8, 8, form="h"), UnknownName, "unknown form 'h'"),
    (lambda: TKAN(8, 8, sublayers=0), ShapeError, "0 sub-layers, 5 intervals of a grid; need at"),
    (lambda: SpatialRows(8, columns=3), ShapeError, "3 places must divide the 8 channels"),
    (lambda: SpatialRows(8, kernel=4), ShapeError, "a kernel of 4; need an odd one"),
    (lambda: GatedFSMN(8, depth=0), ShapeError, "kernel 5, depth 0, smooth 4; need at least 1"),
    (lambda: LatencyControlledBLSTM(8, 8, chunk=0), ShapeError, "chunk 0, ahead 2; need at"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()
