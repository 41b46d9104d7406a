"""Smaller networks are slices of the largest: to the bit, gate by gate, with gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.mhssm import MultiHeadSSM
from edgernn.cells.rnn import RNN
from edgernn.errors import ModelError
from edgernn.layers.attention import WindowAttention
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm, LayerNorm
from edgernn.streaming import Residual, Sequential, Streaming
from edgernn.supernet.slices import cuts, extract, lent, sliced


def gru(hidden: int = 12) -> Streaming:
    return Sequential(rnn=GRU(6, hidden), head=Linear(hidden, 3))


def lstm(hidden: int = 12, projection: int = 5) -> Streaming:
    return Sequential(rnn=LSTM(6, hidden, proj_size=projection), head=Linear(projection, 3))


def blocks(layers: int = 3, hidden: int = 12) -> Streaming:
    children: dict[str, Streaming] = {"conv": Conv1d(6, hidden, 3), "norm": BatchNorm(hidden)}
    for i in range(layers):
        body = Sequential(norm=LayerNorm(hidden), rnn=RNN(hidden, hidden))
        children[f"layer{i}"] = Residual(body, hidden)
    return Sequential(**children, head=Linear(hidden, 3))


def states(heads: int = 4, states: int = 6) -> Streaming:
    return MultiHeadSSM(6, heads, width=3, states=states)


def window(heads: int = 4) -> Streaming:
    return WindowAttention(6, heads, 4, 1, width=3)


SMALLER: list[tuple[Callable[..., Streaming], dict[str, int]]] = [
    (gru, {"hidden": 7}),
    (lstm, {"hidden": 8, "projection": 3}),
    (blocks, {"layers": 1, "hidden": 12}),
    (blocks, {"layers": 2, "hidden": 5}),
    (states, {"heads": 2, "states": 4}),
    (window, {"heads": 2}),
]
each = pytest.mark.parametrize(
    ("build", "sizes"), SMALLER, ids=lambda it: getattr(it, "__name__", "")
)


@each
def test_what_is_extracted_computes_the_slice_s_bits(
    build: Callable[..., Streaming], sizes: dict[str, int]
) -> None:
    torch.manual_seed(0)
    large, small, alone = build().eval(), build(**sizes).eval(), build(**sizes).eval()
    x = torch.randn(2, 9, 6)
    own = small(x)
    with lent(small, sliced(large, cuts(large, small))):
        shared = small(x)
    extract(large, alone)
    assert torch.equal(alone(x), shared)
    assert torch.equal(small(x), own), "its own weights are back"
    assert not torch.equal(shared, own)


@each
def test_gradients_reach_the_slice_and_nothing_beside_it(
    build: Callable[..., Streaming], sizes: dict[str, int]
) -> None:
    torch.manual_seed(0)
    large, small = build(), build(**sizes)
    names = list(small.state_dict())
    with lent(small, sliced(large, cuts(large, small))):
        small(torch.randn(2, 9, 6)).square().sum().backward()
    assert all(p.grad is None for p in small.parameters())
    assert list(small.state_dict()) == names
    kept = dict(small.named_parameters())
    for name, parameter in large.named_parameters():
        if name not in kept:
            assert parameter.grad is None, name
            continue
        assert parameter.grad is not None, name
        assert int((parameter.grad != 0).sum()) <= kept[name].numel(), name


def test_gates_are_cut_one_by_one() -> None:
    large, small = nn.GRU(4, 6), nn.GRU(4, 2)
    extract(large, small)
    want = torch.cat([large.weight_hh_l0[6 * gate : 6 * gate + 2, :2] for gate in range(3)])
    assert torch.equal(small.weight_hh_l0, want)


def test_values_and_their_gates_are_cut_apart() -> None:
    large, small = states(), states(heads=2)
    extract(large, small)
    rows = torch.tensor([0, 1, 2, 6, 7, 8])
    assert torch.equal(small.input.linear.weight, large.input.linear.weight[rows])
    assert torch.equal(small.ssm.frequency, large.ssm.frequency[rows])
    assert torch.equal(small.output.linear.weight, large.output.linear.weight[:, :3])


def test_the_network_itself_is_a_slice_of_itself() -> None:
    large, twin = gru(), gru()
    extract(large, twin)
    x = torch.randn(1, 5, 6)
    assert torch.equal(large(x), twin(x))


def test_layers_are_skipped_and_looped() -> None:
    large = blocks(3).eval()
    skipped, looped = blocks(2).eval(), blocks(4, hidden=5).eval()
    extract(large, skipped, (0, 2))
    extract(large, looped, (0, 1, 1, 2))
    weights = large.state_dict()
    for name, tensor in skipped.state_dict().items():
        assert torch.equal(tensor, weights[name.replace("layer1", "layer2")]), name
    first, again = (looped.get_submodule(f"layer{i}.body.rnn.rnn") for i in (1, 2))
    assert torch.equal(first.weight_hh_l0, again.weight_hh_l0)
    assert torch.equal(first.weight_hh_l0, weights["layer1.body.rnn.rnn.weight_hh_l0"][:5, :5])
    x = torch.randn(1, 9, 6)
    y = large.layers["conv"](x)
    for name in ("norm", "layer0", "layer2", "head"):
        y = large.layers[name](y)
    torch.testing.assert_close(skipped(x), y)


def test_what_is_no_slice_is_named() -> None:
    with pytest.raises(
        ModelError, match=r"rnn\.rnn\.weight_ih_l0 \(48, 6\) is no slice of .*36, 6"
    ):
        cuts(gru(), gru(16))
    with pytest.raises(ModelError, match=r"the largest network has no layer2\.body\.norm"):
        cuts(blocks(2), blocks(3))


def test_an_error_within_gives_the_weights_back() -> None:
    large, small = gru(), gru(4)
    before = small(torch.zeros(1, 2, 6))
    with pytest.raises(RuntimeError), lent(small, sliced(large, cuts(large, small))):
        raise RuntimeError
    assert torch.equal(small(torch.zeros(1, 2, 6)), before)
