"""The order of units is free, and a good one lets a block mask keep more."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgernn.backend import Array
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.compress.block_order import Blocks, gathered
from edgernn.compress.low_rank import LowRank
from edgernn.compress.matrices import matrices
from edgernn.compress.permute import Permute
from edgernn.compress.plan import parse_compression
from edgernn.compress.prune import Prune, Pruner
from edgernn.errors import ModelError
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm
from edgernn.model import find_model
from edgernn.state import named_leaves
from edgernn.streaming import Sequential
from edgernn.testing import check_streaming
from edgernn.train.run import train_model

MINE = Path(__file__).with_name("keep.py")
CELLS = {
    "rnn": lambda: RNN(16, 40),
    "gru": lambda: GRU(16, 40),
    "gru_reset_before": lambda: GRU(16, 40, reset_after=False),
    "lstm": lambda: LSTM(16, 40),
    "lstm_projection": lambda: LSTM(16, 40, proj_size=12),
}


def network(cell: str) -> Sequential:
    torch.manual_seed(0)
    out = 12 if cell == "lstm_projection" else 40
    layers = {"conv": Conv1d(8, 16, 3), "norm": BatchNorm(16), "rnn": CELLS[cell]()}
    return Sequential(**layers, head=Linear(out, 6)).eval()


def kept(network: nn.Module, how: Prune) -> float:
    """The magnitude that a mask leaves in the matrices that it lies on."""
    network = copy.deepcopy(network)
    pruner = Pruner(how)
    pruner.attach(network)
    pruner.before_step(network, 0)
    return sum(float(m.weight.detach().abs().sum()) for m in pruner.pruned)


def recurrent(units: int, seed: int = 0) -> tuple[Array, Array]:
    """Magnitudes of normal weights of a GRU: U (3 H, H) and W (3 H, H / 2)."""
    random = np.random.default_rng(seed)
    sizes = (3 * units, units), (3 * units, units // 2)
    return np.abs(random.standard_normal(sizes[0])), np.abs(random.standard_normal(sizes[1]))


@pytest.mark.parametrize("cell", CELLS)
def test_a_permuted_network_computes_the_same(cell: str) -> None:
    net, x = network(cell), torch.randn(3, 13, 8)
    how = Permute("8x4", 0.75, only=("rnn", "conv"))
    permuted = copy.deepcopy(net)
    how.apply(permuted)
    assert not torch.equal(
        permuted.layers["rnn"].rnn.weight_hh_l0, net.layers["rnn"].rnn.weight_hh_l0
    )
    assert not torch.equal(permuted.layers["conv"].conv.weight, net.layers["conv"].conv.weight)
    torch.testing.assert_close(permuted(x), net(x), atol=1e-6, rtol=1e-5)
    check_streaming(permuted, x)
    prune = Prune(0.75, "8x4", only=("*",))
    assert kept(permuted, prune) > kept(net, prune)


def test_states_come_in_the_new_order() -> None:
    net, x = network("lstm"), torch.randn(1, 5, 8)
    permuted = copy.deepcopy(net)
    Permute(only=("rnn",)).apply(permuted)
    leaves = [named_leaves(one.step(x, one.initial_state(1))[1]) for one in (net, permuted)]
    for name in ("rnn.h", "rnn.c"):
        before, after = (one[name].detach() for one in leaves)
        assert not torch.allclose(after, before, atol=1e-4)
        torch.testing.assert_close(after.sort().values, before.sort().values)


@pytest.mark.parametrize(("units", "rise"), [(64, 1.06), (128, 1.045)])
def test_a_mask_keeps_more_of_a_random_matrix(units: int, rise: float) -> None:
    found = [
        Blocks(one, 3, cols, (16, 4), 0.75)
        for one, cols in zip(recurrent(units), (1, 0), strict=True)
    ]
    before = sum(one.kept for one in found)
    order = gathered(found)
    assert sorted(order) == list(range(units))
    for one in found:
        one.take(order)
    assert sum(one.kept for one in found) > rise * before


def test_blocks_that_were_shuffled_are_found_again() -> None:
    random = np.random.default_rng(0)
    tiles = np.kron(random.random((12, 16)) < 0.25, np.ones((16, 4)))
    whole = tiles * recurrent(64)[0]
    shuffle = random.permutation(64)
    rows = (np.arange(3)[:, None] * 64 + shuffle).ravel()
    shuffled = Blocks(whole[rows][:, shuffle], 3, 1, (16, 4), 1 - tiles.mean())
    assert shuffled.kept < 0.5 * whole.sum()
    shuffled.take(gathered([shuffled]))
    assert shuffled.kept > 0.95 * whole.sum()


def test_what_is_counted_is_what_a_mask_keeps() -> None:
    """At edges too that blocks do not divide, and where a block has rows of two gates."""
    net = GRU(10, 20)
    for matrix in matrices(net):
        values = matrix.weight.detach().abs().numpy()
        cols = int(matrix.kind == "recurrent")
        counted = Blocks(values, 3, cols, (16, 4), 0.6).kept
        assert counted == pytest.approx(
            kept(net, Prune(0.6, "16x4", only=(matrix.name,))), rel=1e-5
        )


def test_the_gain_of_a_trade_is_what_it_brings() -> None:
    """With the threshold held, for rows alone; so a mask chosen anew keeps at most that more."""
    one = Blocks(recurrent(32)[1], 3, 0, (16, 4), 0.5)
    gains, before, side = one.gains(3), one.kept, one._along_rows
    limits = one.values.reshape(6, 16, 4, 4).sum((1, 3)) - side.spare
    for place in (0, 17, 30):
        one.swap(3, place)
        sums = one.values.reshape(6, 16, 4, 4).sum((1, 3))
        now = np.maximum(sums - limits, 0).sum()
        assert now - side.over.sum() == pytest.approx(gains[place], abs=1e-9)
        assert one.kept - before <= gains[place] + 1e-9
        one.swap(3, place)
        assert one.kept == pytest.approx(before)


def test_the_shipped_keyword_spotter_keeps_a_tenth_more() -> None:
    net = find_model("kws/dense").steps()["kws"]
    prune = Prune(0.75, "16x4", only=("rnn.*",))
    before = kept(net, prune)
    Permute(only=("rnn",), matrices=("rnn.*",)).apply(net)
    assert kept(net, prune) > 1.09 * before


def test_factors_are_permuted_as_their_matrix_would_be() -> None:
    net, x = network("gru"), torch.randn(2, 9, 8)
    LowRank({"recurrent": 8, "linear": 3}).apply(net)
    before = net(x)
    Permute("8x4", 0.5, only=("rnn",)).apply(net)
    torch.testing.assert_close(net(x), before, atol=1e-6, rtol=1e-5)


def test_a_wildcard_takes_what_can_be_reordered() -> None:
    net, x = network("gru"), torch.randn(2, 9, 8)
    head, before = net.layers["head"].linear.bias.clone(), net(x)
    Permute("8x4", 0.75).apply(net)
    assert torch.equal(net.layers["head"].linear.bias, head)
    torch.testing.assert_close(net(x), before, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"pattern": "2:4"}, "pattern 2:4; need blocks, such as 16x4"),
        ({"pattern": "unstructured"}, "pattern unstructured; need blocks"),
        ({"sparsity": 1.0}, "sparsity 1.0; need one between 0 and 1"),
        ({"only": ["head"]}, "units of 'head' cannot be told: they are the network's output"),
        ({"only": ["gru"]}, "permute: no layer 'gru' with units of its own"),
        ({"only": ["head*"]}, r"no units of head\* can be reordered; layers with units are conv"),
        ({"matrices": ["gru"]}, "permute: no weight matrix fits 'gru'"),
    ],
)
def test_what_cannot_be_is_refused(table: dict[str, object], line: str) -> None:
    net = network("gru")
    with pytest.raises(ModelError, match=line):
        parse_compression({"permute": table}, "recipe.toml").permute.apply(net)  # type: ignore[union-attr]


def test_a_cell_alone_has_no_reader_that_could_follow() -> None:
    with pytest.raises(ModelError, match="they are the network's output"):
        Permute(only=("",)).apply(nn.GRU(8, 32))
    rnn, x = nn.LSTM(8, 32, proj_size=4, batch_first=True), torch.randn(2, 5, 8)
    before = rnn(x)[0]
    Permute(only=("",)).apply(rnn)
    torch.testing.assert_close(rnn(x)[0], before, atol=1e-6, rtol=1e-5)


def test_a_recipe_orders_units_before_it_prunes(tmp_path: Path) -> None:
    start = tmp_path / "start"
    recipe = tmp_path / "r.toml"
    head = f'model = "{MINE}:build"\n[train]\nsteps = 1\nema_decay = 0.0\nlearning_rate = 1e-9\n'
    recipe.write_text(head)
    train_model(f"{MINE}:build", tmp_path, start, recipe=recipe, quiet=True)
    dense = find_model(str(start)).steps()["keep"]
    prune = '[compress.prune]\npattern = "8x4"\nsparsity = 0.5\nonly = ["recurrent"]\n'
    permute = (
        '[compress.permute]\npattern = "8x4"\nsparsity = 0.5\nonly = ["rnn"]\n'
        'matrices = ["recurrent"]\n'
    )
    left = {}
    for name, tables in (("pruned", prune), ("ordered", permute + prune)):
        weights = f'[compress]\nstart = "{start / "weights.safetensors"}"\n'
        recipe.write_text(head + weights + tables)
        train_model(f"{MINE}:build", tmp_path, tmp_path / name, recipe=recipe, quiet=True)
        found = find_model(str(tmp_path / name)).steps()["keep"]
        weight = found.layers["rnn"].rnn.weight_hh_l0.detach()
        assert float((weight == 0).float().mean()) == pytest.approx(0.5)
        left[name] = float(weight.abs().sum())
    assert left["pruned"] == pytest.approx(
        kept(dense, Prune(0.5, "8x4", only=("recurrent",))), rel=1e-4
    )
    assert left["ordered"] > 1.03 * left["pruned"]
