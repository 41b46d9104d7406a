"""Whole units leave a network with all that reads them, and what did nothing changes nothing."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.mhssm import MultiHeadSSM
from edgernn.cells.rnn import RNN
from edgernn.cells.ssm import SSM
from edgernn.compress.channels import Wiring
from edgernn.compress.matrices import matrices
from edgernn.compress.plan import parse_compression
from edgernn.compress.units import Units
from edgernn.errors import ModelError
from edgernn.graph.capture import capture
from edgernn.layers.activation import GLU, Activation
from edgernn.layers.conv import Conv1d
from edgernn.layers.hold import Hold
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm, LayerNorm
from edgernn.layers.normalize import Normalize
from edgernn.layers.pooling import Pool
from edgernn.layout import Layout, layout_of
from edgernn.model import find_model
from edgernn.state import State
from edgernn.streaming import Residual, Sequential, Streaming
from edgernn.testing import check_streaming
from edgernn.train.run import train_model
from edgernn.verify import compare

from ..compiled import assert_same_bits, compiled, noise, streamed

MINE = Path(__file__).with_name("keep.py")
GONE = [1, 2, 7, 11]
CELLS = {
    "rnn": lambda: RNN(12, 16),
    "gru": lambda: GRU(12, 16),
    "gru_reset_before": lambda: GRU(12, 16, reset_after=False),
    "gru_delta": lambda: GRU(12, 16, threshold=(0.8, 0.1)),
    "lstm": lambda: LSTM(12, 16),
    "lstm_no_bias": lambda: LSTM(12, 16, bias=False),
    "lstm_projection": lambda: LSTM(12, 16, proj_size=5),
}
every_cell = pytest.mark.parametrize("cell", CELLS)


def network(cell: str) -> Sequential:
    """A convolution and a cell, in each of which the units of GONE have no weights."""
    torch.manual_seed(0)
    rnn = CELLS[cell]()
    head = Linear(5 if cell == "lstm_projection" else 16, 3)
    net = Sequential(conv=Conv1d(6, 12, 3), relu=Activation("relu"), rnn=rnn, head=head).eval()
    for layer in ("conv", "rnn"):
        for channels in Wiring(net).units(layer, "test"):
            for place in channels.places:
                rows = [one + gate * len(channels) for gate in range(place.gates) for one in GONE]
                with torch.no_grad():
                    place.value.index_fill_(place.dim, torch.tensor(rows), 0.0)
    return net


def narrowed(net: Sequential) -> Sequential:
    small = copy.deepcopy(net)
    Units({"conv": 8, "rnn": 12}).apply(small)
    return small


@every_cell
def test_units_without_weights_go_and_nothing_changes(cell: str) -> None:
    net, x = network(cell), torch.randn(2, 9, 6)
    small = narrowed(net)
    assert matrices(small)[0].shape == (8, 18)
    inner = small.layers["rnn"].rnn
    assert (inner.input_size, inner.hidden_size) == (8, 12)
    torch.testing.assert_close(small(x), net(x), atol=1e-6, rtol=1e-6)
    check_streaming(small, torch.randn(3, 9, 6))


@pytest.mark.cc
@pytest.mark.parametrize("cell", ["gru", "lstm_projection"])
def test_compiled_they_give_the_same_bits(cell: str) -> None:
    """A sum in order does not feel zeros, so here equal means equal."""
    stream = noise((12, 1, 1, 6))
    frames = [{"x": frame} for frame in stream]
    outputs = []
    for net in (network(cell), narrowed(network(cell))):
        step = capture(net, torch.from_numpy(stream[0]), "units")
        typed, _ = find_backend("c").typed(step, "fp32", frames)
        outputs.append(np.stack(streamed(compiled(step, typed), frames)[0]))
    assert_same_bits(outputs[1], outputs[0])


@pytest.mark.cc
def test_what_is_left_is_exported_in_integers() -> None:
    net, stream = narrowed(network("gru")), noise((40, 1, 1, 6))
    frames = [{"x": frame} for frame in stream]
    step = capture(net, torch.from_numpy(stream[0]), "units")
    typed, _ = find_backend("c").typed(step, "w8a8", frames)
    got, _ = streamed(compiled(step, typed, "w8a8"), frames)
    with torch.no_grad():
        want = net(torch.from_numpy(stream.reshape(1, 40, 6))).numpy()
    compare("units", np.stack(got), want.reshape(40, 1, 1, 3), "w8a8")


def test_all_that_reads_a_channel_shrinks_with_it() -> None:
    body = Sequential(one=Conv1d(8, 8, 3), two=Activation("tanh"))
    net = Sequential(
        first=Linear(4, 8),
        norm=Normalize(8),
        depthwise=Conv1d(8, 8, 3, groups=8),
        batch=BatchNorm(8),
        residual=Residual(body, 8),
        layer=LayerNorm(8),
        hold=Hold(8, 0.1),
        pool=Pool("max", 8, 3),
        rnn=LSTM(8, 6, proj_size=3),
        head=Linear(3, 2),
    )
    Units({"first": 5}).apply(net)
    check_streaming(net.eval(), torch.randn(2, 11, 4))
    assert net.layers["residual"].body.layers["one"].conv.weight.shape == (5, 5, 3)
    assert net.layers["depthwise"].conv.groups == 5
    assert net.initial_state(1)["hold"].held.shape == (1, 5)
    Units({"rnn": 4}).apply(net)
    assert net.layers["rnn"].rnn.weight_hr_l0.shape == (3, 4)
    check_streaming(net, torch.randn(2, 11, 4))


def test_the_least_units_go_and_the_others_keep_their_order() -> None:
    net = Sequential(a=Linear(3, 4, bias=False), b=Linear(4, 2, bias=False))
    with torch.no_grad():
        net.layers["a"].linear.weight.copy_(torch.tensor([[4.0], [3.0], [2.0], [1.0]]).expand(4, 3))
        net.layers["b"].linear.weight.copy_(torch.tensor([[1.0, 2.0, 9.0, 4.0]]).expand(2, 4))
    by_outgoing = copy.deepcopy(net)
    Units({"a": 2}).apply(net)  # 12 + 2, 9 + 4, 6 + 18, 3 + 8
    assert net.layers["a"].linear.weight[:, 0].tolist() == [4.0, 2.0]
    Units({"a": 2}, score="outgoing").apply(by_outgoing)
    assert by_outgoing.layers["a"].linear.weight[:, 0].tolist() == [2.0, 1.0]


def test_states_and_gated_pairs_of_a_linear_recurrence_go() -> None:
    torch.manual_seed(0)
    cell = MultiHeadSSM(8, 4, width=3, states=5, dt=(0.1, 0.5))
    net = Sequential(first=Linear(4, 8), cell=cell, head=Linear(8, 2)).eval()
    with torch.no_grad():
        cell.ssm.mix[:, [1, 3]] = 0
        cell.output.linear.weight[:, [0, 4]] = 0
        cell.input.linear.weight[[0, 4, 6, 10]] = 0
        cell.ssm.mix[[0, 4, 6, 10]] = 0
    x = torch.randn(2, 9, 4)
    before = net(x)
    Units({"cell.ssm": 3, "cell.input": 4}).apply(net)
    assert cell.input.linear.weight.shape == (8, 8)
    assert (cell.ssm.channels, cell.ssm.states, cell.ssm.mix.shape) == (8, 3, (8, 3, 2))
    assert cell.output.linear.in_features == 4
    torch.testing.assert_close(net(x), before, atol=1e-6, rtol=1e-5)
    check_streaming(net, x)
    Units({"first": 5}).apply(net)
    check_streaming(net, x)


def test_the_loudest_states_stay() -> None:
    """A weak one that rings long is louder than a strong one that fades at once."""
    torch.manual_seed(0)
    ssm = SSM(1, 2)
    with torch.no_grad():
        ssm.log_dt.fill_(0.0)
        ssm.log_decay.copy_(torch.tensor([[-4.0, 1.0]]))
        ssm.frequency.fill_(1.0)
        ssm.mix.copy_(torch.tensor([[[0.2, 0.0], [1.0, 0.0]]]))
    Units({"": 1}).apply(ssm)
    assert ssm.log_decay.tolist() == [[-4.0]]


def test_a_gated_layer_may_not_read_itself() -> None:
    net = Sequential(first=Linear(4, 6), odd=Residual(GLU(), 6), head=Linear(6, 2))
    with pytest.raises(ModelError, match=r"cut them into (2 and 1|1 and 2) parts"):
        Units({"first": 4}).apply(net)


@pytest.mark.parametrize("sort", [nn.GRU, nn.LSTM, nn.RNN])
def test_torchs_own_cell_alone_narrows_in_every_layer(sort: type[nn.RNNBase]) -> None:
    rnn = sort(6, 16, num_layers=2, batch_first=True)
    Units({"": 10}).apply(rnn)
    twin = sort(6, 10, num_layers=2, batch_first=True)
    twin.load_state_dict(rnn.state_dict())
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(rnn(x)[0], twin(x)[0])


def test_a_projected_cell_alone_keeps_its_output() -> None:
    rnn = nn.LSTM(6, 16, proj_size=4, batch_first=True)
    Units({"": 10}).apply(rnn)
    assert rnn(torch.randn(2, 5, 6))[0].shape == (2, 5, 4)


class Decay(Streaming):
    """y = V s; s' = d * s + W x: a cell that no file of the package knows."""

    layout = Layout(
        {"weight_in": ("units", "in"), "decay": ("units",), "weight_out": ("out", "units")},
        kinds={"weight_in": "input", "weight_out": "projection"},
        sizes={"wide": "in", "size": "units"},
        units=("units",),
    )

    def __init__(self, wide: int, size: int, out: int) -> None:
        super().__init__()
        self.wide, self.size = wide, size
        self.weight_in = nn.Parameter(torch.randn(size, wide))
        self.decay = nn.Parameter(torch.rand(size))
        self.weight_out = nn.Parameter(torch.randn(out, size))

    def initial_state(self, batch: int) -> State:
        return {"s": self.new_zeros(batch, self.size)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        s, ys = state["s"], []
        for t in range(x.shape[1]):
            s = self.decay * s + x[:, t] @ self.weight_in.T
            ys.append(s @ self.weight_out.T)
        return torch.stack(ys, 1), {"s": s}


def test_a_cell_that_declares_its_layout_is_compressed_like_any_other() -> None:
    net = Sequential(conv=Conv1d(3, 8, 2), cell=Decay(8, 10, 6), head=Linear(6, 2))
    kinds = {m.name: m.kind for m in matrices(net)}
    assert kinds["cell.weight_in"] == "input"
    assert kinds["cell.weight_out"] == "projection"
    Units({"conv": 5, "cell": 7}).apply(net)
    assert net.layers["cell"].weight_in.shape == (7, 5)
    check_streaming(net, torch.randn(2, 9, 3))


@every_cell
def test_a_layout_leaves_no_tensor_out(cell: str) -> None:
    """What it forgot would keep its size when units go."""
    for module in CELLS[cell]().modules():
        layout = layout_of(module)
        assert layout is not None
        own = dict(module.named_parameters(recurse=False))
        assert set(layout.tensors) == set(own)
        for name, parameter in own.items():
            assert len(layout.axes(name)) == parameter.dim()


class Unknown(Streaming):
    """A module of a user's own that says nothing of its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = GRU(4, 8), Linear(8, 2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, state = self.rnn.step(x, state)
        return self.head.step(y, ())[0], state


class Declared(Unknown):
    """The same, with a layout."""

    def __init__(self) -> None:
        super().__init__()
        self.layout = Layout(chain=("rnn", "head"))


def test_a_reader_that_cannot_be_found_is_named() -> None:
    with pytest.raises(ModelError, match=r"units of 'rnn' cannot be told: Unknown does not say"):
        Units({"rnn": 4}).apply(Unknown())
    net = Sequential(conv=Conv1d(3, 4, 2), own=Unknown())
    with pytest.raises(ModelError, match=r"units of 'conv' cannot be told: own \(Unknown\)"):
        Units({"conv": 2}).apply(net)
    declared = Declared()
    Units({"rnn": 4}).apply(declared)
    assert declared.head.linear.weight.shape == (2, 4)


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ({"head": 1}, "units of 'head' cannot be told: they are the network's output"),
        ({"gru": 1}, "no layer 'gru' with units of its own; there are conv, conv.conv, rnn"),
        ({"rnn": 17}, "rnn has 16 units; 17 are asked"),
        ({"rnn": 0}, "rnn = 0; need a whole number of at least 1"),
        ({"rnn": 0.5}, "rnn = 0.5; need a whole number"),
        ({"score": "luck"}, "score 'luck'; need one of magnitude, outgoing"),
    ],
)
def test_what_cannot_be_is_refused(sizes: dict[str, object], line: str) -> None:
    with pytest.raises(ModelError, match=line):
        parse_compression({"units": sizes}, "recipe.toml").structures[0].apply(network("gru"))


def test_a_narrowed_network_is_trained_and_found_again(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        f'model = "{MINE}:build"\n[train]\nsteps = 6\n[compress.units]\nrnn = 12\n'
        'score = "outgoing"\n'
    )
    trained = train_model(f"{MINE}:build", tmp_path, tmp_path / "out", recipe=recipe, quiet=True)
    found = find_model(str(tmp_path / "out")).steps()["keep"]
    assert found.layers["rnn"].rnn.hidden_size == 12
    assert all(torch.equal(found.state_dict()[n], w) for n, w in trained.weights.items())
