"""The captured step: ports, states and timing, written into the model and read back."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from edgernn.cells.gru import GRU
from edgernn.errors import BundleError, ModelError, UnsupportedOp
from edgernn.frontend.logmel import LogMel
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph, read_step_graph, write_metadata
from edgernn.layers.conv import Conv1d
from edgernn.sources import TorchSource
from edgernn.state import named_leaves
from edgernn.streaming import Sequential, Streaming
from edgernn.timing import Timing

from ..compiled import noise, onnx_program, streamed


@pytest.fixture(scope="module")
def step() -> StepGraph:
    torch.manual_seed(0)
    layer = Sequential(conv=Conv1d(4, 6, 5, stride=2, lookahead=2), rnn=GRU(6, 3))
    return capture(layer, torch.zeros(1, 4, 4), "small")


def test_ports_states_and_timing_are_those_of_the_layer(step: StepGraph) -> None:
    assert [(p.name, p.shape, p.dtype) for p in step.inputs] == [("x", (1, 4, 4), "float32")]
    assert [(p.name, p.shape, p.dtype) for p in step.outputs] == [("y", (1, 2, 3), "float32")]
    assert [(s.name, s.out, s.shape) for s in step.states] == [
        ("conv.past", "new_conv.past", (1, 3, 4)),
        ("rnn.h", "new_rnn.h", (1, 3)),
    ]
    assert step.timing == Timing(2, Fraction(1, 2), 1)
    assert {t.name for t in step.model.graph.initializer} >= {"conv.conv.bias"}


def test_a_model_survives_being_written_and_read(step: StepGraph) -> None:
    again = read_step_graph(onnx.ModelProto.FromString(step.model.SerializeToString()))
    assert again.timing == step.timing
    assert again.inputs == step.inputs
    assert again.outputs == step.outputs
    assert [s.name for s in again.states] == [s.name for s in step.states]
    assert again.keep_float == step.keep_float
    props = {p.key: json.loads(p.value) for p in again.model.metadata_props}
    row = {"shape": [1, 3], "dtype": "float32", "init": None, "scale": None, "zero_point": None}
    assert props["edgernn.state"][1] == {"in": "rnn.h", "out": "new_rnn.h", **row}
    assert props["edgernn.timing"] == {"block": 2, "ratio": "1/2", "delay": 1}


def test_nothing_of_this_machine_is_left_in_the_model(step: StepGraph) -> None:
    data = step.model.SerializeToString()
    assert b"/" not in data.replace(b"1/2", b"").replace(b"ai.onnx", b"") or b".py" not in data
    torch.manual_seed(0)
    layer = Sequential(conv=Conv1d(4, 6, 5, stride=2, lookahead=2), rnn=GRU(6, 3))
    again = capture(layer, torch.zeros(1, 4, 4), "small").model
    assert again.SerializeToString(deterministic=True) == step.model.SerializeToString(
        deterministic=True
    )


def test_buffers_are_kept_float_and_parameters_are_not() -> None:
    layer = Sequential(mel=LogMel(mels=8), rnn=GRU(8, 3))
    step = capture(layer, torch.zeros(1, layer.timing.block, 1), "ears")
    assert step.keep_float
    assert all(name.startswith("mel.") for name in step.keep_float)
    assert step.keep_float == read_step_graph(step.model).keep_float


class Taken(NamedTuple):
    x: Tensor
    y: Tensor
    add: Tensor
    linear: Tensor


class Clash(Streaming):
    """State leaves called as a port, as an operator, and as a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.add = nn.Parameter(torch.randn(3))
        self.x = nn.Parameter(torch.randn(3))

    def initial_state(self, batch: int) -> Taken:
        return Taken(*(torch.full((batch, 3), float(k)) for k in range(4)))

    def step(self, x: Tensor, state: Taken) -> tuple[Tensor, Taken]:
        ys = []
        for t in range(x.shape[1]):
            y = self.linear(x[:, t]) + state.add + self.add * state.x - self.x * state.y
            state = Taken(torch.tanh(y), state.x, state.y, state.add + state.linear * 0.5)
            ys.append(y + state.linear)
        return torch.stack(ys, dim=1), state


def test_a_state_may_bear_the_name_of_a_port_an_operator_or_a_parameter() -> None:
    torch.manual_seed(0)
    layer = Clash()
    step = capture(layer, torch.zeros(1, 2, 3), "clash")
    assert [p.name for p in (*step.inputs, *step.outputs)] == ["x_in", "y_out"]
    onnx.checker.check_model(step.model, full_check=True)
    parts = np.split(noise((1, 20, 3)), 10, axis=1)
    got, states = streamed(onnx_program(step), [{"x_in": part} for part in parts])
    with torch.no_grad():
        want, last = layer.step(torch.from_numpy(np.concatenate(parts, 1)), layer.initial_state(1))
    np.testing.assert_allclose(np.concatenate(got, axis=1), want.numpy(), atol=1e-5)
    for name, leaf in named_leaves(last).items():
        np.testing.assert_allclose(states[-1][name], leaf.numpy(), atol=1e-5)


class Fused(Streaming):
    """A torch.nn.GRU used as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(4, 4, batch_first=True)

    def initial_state(self, batch: int) -> dict[str, Tensor]:
        return {"h": torch.zeros(batch, 4)}

    def step(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        y, h = self.rnn(x, state["h"].unsqueeze(0))
        return y, {"h": h.squeeze(0)}


class Branching(Streaming):
    """A step that asks a number what to do."""

    def step(self, x: Tensor, state: object) -> tuple[Tensor, object]:
        return (x, state) if bool(x.sum() > 0) else (-x, state)


def test_what_no_exporter_gets_right_is_refused_in_one_line() -> None:
    for layer, words in ((Fused(), "use edgernn.cells"), (Branching(), "cannot export its step")):
        with pytest.raises(UnsupportedOp, match=f"^mine: .*{words}") as caught:
            capture(layer, torch.zeros(1, 2, 4), "mine")
        assert "\n" not in str(caught.value)


def test_a_model_without_our_metadata_is_refused(step: StepGraph) -> None:
    bare = onnx.ModelProto.FromString(step.model.SerializeToString())
    del bare.metadata_props[:]
    with pytest.raises(BundleError, match="small: the model names no states"):
        read_step_graph(bare)


def test_metadata_of_another_model_is_refused(step: StepGraph) -> None:
    other = capture(GRU(4, 2), torch.zeros(1, 1, 4), "other")
    write_metadata(other.model, step.states, step.timing)
    with pytest.raises(BundleError, match=r"other: no tensors for state conv\.past"):
        read_step_graph(other.model)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("edgernn.state", "{"),
        ("edgernn.state", '[{"in": "h"}]'),
        ("edgernn.timing", "[]"),
        ("edgernn.timing", '{"block": 0, "ratio": "1", "delay": 0}'),
        ("edgernn.timing", '{"block": 1, "ratio": "1/0", "delay": 0}'),
    ],
)
def test_damaged_metadata_is_refused_in_one_line(step: StepGraph, key: str, value: str) -> None:
    bad = onnx.ModelProto.FromString(step.model.SerializeToString())
    next(p for p in bad.metadata_props if p.key == key).value = value
    with pytest.raises(BundleError, match=f"small: {key}"):
        read_step_graph(bad)


def test_a_state_that_does_not_fit_its_tensor_is_refused(step: StepGraph) -> None:
    bad = onnx.ModelProto.FromString(step.model.SerializeToString())
    prop = next(p for p in bad.metadata_props if p.key == "edgernn.state")
    prop.value = prop.value.replace('"shape": [1, 3]', '"shape": [1, 7]')
    with pytest.raises(BundleError, match=r"state rnn\.h is \(1, 7\)"):
        read_step_graph(bad)


class TwoSums(NamedTuple):
    """Leaves that may begin as one tensor."""

    sum: Tensor
    squares: Tensor


class Sums(Streaming):
    """Whose state begins with the same zeros twice."""

    def initial_state(self, batch: int) -> TwoSums:
        zeros = torch.zeros(batch, 3)
        return TwoSums(zeros, zeros)

    def step(self, x: Tensor, state: TwoSums) -> tuple[Tensor, TwoSums]:
        after = TwoSums(state.sum + x[:, 0], state.squares + x[:, 0] * x[:, 0])
        return torch.cat(after, dim=1)[:, None], after


def test_leaves_that_begin_as_one_tensor_are_two_inputs() -> None:
    frames = [{"x": noise((1, 1, 3), at)} for at in range(4)]
    told, _ = streamed(onnx_program(capture(Sums(), torch.zeros(1, 1, 3), "sums")), frames)
    x = np.concatenate([frame["x"][0] for frame in frames])
    want = np.concatenate([x.sum(0), (x * x).sum(0)])
    np.testing.assert_allclose(told[-1].reshape(-1), want, rtol=1e-5)


def test_a_parameter_that_is_no_number_is_refused_by_its_name() -> None:
    net = Sequential(rnn=GRU(4, 3))
    with torch.no_grad():
        net.get_parameter("rnn.rnn.weight_hh_l0")[2, 1] = torch.inf
    told = r"^small: parameter rnn\.rnn\.weight_hh_l0 holds inf at \[2, 1\], 1 of its 27 values"
    with pytest.raises(ModelError, match=told):
        capture(net, torch.zeros(1, 1, 4), "small")
    with pytest.raises(ModelError, match=told):
        TorchSource("small", net, np.zeros((30, 1, 1, 4), np.float32)).law()
