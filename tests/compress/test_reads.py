"""Rounding of what products read: the export's own integers, ranges that follow, nothing left."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.compress.matrices import matrices
from edgernn.compress.parametrized import bake
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.compress.reads import FOLLOW, Reads, Rounded
from edgernn.errors import ModelError
from edgernn.frames import as_it_is
from edgernn.graph import fixed_point as fx
from edgernn.graph.capture import capture
from edgernn.graph.passes.quantize import int8_quant
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.streaming import Sequential
from edgernn.train.run import CHECKPOINT, train_model

MINE = Path(__file__).with_name("keep.py")
RECIPE = f"""
model = "{MINE}:build"
[train]
steps = 60
batch_size = 32
learning_rate = 0.01
warmup_steps = 10
validate_every = 60
checkpoint_every = 25
ema_decay = 0.9
[compress.quantize]
number_type = "w4a8"
activations = 8
"""


def network() -> Sequential:
    return Sequential(
        conv=Conv1d(4, 6, 3),
        gru=GRU(6, 8, reset_after=False),
        lstm=LSTM(8, 8, proj_size=5),
        held=GRU(5, 4, threshold=0.1),
        head=Linear(4, 2),
    )


def rounding(net: nn.Module, **how: Any) -> Quantizer:
    method = Quantizer(Quantize(activations=8, **how))
    method.attach(net)
    return method


def test_rounded_values_are_those_of_the_export() -> None:
    one = Rounded()
    one.low, one.high, one.seen = torch.tensor(-0.7), torch.tensor(2.1), torch.tensor(1)
    x = torch.randn(500, 3) * 2
    quant = int8_quant(-0.7, 2.1)
    stored = fx.quantize(x.numpy(), quant.scale, quant.zero_point, "int8")
    want = fx.dequantize(stored, quant.scale, quant.zero_point)
    np.testing.assert_allclose(one.eval()(x).numpy(), want, atol=1e-5)
    assert one(torch.zeros(1)) == 0
    assert len(one(x).unique()) <= 255


def test_gradients_stop_where_a_range_cuts() -> None:
    one = Rounded()
    one.high, one.seen = torch.tensor(1.0), torch.tensor(1)
    x = torch.tensor([-0.5, 0.25, 0.9, 1.5], requires_grad=True)
    one(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 0]


def test_a_range_is_the_first_batch_s_and_then_follows() -> None:
    one = Rounded()
    first, second = torch.rand(4, 1000, 3), 3 * torch.rand(4, 1000, 3)
    assert one(first) is first  # nothing is known yet
    one.follow()
    assert one.low == 0
    high = float(one.high)
    assert high == pytest.approx(float(torch.quantile(first.amax(2), 0.999)))
    one(second)
    one.follow()
    top = float(torch.quantile(second.amax(2), 0.999))
    assert float(one.high) == pytest.approx(high + FOLLOW * (top - high))
    one.eval()(100 * second)
    one.follow()  # what is only validated moves nothing
    assert float(one.high) == pytest.approx(high + FOLLOW * (top - high))


def test_all_that_products_read_is_rounded_and_nothing_is_left_of_it() -> None:
    net = network()
    names, before = set(net.state_dict()), copy.deepcopy(net)
    method = rounding(net)
    parts = {name: list(m.rounded) for name, m in net.named_modules() if isinstance(m, Reads)}
    assert parts == {
        "conv.conv.edgernn_reads": ["x"],
        "gru.read": ["x", "h", "rh"],
        "lstm.read": ["x", "h", "m"],
        "head.linear.edgernn_reads": ["x"],
    }
    x = torch.randn(8, 20, 4)
    net(x).sum().backward()
    method.extra(net, {}, x)
    twin = copy.deepcopy(net)
    y = net.eval()(x)
    assert torch.equal(y, twin.eval()(x))
    assert (y - before(x)).abs().max() > 1e-4
    baked = bake(net)
    assert set(baked.state_dict()) == names
    assert all(getattr(m, "read", as_it_is) is as_it_is for m in baked.modules())
    step = capture(baked.eval(), x[:1, :1], "net")
    plain = capture(before.eval(), x[:1, :1], "net")
    assert [n.op_type for n in step.model.graph.node] == [n.op_type for n in plain.model.graph.node]


def test_a_cell_that_cannot_round_what_it_reads_is_named() -> None:
    class Own(nn.Module):
        layout = Layout({"mix": ("h", "in")}, kinds={"mix": "input"}, units=("h",))

        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Parameter(torch.randn(4, 4))

    net = nn.Sequential(Own(), nn.Linear(4, 2))
    with pytest.raises(ModelError, match=r"activations = 8: 0 \(Own\) has no `read`"):
        rounding(net)
    rounding(net := nn.Sequential(Own(), nn.Linear(4, 2)), only=("linear",))
    assert [n for n, m in net.named_modules() if isinstance(m, Reads)] == ["1.edgernn_reads"]


def test_only_chosen_matrices_have_their_inputs_rounded() -> None:
    net = network()
    rounding(net, only=("linear",))
    assert [n for n, m in net.named_modules() if isinstance(m, Reads)] == [
        "head.linear.edgernn_reads"
    ]
    assert [m.name for m in matrices(net)] == [m.name for m in matrices(network())]


def test_other_bits_are_refused() -> None:
    with pytest.raises(ModelError, match="activations 4; need 8, or 0"):
        Quantize(activations=4)


def test_an_interrupted_training_ends_in_the_same_weights(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE)
    whole, part, without = (tmp_path / name for name in ("whole", "part", "without"))
    train_model(f"{MINE}:build", tmp_path, whole, recipe=recipe, quiet=True)
    part.mkdir()
    (part / CHECKPOINT).write_bytes((whole / CHECKPOINT).read_bytes())
    saved = torch.load(part / CHECKPOINT, weights_only=True)
    assert saved["network"]["rnn.read.rounded.h.seen"] > 0
    train_model(f"{MINE}:build", tmp_path, part, recipe=recipe, quiet=True, resume=True)
    recipe.write_text(RECIPE.replace("activations = 8", ""))
    train_model(f"{MINE}:build", tmp_path, without, recipe=recipe, quiet=True)
    one, two, other = (load_file(f / "weights.safetensors") for f in (whole, part, without))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert one.keys() == other.keys()
    assert not any(torch.equal(one[name], other[name]) for name in one)
