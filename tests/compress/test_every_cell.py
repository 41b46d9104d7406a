"""Every method on every cell, found by its file, and on modules of torch's own recurrent layers."""

from __future__ import annotations

import copy
import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import edgernn.cells
from edgernn.compress.activations import Activations
from edgernn.compress.columns import Stream, columns_read, whole
from edgernn.compress.delta import Delta
from edgernn.compress.delta_training import DeltaTrainer
from edgernn.compress.distill import Distill, Distiller
from edgernn.compress.low_rank import LowRank
from edgernn.compress.matrices import matrices
from edgernn.compress.parametrized import bake
from edgernn.compress.permute import Permute
from edgernn.compress.prune import Prune, Pruner
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.compress.sensitivity import choose_bits, sensitivity
from edgernn.compress.signals import signals
from edgernn.compress.thresholds import pick_thresholds
from edgernn.compress.units import Units
from edgernn.errors import ModelError
from edgernn.from_torch import from_torch
from edgernn.layers.linear import Linear
from edgernn.layers.ramp import RampFunctions
from edgernn.layout import Layout
from edgernn.streaming import Example, Sequential, Streaming
from edgernn.testing import check_streaming
from edgernn.timing import Timing
from edgernn.train.method import Method
from edgernn.train.recipe import Recipe
from edgernn.train.weight_drop import WeightDrop

from . import keep

TOKENS = 11
PLAIN: dict[str, Any] = {
    "torch-gru": lambda: nn.GRU(8, 12, batch_first=True),
    "torch-lstm": lambda: nn.LSTM(8, 12, batch_first=True),
    "torch-rnn": lambda: nn.RNN(8, 12, batch_first=True),
    "torch-projection": lambda: nn.LSTM(8, 12, proj_size=6, batch_first=True),
    "torch-stack": lambda: nn.GRU(8, 12, num_layers=2, dropout=0.2, batch_first=True),
}
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


class Plain(nn.Module):
    """A module as one writes it with torch alone."""

    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.embed = nn.Embedding(TOKENS, 8)
        self.rnn = rnn
        self.head = nn.Linear(rnn.proj_size or rnn.hidden_size, 3)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.rnn(self.embed(x))
        logits: Tensor = self.head(y)
        return logits


def converted(net: Plain) -> Sequential:
    parts = dict(net.named_children())
    return Sequential(**{name: from_torch(part, name) for name, part in parts.items()})


def cells() -> dict[str, Example]:
    names = [m.name for m in pkgutil.iter_modules(edgernn.cells.__path__)]
    files = [importlib.import_module(f"edgernn.cells.{name}") for name in names]
    return {
        f"{file.__name__.rpartition('.')[2]}-{name}": example
        for file in files
        for name, example in file.EXAMPLES.items()
    }


EXAMPLES = cells()
EVERY = {name: example.build for name, example in EXAMPLES.items()}
CELLS = {name: build for name, build in EVERY.items() if hasattr(build(), "functions")}
OWN = {  # whose weights are their own, not those of a layer of torch's
    name: build
    for name, build in EVERY.items()
    if any(matrix.owner is cell for cell in [build()] for matrix in matrices(cell))
}
GROUP = 32  # columns that have a scale of their own, of few bits
LINEAR = EVERY.keys() - CELLS.keys() - OWN.keys()  # products of frames stand around a recurrence


def of_cell(name: str) -> Sequential:
    torch.manual_seed(0)
    cell, channels = EVERY[name](), EXAMPLES[name].channels
    width = cell(torch.zeros(1, cell.timing.block, channels)).shape[2]
    net = Sequential(rnn=cell, head=Linear(width, 3))
    net.reads = channels
    return net


def plain(name: str) -> Plain:
    torch.manual_seed(0)
    return Plain(PLAIN[name]())


def network(name: str) -> nn.Module:
    return plain(name) if name in PLAIN else of_cell(name)


def stream(net: nn.Module, frames: int = 9) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if hasattr(net, "embed"):
        return torch.randint(0, TOKENS, (3, frames), generator=generator)
    block, reads = getattr(net, "timing", Timing()).block, getattr(net, "reads", 8)
    return torch.randn(3, block * frames, reads, generator=generator)


def trained(net: nn.Module, *methods: Method, steps: int = 3) -> nn.Module:
    """Some steps with methods attached, then plain weights that compute the same."""
    names, x = set(net.state_dict()), stream(net)
    net.train()
    for method in methods:
        method.attach(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
    for step in range(steps):
        for method in methods:
            method.before_step(net, step)
        y = net(x)
        loss = y.square().mean() + sum(method.extra(net, {"x": x}, y) for method in methods)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for method in methods:
        method.finish(net)
    net.eval()
    wanted = net(x).detach()
    bake(net)
    assert set(net.state_dict()) == names
    if not any(isinstance(m, Quantizer) and m.how.activations for m in methods):
        torch.testing.assert_close(net(x), wanted, atol=1e-6, rtol=1e-5)
    return net


class Task(keep.Task):
    """Batches for a network of this file."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(Recipe("some", 1), Path())
        self.x = stream(net)

    def batch(self, step: int) -> dict[str, Tensor]:
        return {"x": self.x}

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        y: Tensor = network(batch["x"])
        return y


every_network = pytest.mark.parametrize("name", [*CELLS, *PLAIN])
every_one = pytest.mark.parametrize("name", [*EVERY, *PLAIN])
every_cell = pytest.mark.parametrize("name", CELLS)
every_plain = pytest.mark.parametrize("name", PLAIN)
PRUNES = [
    Prune(0.5),
    *(Prune(0.5, pattern) for pattern in ("16x4", "8x4", "4x4", "16x1", "2:4")),
    Prune(0.5, "4x4", budget="gate", keep_diagonal=True),
    Prune(0.5, "2x2", budget="global", lasso=0.01),
    Prune(0.5, "4x1", score="movement", begin=1, end=2, every=1),
]


@every_network
def test_every_pattern_leaves_its_zeros(name: str) -> None:
    for how in PRUNES:
        pruner = Pruner(how)
        net = trained(network(name), pruner)
        found = matrices(net)
        assert len(found) == len(pruner.pruned) > 2
        zeros = sum(int((m.weight == 0).sum()) for m in found)
        share = zeros / sum(m.weight.numel() for m in found)
        low = 0.3 if how.keep_diagonal else 0.4
        assert low < share < 0.7, (how, share)


@every_one
@pytest.mark.parametrize(
    ("how", "levels"),
    [
        (Quantize("w8a8"), 255),
        (Quantize("w4a8"), 15),
        (Quantize("w4a8-row", learned=True), 15),
        (Quantize("w2a8", ternary=True), 3),
        (Quantize("w2a8-row", but={"linear": "w4a8"}), 4),
    ],
    ids=["w8a8", "w4a8", "learned", "ternary", "but"],
)
def test_every_grid_is_kept(name: str, how: Quantize, levels: int) -> None:
    net = trained(network(name), Quantizer(how))
    for matrix in matrices(net):
        bound = 15 if matrix.kind == "linear" and how.but else levels
        strips = [strip for row in matrix.weight for strip in row.split(GROUP)]
        assert max(len(strip.unique()) for strip in strips) <= bound


@every_network
def test_recurrent_weights_are_dropped_in_training_alone(name: str) -> None:
    net = network(name)
    before = {m.name: m.weight.detach().clone() for m in matrices(net)}
    drop = WeightDrop(0.5)
    drop.attach(net.train())
    drop.before_step(net, 0)
    for matrix in matrices(net):
        share = float((matrix.weight == 0).float().mean())
        assert 0.2 < share < 0.8 if matrix.kind == "recurrent" else share == 0
    assert all(torch.equal(m.weight, before[m.name]) for m in matrices(net.eval()))
    trained(network(name), WeightDrop(0.5), Quantizer(Quantize("w4a8")))


@every_network
def test_zeros_and_grids_lie_on_thin_matrices_too(name: str) -> None:
    net = network(name)
    LowRank({"recurrent": 2, "input": 2}).apply(net)
    thin = {m.name.rpartition(".")[2] for m in matrices(net) if m.kind == "recurrent"}
    assert thin == {"outer", "inner"}
    trained(net, Pruner(Prune(0.5, "2x2")), Quantizer(Quantize("w4a8")))
    assert all(float((m.weight == 0).float().mean()) > 0.3 for m in matrices(net))
    if isinstance(net, Streaming):
        check_streaming(net, stream(net))


@every_cell
def test_thin_cells_hold_and_have_their_reads_rounded(name: str) -> None:
    net = of_cell(name)
    LowRank({"recurrent": 2, "input": 2, "linear": 1}).apply(net)
    quantizer = Quantizer(Quantize("w8a8", activations=8))
    if "reset_before" not in name:
        trained(net, DeltaTrainer(Delta(relative={"rnn": 0.5, "head": 0.5}, l1=0.1), Task(net)))
        rows = {signal.name: signal.rows for signal in signals(net)}
        assert (rows["rnn.x"], rows["rnn.h"], rows["head_hold"]) == (2, 2, 1)
    else:
        trained(net, quantizer)
        assert [list(reads.rounded) for reads in quantizer.reads] == [["x", "h", "rh"], ["x"]]


@every_one
def test_reads_are_rounded_or_the_layer_is_named(name: str) -> None:
    net, quantizer = network(name), Quantizer(Quantize("w4a8", activations=8))
    if isinstance(net, Plain):
        with pytest.raises(ModelError, match=line(net, "quantize: activations = 8")):
            Quantizer(Quantize("w4a8", activations=8)).attach(copy.deepcopy(net))
        trained(net, Quantizer(Quantize("w4a8", only=("linear",), activations=8)))
        net = converted(net)
    if name in OWN:
        with pytest.raises(ModelError, match=r"rnn \(\w+\) has no `read` that rounds"):
            quantizer.attach(net)
        return
    trained(net, quantizer)
    if name in LINEAR:
        assert sum(len(reads.rounded) for reads in quantizer.reads) == len(matrices(net))
    else:
        cells = 0 if "delta" in name else 2 if "stack" in name else 1
        assert len(quantizer.reads) == 1 + cells  # a head, and cells that do not hold
    assert all(one.seen == 3 for reads in quantizer.reads for one in reads.rounded.values())  # type: ignore[union-attr]


@every_one
def test_bits_are_chosen_by_sensitivity(name: str) -> None:
    net = network(name).eval()
    x, before = stream(net), copy.deepcopy(net.state_dict())
    wanted = net(x).detach()

    def loss(trial: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        return (trial(batch["x"]) - wanted).square().mean()

    found = sensitivity(net, loss, [{"x": x}])
    assert len(found) == 5 * len(matrices(net))
    but = choose_bits(found, max(1e-3, 0.02 * float(wanted.square().mean())))
    assert but or len(matrices(net)) == 1  # which may need all of its bits
    assert all(torch.equal(now, before[key]) for key, now in net.state_dict().items())
    trained(net, Quantizer(Quantize("w8a8", but=but)))


@every_one
def test_a_teacher_is_heard(name: str) -> None:
    net = network(name)
    method = Distiller(Distill(weight=0.5), copy.deepcopy(net), Task(net))
    trained(net, method)
    assert float(method.extra(net, {"x": stream(net)}, net(stream(net))).detach()) > 0


@pytest.mark.parametrize("name", sorted(LINEAR))
def test_products_around_a_linear_recurrence_thin_out(name: str) -> None:
    net = of_cell(name)
    large = [m.name for m in matrices(net) if m.weight.numel() > sum(m.weight.shape)]
    LowRank(dict.fromkeys(large, 1)).apply(net)
    thin = {m.name.rpartition(".")[0] for m in matrices(net) if m.name.endswith("er")}
    assert thin >= {*large}
    trained(net, Pruner(Prune(0.5, "2x2")), Quantizer(Quantize("w4a8")))
    tiled = [m.weight for m in matrices(net) if max(m.weight.shape) > 2]  # else it is one tile
    assert all(float((weight == 0).float().mean()) > 0.3 for weight in tiled)
    check_streaming(net, stream(net))


@pytest.mark.parametrize("name", sorted(OWN))
def test_weights_of_a_cell_itself_are_pruned_dropped_and_thinned(name: str) -> None:
    net, drop = of_cell(name), WeightDrop(0.5)
    if recurrent := [m for m in matrices(net) if m.kind == "recurrent" and m.weight.all()]:
        drop.attach(net.train())
        drop.before_step(net, 0)
        assert all(0.2 < float((m.weight == 0).float().mean()) < 0.8 for m in recurrent)
        bake(net.eval())
    trained(net, Pruner(Prune(0.5)), Quantizer(Quantize("w4a8")))
    assert all(float((m.weight == 0).float().mean()) > 0.4 for m in matrices(net))
    thin = of_cell(name)
    LowRank(dict.fromkeys({m.kind for m in matrices(thin)}, 1)).apply(thin)
    check_streaming(thin, stream(thin))


@pytest.mark.parametrize("name", sorted(name for name in OWN if EVERY[name]().layout.units))
def test_units_of_a_cell_with_weights_of_its_own_go_and_can_be_reordered(name: str) -> None:
    net = of_cell(name).eval()
    before, x = net(stream(net)), stream(net)
    Permute("4x4", 0.5, only=("rnn",)).apply(net)
    torch.testing.assert_close(net(x), before, atol=1e-5, rtol=1e-4)
    Units({"rnn": 5}).apply(net)
    assert net(x).shape == before.shape
    check_streaming(trained(net), x)


@every_cell
def test_units_of_a_cell_go_and_can_be_reordered(name: str) -> None:
    net, x = of_cell(name).eval(), stream(nn.Module())
    before = net(x)
    Permute("4x4", 0.5, only=("rnn",)).apply(net)
    if "blocks" not in name:  # which then holds other blocks
        torch.testing.assert_close(net(x), before, atol=1e-5, rtol=1e-4)
    if "projection" in name:
        with pytest.raises(ModelError, match="rnn projects to 4 outputs; need more units than 4"):
            Units({"rnn": 4}).apply(net)
    Units({"rnn": 5}).apply(net)
    assert {m.shape[0] // m.gates for m in matrices(net) if m.kind == "recurrent"} == {5}
    check_streaming(trained(net), x)


@every_plain
def test_units_of_torchs_own_layers_go_where_the_module_says_who_reads_them(name: str) -> None:
    net = plain(name).eval()
    if "projection" not in name:  # its hidden units are read by itself alone
        for method in (Units({"rnn": 4}), Permute("4x4", 0.5, only=("rnn",))):
            with pytest.raises(ModelError, match=r"'rnn' cannot be told: Plain does not say"):
                method.apply(net)
    if name in ("torch-gru", "torch-lstm", "torch-rnn"):
        with pytest.raises(
            ModelError, match=r"no units of \* can .* are embed, .*Plain does not say"
        ):
            Permute("4x4", 0.5).apply(net)
    net.layout = Layout(chain=("embed", "rnn", "head"))  # type: ignore[assignment]
    before = net(stream(net)).detach()
    Permute("4x4", 0.5, only=("rnn",)).apply(net)
    torch.testing.assert_close(net(stream(net)), before, atol=1e-5, rtol=1e-4)
    Units({"rnn": 8, "embed": 6}).apply(net)
    assert net.rnn.hidden_size == 8
    y = trained(net)(stream(net))
    torch.testing.assert_close(converted(net)(stream(net)), y, atol=1e-5, rtol=1e-4)


@every_network
def test_gates_get_few_bits_or_the_layer_is_named(name: str) -> None:
    net = network(name)
    if isinstance(net, Plain):
        with pytest.raises(ModelError, match=line(net, "activations")):
            Activations(5).apply(net)
        net = converted(net)
    Activations(5).apply(net)
    few = [isinstance(m.functions, RampFunctions) for m in net.modules() if is_cell(m)]
    assert few == [True] * (2 if "stack" in name else 1)
    trained(net).double()
    x = stream(net)
    check_streaming(net, x.double() if x.is_floating_point() else x)


@every_network
@pytest.mark.parametrize("block", [1, 4])
def test_cells_hold_or_the_layer_is_named(name: str, block: int) -> None:
    net, how = network(name), Delta({"rnn": [0.3, 0.1]}, block=block)
    names = ["rnn"]
    if isinstance(net, Plain):
        with pytest.raises(ModelError, match=line(net, "delta")):
            how.apply(net)
        with pytest.raises(ModelError, match=r"'head' that can hold; .* a child of a Sequential$"):
            Delta({"head": 0.1}).apply(net)
        net = converted(net)
        names = ["rnn.l0", "rnn.l1"] if "stack" in name else names
    if "reset_before" in name:
        with pytest.raises(ModelError, match=r"^delta: rnn has reset_after=False.*build it with"):
            how.apply(net)
        names = []
    held = dict.fromkeys([*names, "head"], 0.5)
    trainer = DeltaTrainer(Delta(relative=held, block=block, l1=0.1, ramp=2), Task(net))
    trained(net, trainer, Pruner(Prune(0.5, "4x4")), Quantizer(Quantize("w4a8")))
    check_streaming(net, stream(net))
    read = whole(columns_read(net, [Stream(stream(net))]))
    assert 0 < read < 1


@every_network
def test_thresholds_are_picked_or_the_layer_is_named(name: str) -> None:
    net = network(name).eval()
    if isinstance(net, Plain):
        with pytest.raises(ModelError, match=line(net, "pick_thresholds")):
            pick_thresholds(net, [], lambda trial: 0.0, allowed=0.1)  # type: ignore[arg-type]
        net = converted(net)
    assert isinstance(net, Sequential)
    some = [Stream(stream(net))]
    names = ["head"] if "reset_before" in name else []
    wanted = net(some[0].x).detach()

    def loss(trial: nn.Module) -> float:
        return float((trial(some[0].x).detach() - wanted).abs().mean())

    if names:
        with pytest.raises(ModelError, match="no cell that can hold"):
            pick_thresholds(net, some, loss, allowed=0.05)
    picked = pick_thresholds(net, some, loss, allowed=0.05, names=names)
    picked.how.apply(net)
    assert whole(columns_read(net, some)) == pytest.approx(picked.share)
    assert picked.share < 1


def is_cell(module: Any) -> bool:
    return isinstance(module, Streaming) and hasattr(module, "read")


def line(net: Plain, where: str) -> str:
    """What is said of a layer whose steps are hidden."""
    return rf"^{where}: rnn \({type(net.rnn).__name__}\): .*from_torch\(layer\).* in its place$"
