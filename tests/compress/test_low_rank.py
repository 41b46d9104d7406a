"""A matrix in two factors: near to it in training, two small products in every artifact."""

from __future__ import annotations

import copy
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.compress.low_rank import LowRank
from edgernn.compress.matrices import matrices
from edgernn.compress.parametrized import bake
from edgernn.compress.plan import parse_compression
from edgernn.compress.prune import Prune, Pruner
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.compress.units import Units
from edgernn.errors import ModelError
from edgernn.export.c.source import compile_step
from edgernn.graph.capture import capture
from edgernn.graph.fold_batchnorm import fold_batchnorm
from edgernn.graph.reference import Reference
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm
from edgernn.model import find_model
from edgernn.streaming import Sequential
from edgernn.testing import check_streaming
from edgernn.train.run import train_model
from edgernn.verify import compare

from ..compiled import assert_same_bits, compiled, noise, onnx_program, streamed

MINE = Path(__file__).with_name("keep.py")
CELLS = {
    "rnn": lambda: RNN(16, 32),
    "gru": lambda: GRU(16, 32),
    "gru_reset_before": lambda: GRU(16, 32, reset_after=False),
    "gru_delta": lambda: GRU(16, 32, threshold=(0.8, 0.1)),
    "lstm": lambda: LSTM(16, 32),
    "lstm_projection": lambda: LSTM(16, 32, proj_size=12),
}
RANKS = {"conv": 4, "input": 5, "recurrent": 6, "linear": 2}


def network(cell: str = "gru") -> Sequential:
    torch.manual_seed(0)
    out = 12 if cell == "lstm_projection" else 32
    net = Sequential(conv=Conv1d(8, 16, 3), rnn=CELLS[cell](), head=Linear(out, 6))
    return net.eval()


def ranks(cell: str) -> dict[str, float]:
    return {**RANKS, "projection": 4} if cell == "lstm_projection" else dict(RANKS)


@pytest.mark.parametrize("cell", CELLS)
def test_a_matrix_of_low_rank_is_split_without_loss(cell: str) -> None:
    net, x = network(cell), torch.randn(3, 13, 8)
    given = ranks(cell)
    with torch.no_grad():
        for matrix in matrices(net):
            left, values, right = torch.linalg.svd(matrix.weight.flatten(1), full_matrices=False)
            values[int(given[matrix.kind]) :] = 0
            matrix.weight.copy_((left * values @ right).reshape(matrix.weight.shape))
    small = copy.deepcopy(net)
    LowRank(given).apply(small)
    torch.testing.assert_close(small(x), net(x), atol=2e-5, rtol=1e-4)
    check_streaming(small, x)


def test_the_nearest_matrix_of_a_rank_is_kept() -> None:
    layer = nn.Linear(12, 20)
    whole = layer.weight.detach().clone()
    LowRank({"weight": 3}).apply(layer)
    outer, inner = (m.weight.detach() for m in matrices(layer))
    lost = (outer @ inner - whole).square().sum()
    torch.testing.assert_close(lost, torch.linalg.svdvals(whole)[3:].square().sum())
    torch.testing.assert_close(outer.norm(), inner.norm())


def test_factors_are_matrices_of_the_kind_that_they_stand_for() -> None:
    net = network()
    LowRank({"recurrent": 0.25, "conv": 4, "head.*": 2}).apply(net)
    assert [(m.name, m.kind, m.gates, m.shape) for m in matrices(net)] == [
        ("conv.conv.weight.outer", "conv", 1, (16, 4)),
        ("conv.conv.weight.inner", "conv", 1, (4, 24)),
        ("rnn.rnn.weight_ih_l0", "input", 3, (96, 16)),
        ("rnn.rnn.weight_hh_l0.outer", "recurrent", 3, (96, 8)),
        ("rnn.rnn.weight_hh_l0.inner", "recurrent", 1, (8, 32)),
        ("head.linear.weight.outer", "linear", 1, (6, 2)),
        ("head.linear.weight.inner", "linear", 1, (2, 32)),
    ]
    assert "rnn.rnn.weight_hh_l0.inner" in net.state_dict()
    assert "rnn.rnn.weight_hh_l0" not in net.state_dict()


def facts(net: Sequential, number_type: str, channels: int = 32) -> dict[str, Any]:
    """What its C weighs, after its numbers have been compared with torch's."""
    stream = noise((40, 1, 1, channels))
    frames = [{"x": frame} for frame in stream]
    step = capture(net, torch.from_numpy(stream[0]), "thin")
    typed, _ = find_backend("c").typed(step, number_type, frames)
    program = onnx_program(step) if number_type == "fp32" else None
    with torch.no_grad():
        want = net(torch.from_numpy(stream.reshape(1, 40, channels))).numpy().reshape(40, 1, 1, -1)
    for made in filter(None, [program, compiled(step, typed, number_type)]):
        compare("thin", np.stack(streamed(made, frames)[0]), want, number_type)
    return compile_step(step, typed, number_type).facts


@pytest.mark.cc
def test_bytes_and_products_fall_by_what_the_factors_save() -> None:
    torch.manual_seed(0)
    net = Sequential(rnn=GRU(32, 64), head=Linear(64, 32)).eval()
    small = copy.deepcopy(net)
    LowRank({"input": 16, "recurrent": 32, "linear": 8}).apply(small)
    whole = 192 * 32 + 192 * 64 + 32 * 64
    thin = 16 * (192 + 32) + 32 * (192 + 64) + 8 * (32 + 64)
    for number_type, weight_bytes, row_bytes in (("fp32", 4, 4), ("w8a8", 1, 8)):
        before, after = facts(net, number_type), facts(small, number_type)
        assert before["macs"] - after["macs"] == whole - thin
        more_rows = 16 + 32 + 8  # a bias each, in integers a start and a factor
        saved = weight_bytes * (whole - thin) - row_bytes * more_rows
        assert before["weights_bytes"] - after["weights_bytes"] == saved


@pytest.mark.cc
@pytest.mark.slow
@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
@pytest.mark.parametrize("cell", sorted({*CELLS} - {"gru", "gru_delta"}))
def test_thin_cells_and_convolutions_give_torchs_numbers_from_c(
    cell: str, number_type: str
) -> None:
    net = network(cell)
    LowRank(ranks(cell)).apply(net)
    facts(net, number_type, channels=8)


@pytest.mark.cc
def test_a_thin_delta_cell_reads_only_columns_that_moved() -> None:
    """Rounding may cross a threshold, so its integers are compared with the integer graph's."""
    net, stream = network("gru_delta"), noise((40, 1, 1, 8))
    LowRank({"input": 5, "recurrent": 6}).apply(net)
    frames = [{"x": frame} for frame in stream]
    step = capture(net, torch.from_numpy(stream[0]), "thin")
    typed, _ = find_backend("c").typed(step, "w8a8", frames)
    sums = [node for node in typed.nodes if node.op == "delta_sum"]
    assert sorted(typed.constants[node.inputs[3]].shape for node in sums) == [(5, 16), (6, 32)]
    reference = Reference(typed)
    want = [next(iter(reference.step(frame).values())) for frame in frames]
    got, _ = streamed(compiled(step, typed, "w8a8"), frames)
    assert_same_bits(np.stack(got), np.stack(want))


def test_a_batch_norm_folds_into_the_outer_factor() -> None:
    torch.manual_seed(0)
    net = Sequential(conv=Conv1d(8, 16, 3, bias=False), norm=BatchNorm(16), head=Linear(16, 6))
    net(torch.randn(4, 30, 8) * 2 + 1)  # statistics that are not the first ones
    LowRank({"conv": 4, "linear": 2}).apply(net)
    folded, x = fold_batchnorm(net), torch.randn(2, 9, 8)
    assert list(folded.layers) == ["conv", "head"]
    torch.testing.assert_close(folded(x), net.eval()(x), atol=1e-5, rtol=1e-5)


def test_masks_and_grids_lie_on_the_factors() -> None:
    net, x = network(), torch.randn(2, 9, 8)
    LowRank(RANKS).apply(net)
    plain = net.state_dict().keys()
    pruner = Pruner(Prune(0.5, "4x2", keep_diagonal=True))
    methods = [pruner, Quantizer(Quantize("w4a8"))]
    for method in methods:
        method.attach(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for step in range(3):
        for method in methods:
            method.before_step(net, step)
        net(x).square().sum().backward()
        optimizer.step()
    methods[1].finish(net)
    y = net(x)
    bake(net)
    assert net.state_dict().keys() == plain
    assert torch.equal(net(x), y)
    for matrix in matrices(net):
        assert float((matrix.weight == 0).float().mean()) > 0.35, matrix.name
        assert len(matrix.weight[0].unique()) <= 15


@pytest.mark.parametrize("sort", [nn.GRU, nn.LSTM, nn.RNN])
def test_torchs_own_cells_compute_with_the_product(sort: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    rnn, x = sort(8, 16, num_layers=2, batch_first=True), torch.randn(2, 6, 8)
    whole = copy.deepcopy(rnn)
    LowRank({"recurrent": 4, "weight_ih_l1": 4}).apply(rnn)
    with torch.no_grad():
        for name in ("weight_hh_l0", "weight_hh_l1", "weight_ih_l1"):
            getattr(whole, name).copy_(getattr(rnn, name).read().whole())
    torch.testing.assert_close(rnn(x)[0], whole(x)[0])
    rnn(x)[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in rnn.parameters())
    pruner = Pruner(Prune(0.5))
    pruner.attach(rnn)
    pruner.before_step(rnn, 0)
    rnn(x)[0].sum().backward()
    masked = rnn(x)[0]
    twin = copy.deepcopy(bake(rnn)).double()
    torch.testing.assert_close(twin(x.double())[0].float(), masked)


def test_units_leave_factors_too() -> None:
    net, x = network("lstm_projection"), torch.randn(3, 13, 8)
    LowRank({"conv": 4, "input": 5, "recurrent": 6, "projection": 4}).apply(net)
    Units({"rnn": 20, "conv": 10}).apply(net)
    shapes = {m.name: m.shape for m in matrices(net)}
    assert shapes["rnn.rnn.weight_ih_l0.outer"] == (80, 5)
    assert shapes["rnn.rnn.weight_ih_l0.inner"] == (5, 10)
    assert shapes["rnn.rnn.weight_hr_l0.inner"] == (4, 20)
    check_streaming(net, x)


class Odd(nn.Linear):
    """A layer that reads its weight in a way of its own."""


@pytest.mark.parametrize(
    ("ranks", "line"),
    [
        ({"recurrent": 24}, r"rank 24 takes 3,072 weights, the matrix itself 3,072; .* at most 23"),
        ({"recurrent": 0}, "recurrent = 0; need a whole number of at least 1, or a share"),
        ({"recurrent": 1.5}, "recurrent = 1.5"),
        ({"recurrent": "x"}, "recurrent = 'x'"),
        ({"gru": 4}, "low_rank: no weight matrix fits 'gru'"),
    ],
)
def test_what_cannot_be_is_refused(ranks: dict[str, Any], line: str) -> None:
    with pytest.raises(ModelError, match=line):
        parse_compression({"low_rank": ranks}, "r.toml").structures[0].apply(network())


def test_a_layer_that_may_read_its_weight_otherwise_is_refused() -> None:
    with pytest.raises(ModelError, match=r"weight \(8x8\): Odd may read its weight in a way of"):
        LowRank({"weight": 2}).apply(Odd(8, 8))


RECIPE = """
[train]
steps = 20
checkpoint_every = 10
validate_every = 20
[compress.low_rank]
recurrent = 8
input = 0.5
[compress.prune]
pattern = "4x4"
sparsity = 0.5
only = ["rnn.rnn.weight_hh_l0.*"]
[compress.quantize]
number_type = "w8a8"
"""


def stopping_at(last: int) -> Callable[[Quantizer, nn.Module, int], None]:
    """A method's step that asks for an end, as Ctrl-C does, and goes on."""
    before_step = Quantizer.before_step

    def stop(self: Quantizer, network: nn.Module, step: int) -> None:
        before_step(self, network, step)
        if step == last:
            signal.raise_signal(signal.SIGINT)

    return stop


def test_a_thin_network_resumes_to_the_same_bits_and_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'model = "{MINE}:build"\n{RECIPE}')
    whole, part = tmp_path / "whole", tmp_path / "part"
    train_model(f"{MINE}:build", tmp_path, whole, recipe=recipe, quiet=True)
    found = find_model(str(whole)).steps()["keep"]
    shapes = {m.name: m.shape for m in matrices(found)}
    assert shapes["rnn.rnn.weight_hh_l0.inner"] == (8, 32)
    assert shapes["rnn.rnn.weight_ih_l0.outer"] == (96, 3)
    monkeypatch.setattr(Quantizer, "before_step", stopping_at(12))
    with pytest.raises(KeyboardInterrupt):
        train_model(f"{MINE}:build", tmp_path, part, recipe=recipe, quiet=True)
    monkeypatch.undo()
    train_model(f"{MINE}:build", tmp_path, part, recipe=recipe, quiet=True, resume=True)
    again = find_model(str(part)).steps()["keep"].state_dict()
    assert all(torch.equal(w, again[name]) for name, w in found.state_dict().items())
