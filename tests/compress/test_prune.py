"""Masks are what was asked for: patterns, budgets, schedules, scores; and they hold in training."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.compress.matrices import as_rows, as_weight, chosen, matrices
from edgernn.compress.parametrized import bake
from edgernn.compress.pattern import parse_pattern
from edgernn.compress.prune import Prune, Pruner
from edgernn.errors import ModelError
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential


def _network() -> Sequential:
    torch.manual_seed(0)
    return Sequential(conv=Conv1d(8, 16, 3), rnn=GRU(16, 32), head=Linear(32, 6))


def _pruned(how: Prune, step: int = 0) -> Sequential:
    network = _network()
    pruner = Pruner(how)
    pruner.attach(network)
    pruner.before_step(network, step)
    return network


def _zeros(network: nn.Module) -> dict[str, float]:
    return {m.name: float((m.weight == 0).float().mean()) for m in matrices(network)}


def test_matrices_are_found_with_their_kind_and_gates() -> None:
    found = [(m.name, m.kind, m.gates, m.shape) for m in matrices(_network())]
    assert found == [
        ("conv.conv.weight", "conv", 1, (16, 24)),
        ("rnn.rnn.weight_ih_l0", "input", 3, (96, 16)),
        ("rnn.rnn.weight_hh_l0", "recurrent", 3, (96, 32)),
        ("head.linear.weight", "linear", 1, (6, 32)),
    ]
    assert [m.kind for m in matrices(LSTM(4, 8, proj_size=2))] == [
        "input", "recurrent", "projection",
    ]  # fmt: skip


def test_rows_of_a_convolution_are_those_of_its_step() -> None:
    conv = Conv1d(2, 3, 4, bias=False)
    x = torch.randn(1, 4, 2)
    rows = as_rows(conv.conv.weight)
    assert torch.allclose(rows @ x.reshape(-1), conv(x)[0, -1], atol=1e-6)
    assert torch.equal(as_weight(rows, conv.conv.weight.shape), conv.conv.weight)


@pytest.mark.parametrize("budget", ["global", "matrix", "gate"])
@pytest.mark.parametrize("pattern", ["unstructured", "16x4", "8x4", "4x4", "16x1", "4x16"])
def test_each_pattern_leaves_the_share_that_was_asked_for(pattern: str, budget: str) -> None:
    only = ("input", "recurrent")
    network = _pruned(Prune(0.75, pattern, budget, only))
    shares = _zeros(network)
    kept = [shares["rnn.rnn.weight_ih_l0"], shares["rnn.rnn.weight_hh_l0"]]
    sizes = [16, 32]
    assert sum(k * s for k, s in zip(kept, sizes, strict=True)) / 48 == pytest.approx(0.75)
    if budget != "global":
        assert kept == [pytest.approx(0.75)] * 2
    if budget == "gate":
        gates = matrices(network)[2].weight.reshape(3, 32, 32)
        assert [float((g == 0).float().mean()) for g in gates] == [pytest.approx(0.75)] * 3
    assert shares["head.linear.weight"] == 0


def test_blocks_are_zero_as_a_whole_on_the_grid_of_tiles() -> None:
    weight = matrices(_pruned(Prune(0.75, "16x4", only=("recurrent",))))[2].weight
    tiles = (weight.reshape(6, 16, 8, 4) != 0).sum(dim=(1, 3))
    assert set(tiles.flatten().tolist()) == {0, 64}
    assert int((tiles == 0).sum()) == 36


def test_the_least_blocks_go() -> None:
    network = _network()
    kept = matrices(network)[2].weight.detach().clone()
    pruner = Pruner(Prune(0.5, "4x4", only=("recurrent",)))
    pruner.attach(network)
    pruner.before_step(network, 0)
    scores = kept.abs().reshape(24, 4, 8, 4).mean(dim=(1, 3))
    gone = (matrices(network)[2].weight.reshape(24, 4, 8, 4) == 0).all(dim=3).all(dim=1)
    assert scores[gone].max() < scores[~gone].min()


def test_a_block_that_does_not_divide_a_matrix_is_smaller_at_the_edge() -> None:
    pattern = parse_pattern("16x4")
    scores = pattern.scores(torch.ones(20, 6))
    assert torch.equal(scores, torch.ones(2, 2))  # a mean, so that a small block is not weaker
    blocks = torch.tensor([[True, False], [False, True]])
    mask = pattern.spread(blocks, (20, 6))
    assert mask.shape == (20, 6)
    assert mask[:16, :4].all()
    assert not mask[:16, 4:].any()
    assert mask[16:, 4:].all()


def test_n_of_m_keeps_the_largest_of_each_m_inputs() -> None:
    weight = matrices(_pruned(Prune(pattern="2:4", only=("recurrent",))))[2].weight
    assert ((weight.reshape(96, 8, 4) != 0).sum(2) == 2).all()
    assert Prune(pattern="2:4").sparsity == 0.5


def test_the_diagonal_stays_where_it_is_asked_to() -> None:
    how = Prune(0.9, "16x4", only=("recurrent",), keep_diagonal=True)
    weight = matrices(_pruned(how))[2].weight
    for gate in weight.reshape(3, 32, 32):
        assert (gate.diagonal() != 0).all()
    assert 0.86 < float((weight == 0).float().mean()) < 0.9


def test_sparsity_rises_by_the_cubic_rule_and_stays() -> None:
    how = Prune(0.8, begin=10, end=110, every=20)
    assert how.sparsity_at(9) == 0
    assert how.sparsity_at(60) == pytest.approx(0.8 * (1 - 0.5**3))
    assert how.sparsity_at(110) == how.sparsity_at(1000) == pytest.approx(0.8)
    assert [s for s in range(200) if how.due(s)] == [10, 30, 50, 70, 90, 110]
    assert [s for s in range(9) if Prune(0.5).due(s)] == [0]


def test_zeros_stay_zero_through_training_and_in_the_baked_network() -> None:
    network = _network()
    pruner = Pruner(Prune(0.5, "4x4", begin=2, end=6, every=2))
    pruner.attach(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for step in range(12):
        pruner.before_step(network, step)
        loss = network(torch.randn(4, 10, 8)).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert "rnn.rnn.parametrizations.weight_hh_l0.0.mask" in network.state_dict()
    before, y = _zeros(network), network(torch.ones(1, 5, 8))
    assert all(share == pytest.approx(0.5, abs=0.03) for share in before.values())
    bake(network)
    assert _zeros(network) == before
    assert torch.equal(network(torch.ones(1, 5, 8)), y)
    assert network.state_dict().keys() == _network().state_dict().keys()


def test_movement_keeps_what_grows() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(8, 4, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.1)
        layer.weight[:, 4:] = 1.0  # large, but of no use: the target needs only the first four
    pruner = Pruner(Prune(0.5, score="movement", begin=20, end=40, every=20))
    pruner.attach(layer)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.02)
    for step in range(41):
        pruner.before_step(layer, step)
        x = torch.randn(64, 8)
        loss = (layer(x) - x[:, :4].sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (layer.weight[:, :4] != 0).all()
    assert (layer.weight[:, 4:] == 0).all()


def test_group_lasso_empties_blocks() -> None:
    shares = []
    for lasso in (0.0, 0.02):
        network = _network()
        pruner = Pruner(Prune(0.0, "4x4", only=("recurrent",), lasso=lasso))
        pruner.attach(network)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        for _ in range(60):
            y = network(torch.ones(1, 4, 8))
            loss = (y - 1).square().mean() + pruner.extra(network, {}, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        norms = pruner.pattern.scores(matrices(network)[2].original.square()).sqrt()
        shares.append(float((norms < 0.02).float().mean()))
    assert shares[0] == 0
    assert shares[1] > 0.3


@pytest.mark.parametrize("sort", [nn.GRU, nn.LSTM, nn.RNN])
def test_torchs_own_cells_compute_with_the_mask_and_train_beneath_it(sort: type[nn.Module]) -> None:
    torch.manual_seed(0)
    rnn = sort(8, 16, num_layers=2, batch_first=True)
    pruner = Pruner(Prune(0.75, "4x4"))
    pruner.attach(rnn)
    pruner.before_step(rnn, 0)
    optimizer = torch.optim.SGD(rnn.parameters(), lr=0.1)
    before = rnn(torch.ones(1, 6, 8))[0]
    before.square().sum().backward()
    optimizer.step()
    after = rnn(torch.ones(1, 6, 8))[0]
    assert not torch.equal(before, after)
    fresh = sort(8, 16, num_layers=2, batch_first=True)
    fresh.load_state_dict(bake(rnn).state_dict())
    assert torch.allclose(fresh(torch.ones(1, 6, 8))[0], after, atol=1e-6)
    assert all(share == pytest.approx(0.75, abs=0.04) for share in _zeros(fresh).values())


@pytest.mark.parametrize("sort", [nn.GRU, nn.LSTM, nn.RNN])
def test_a_masked_network_can_be_moved_and_copied(sort: type[nn.Module]) -> None:
    rnn = sort(8, 16, batch_first=True)
    pruner = Pruner(Prune(0.5))
    pruner.attach(rnn)
    pruner.before_step(rnn, 0)
    twin = copy.deepcopy(rnn.double())
    x = torch.ones(1, 4, 8, dtype=torch.float64)
    y = rnn(x)[0]
    assert torch.equal(twin(x)[0], y)
    assert torch.equal(bake(twin)(x)[0], y)  # torch keeps both of one class: rnn ends with it


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"sparsity": 1.0}, "sparsity 1.0; need at least 0 and below 1"),
        ({"sparsity": -0.1}, "sparsity -0.1"),
        ({"pattern": "4 by 4"}, "pattern '4 by 4'; need unstructured"),
        ({"pattern": "4:2"}, "pattern '4:2'"),
        ({"pattern": "2:4", "sparsity": 0.6}, "2:4 means 0.5"),
        ({"budget": "row"}, "budget 'row'; need one of global, matrix, gate"),
        ({"score": "luck"}, "score 'luck'"),
        ({"score": "movement"}, "give begin and end"),
        ({"begin": 5, "end": 5}, "end 5 must lie behind begin 5"),
    ],
)
def test_what_cannot_be_is_refused(how: dict[str, object], line: str) -> None:
    with pytest.raises(ModelError, match=line):
        Prune(**how)  # type: ignore[arg-type]


def test_a_name_that_fits_nothing_is_refused_with_what_there_is() -> None:
    with pytest.raises(ModelError, match=r"no weight matrix fits 'gru\.\*'; there are conv\.conv"):
        chosen(matrices(_network()), ["gru.*"], "prune")


def test_a_mask_of_another_shape_is_not_loaded() -> None:
    network = _pruned(Prune(0.5))
    state = network.state_dict()
    name = "rnn.rnn.parametrizations.weight_hh_l0.0.mask"
    state[name] = state[name][:, :5]
    with pytest.raises(RuntimeError, match=r"weight_hh_l0\.0\.mask"):
        _pruned(Prune(0.5)).load_state_dict(state)
