"""torch's own layers as layers of ours: the same weights to the bit, the same outputs, the law."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgernn.compress.low_rank import LowRank
from edgernn.compress.parametrized import bake
from edgernn.compress.prune import Prune, Pruner
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.errors import ShapeError, UnsupportedOp
from edgernn.from_torch import from_torch
from edgernn.layers.dropout import Dropout
from edgernn.state import named_leaves
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming

LAYERS: dict[str, dict[str, Any]] = {
    "gru": {"sort": nn.GRU},
    "lstm": {"sort": nn.LSTM},
    "rnn": {"sort": nn.RNN},
    "rnn_relu": {"sort": nn.RNN, "nonlinearity": "relu"},
    "no_bias": {"sort": nn.GRU, "bias": False},
    "batch_first": {"sort": nn.LSTM, "batch_first": True},
    "projection": {"sort": nn.LSTM, "proj_size": 3},
    "stack": {"sort": nn.GRU, "num_layers": 3, "dropout": 0.5},
    "projected_stack": {"sort": nn.LSTM, "num_layers": 2, "proj_size": 3, "bias": False},
    "rnn_stack": {"sort": nn.RNN, "num_layers": 2},
}
every_layer = pytest.mark.parametrize("name", LAYERS)
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def layer(name: str) -> nn.RNNBase:
    torch.manual_seed(0)
    options = dict(LAYERS[name])
    made: nn.RNNBase = options.pop("sort")(5, 8, **options)
    return made.eval()


def run(rnn: nn.RNNBase, x: Tensor) -> Tensor:
    """What torch's layer makes of (batch, frames, channels)."""
    y: Tensor = rnn(x if rnn.batch_first else x.transpose(0, 1))[0]
    return y if rnn.batch_first else y.transpose(0, 1)


def frame_by_frame(cell: Streaming, x: Tensor) -> Tensor:
    state, ys = cell.initial_state(len(x)), []
    for t in range(x.shape[1]):
        y, state = cell.step(x[:, t : t + 1], state)
        ys.append(y)
    return torch.cat(ys, 1)


@every_layer
def test_a_stream_gives_torchs_numbers_and_the_law_holds(name: str) -> None:
    rnn, x = layer(name), torch.randn(3, 40, 5)
    cell = from_torch(rnn)
    want = run(rnn, x)
    torch.testing.assert_close(cell(x), want, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(frame_by_frame(cell, x), want, atol=1e-6, rtol=1e-5)
    check_streaming(cell, x)


@every_layer
def test_weights_are_copies_to_the_bit(name: str) -> None:
    rnn = layer(name)
    cell = from_torch(rnn)
    mine = dict(cell.named_parameters())
    assert len(mine) == len(list(rnn.parameters()))
    for theirs, weight in rnn.named_parameters():
        at = theirs.rpartition("_l")[2]
        path = theirs.replace(f"_l{at}", "_l0")
        copied = mine[f"l{at}.rnn.{path}" if rnn.num_layers > 1 else f"rnn.{path}"]
        assert torch.equal(copied, weight)
        assert copied.data_ptr() != weight.data_ptr()


def test_a_stack_is_a_sequential_with_a_leaf_for_each_layer_and_dropout_in_training() -> None:
    rnn = layer("stack").train()
    stack = from_torch(rnn)
    assert isinstance(stack, Sequential)
    assert list(stack.layers) == ["l0", "dropout0", "l1", "dropout1", "l2"]
    assert list(named_leaves(stack.initial_state(1))) == ["l0.h", "l1.h", "l2.h"]
    assert stack.training
    assert [m.p for m in stack.modules() if isinstance(m, Dropout)] == [0.5, 0.5]
    x = torch.randn(2, 9, 5)
    assert not torch.equal(stack(x), stack(x))
    assert torch.equal(stack.eval()(x), stack(x))
    with pytest.raises(ShapeError, match=r"Dropout: p 1\.5; need a probability"):
        Dropout(1.5)


def test_dropout_leaves_the_mean_and_the_share_that_it_says() -> None:
    y = Dropout(0.25)(torch.ones(4, 500, 10))
    assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert y.unique().tolist() == pytest.approx([0.0, 4 / 3])


@pytest.mark.parametrize("sort", [nn.GRU, nn.LSTM, nn.RNN])
def test_zeros_and_grids_are_kept_to_the_bit(sort: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    rnn = sort(8, 16, num_layers=2)
    methods = [Pruner(Prune(0.5, "4x4")), Quantizer(Quantize("w4a8"))]
    for method in methods:
        method.attach(rnn)
        method.before_step(rnn, 0)
    with pytest.raises(UnsupportedOp, match=r"^body \(.*masks or rounding lie .*bake\(network\)"):
        from_torch(rnn, "body")
    bake(rnn)
    cell: Any = from_torch(rnn)
    for at in (0, 1):
        weight = getattr(rnn, f"weight_hh_l{at}")
        assert torch.equal(getattr(cell, f"l{at}").rnn.weight_hh_l0, weight)
        assert float((weight == 0).float().mean()) >= 0.5


def test_factors_stay_factors() -> None:
    rnn, x = layer("stack"), torch.randn(2, 9, 5)
    LowRank({"weight_hh_l1": 2, "weight_ih_l0": 2}).apply(rnn)
    cell = from_torch(rnn)
    names = {name for name, _ in cell.named_parameters() if name.endswith("inner")}
    assert names == {"l0.rnn.weight_ih_l0.inner", "l1.rnn.weight_hh_l0.inner"}
    torch.testing.assert_close(cell(x), run(rnn, x), atol=1e-6, rtol=1e-5)
    check_streaming(cell, x)


def test_type_mode_and_what_is_frozen_come_along_and_no_random_number_is_drawn() -> None:
    rnn = layer("gru").double()
    rnn.weight_hh_l0.requires_grad_(False)
    before = torch.get_rng_state()
    cell = from_torch(rnn)
    assert torch.equal(torch.get_rng_state(), before)
    assert not cell.training
    frozen = [name for name, p in cell.named_parameters() if not p.requires_grad]
    assert frozen == ["rnn.weight_hh_l0"]
    assert cell(torch.randn(1, 4, 5, dtype=torch.float64)).dtype == torch.float64
    copy.deepcopy(cell).float()(torch.randn(1, 4, 5))


def test_linear_and_embedding_come_along() -> None:
    torch.manual_seed(0)
    embed, rnn, head = nn.Embedding(11, 5), layer("gru"), nn.Linear(8, 3)
    net = Sequential(embed=from_torch(embed), rnn=from_torch(rnn), head=from_torch(head))
    tokens = torch.randint(0, 11, (2, 20))
    torch.testing.assert_close(net(tokens), head(run(rnn, embed(tokens))))
    check_streaming(net, tokens)


class Mine(nn.GRU):
    """A layer that may step in a way of its own."""


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (nn.GRU(5, 8, bidirectional=True), r"^enc\.rnn \(GRU\): bidirectional .*; a step needs"),
        (Mine(5, 8), r"^enc\.rnn \(Mine\): from_torch takes nn\.RNN, nn\.GRU, nn\.LSTM, .* write"),
        (nn.Conv1d(5, 8, 3), r"^enc\.rnn \(Conv1d\): from_torch takes"),
        (nn.GRUCell(5, 8), r"^enc\.rnn \(GRUCell\): from_torch takes"),
        (nn.Embedding(5, 8, max_norm=1.0), r"^enc\.rnn \(Embedding\): max_norm .* set it to None"),
    ],
)
def test_what_no_step_gives_is_refused_in_one_line(given: nn.Module, line: str) -> None:
    with pytest.raises(UnsupportedOp, match=line) as caught:
        from_torch(given, "enc.rnn")
    assert "\n" not in str(caught.value)


def test_input_of_another_width_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"GRU: x is \(1, 3, 4\); need \(batch, frames, 5\)"):
        from_torch(layer("stack"))(torch.zeros(1, 3, 4))
