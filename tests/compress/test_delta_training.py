"""Delta networks in training: measured thresholds, the penalty on movement, columns counted."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.compress.columns import Read, Stream, columns_read, whole
from edgernn.compress.delta import Delta, held_signals
from edgernn.compress.delta_training import DeltaTrainer
from edgernn.compress.signals import deviations, signals
from edgernn.compress.thresholds import pick_thresholds
from edgernn.errors import ModelError
from edgernn.graph.reference import Reference
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.model import find_model
from edgernn.sources import TorchSource
from edgernn.state import named_leaves
from edgernn.streaming import Residual, Sequential
from edgernn.train.recipe import Recipe
from edgernn.train.run import CHECKPOINT, train_model

from . import keep

RECIPE = f"""
model = "{keep.__file__}:build"
[train]
steps = 40
batch_size = 32
learning_rate = 0.01
warmup_steps = 5
validate_every = 40
checkpoint_every = 20
ema_decay = 0.9
[compress.delta]
l1 = 0.1
ramp = 10
[compress.delta.relative]
rnn = [0.5, 0.25]
head = 0.5
"""


WIDTH = 8


def wander(batch: int, frames: int, channels: int = WIDTH) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(batch, frames, channels, generator=generator).cumsum(1) / 4


class Wander(keep.Task):
    """The task whose batches wander."""

    def __init__(self) -> None:
        super().__init__(Recipe("wander", 1), Path())

    def batch(self, step: int) -> dict[str, Tensor]:
        return {"x": wander(4, 20)}


def plain() -> Sequential:
    return Sequential(rnn=GRU(WIDTH, 32), head=Linear(32, 2))


def network(block: int = 1) -> Sequential:
    torch.manual_seed(0)
    net = plain()
    Delta({"rnn": [0.4, 0.1], "head": 0.2}, block=block).apply(net)
    return net.eval()


def trained(folder: Path, text: str = RECIPE, **more: Any) -> Path:
    torch.set_num_threads(1)
    recipe = folder / "recipe.toml"
    recipe.write_text(text)
    out: Path = more.pop("out", folder / "out")
    train_model(f"{keep.__file__}:build", folder, out, recipe=recipe, quiet=True, **more)
    return out


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("whole"))


def test_a_linear_layer_gets_a_hold_in_front_and_keeps_its_names() -> None:
    net = network(4)
    assert list(net.layers) == ["rnn", "head_hold", "head"]
    assert net.state_dict().keys() == plain().state_dict().keys()
    found = {s.name: (s.columns, s.rows, s.block) for s in signals(net)}
    assert found == {"rnn.x": (8, 96, 4), "rnn.h": (32, 96, 4), "head_hold": (32, 2, 4)}
    Delta({"head": 0.3, "rnn": 0.1}).apply(net)
    assert list(net.layers) == ["rnn", "head_hold", "head"]
    assert {s.block for s in signals(net)} == {1}


def test_thresholds_of_zero_leave_the_network_as_it_was() -> None:
    torch.manual_seed(0)
    net, x = plain(), wander(2, 15)
    before = net(x)
    Delta({"rnn": 0, "head": 0}).apply(net)
    torch.testing.assert_close(net(x), before)


@pytest.mark.parametrize("block", [1, 4])
def test_columns_are_counted_as_the_state_moves(block: int) -> None:
    net, x = network(block), wander(3, 25)
    counted = torch.rand(3, 25, generator=torch.Generator().manual_seed(1)) < 0.6
    wanted: dict[str, list[float]] = {"rnn.held_x": [], "rnn.held_h": [], "head_hold.held": []}
    state = net.initial_state(3)
    for t in range(25):
        before = named_leaves(state)
        with torch.no_grad():
            _, state = net.step(x[:, t : t + 1], state)
        for leaf, shares in wanted.items():
            moved = (named_leaves(state)[leaf] != before[leaf]).numpy()
            for row in np.flatnonzero(counted[:, t]):
                parts = [moved[row, c : c + block].any() for c in range(0, moved.shape[1], block)]
                shares.append(float(np.mean(parts)))
    reads = columns_read(net, [Stream(x[:2], counted[:2]), Stream(x[2:], counted[2:])])
    assert [r.share for r in reads] == pytest.approx([np.mean(v) for v in wanted.values()])
    assert all(0.02 < r.share < 0.95 for r in reads), reads
    weights = [96 * WIDTH, 96 * 32, 2 * 32]
    assert [r.weights for r in reads] == weights
    assert whole(reads) == pytest.approx(np.average([r.share for r in reads], weights=weights))


@pytest.mark.parametrize("block", [1, 4])
def test_the_integer_step_reads_the_columns_that_were_counted(block: int) -> None:
    net, x = network(block), wander(1, 300).sin() * 2
    counted = [r.share for r in columns_read(net, [Stream(x)])]
    source = TorchSource("net", net, x.numpy().transpose(1, 0, 2)[:, None])
    frames = [{"x": frame[None]} for frame in x.numpy().transpose(1, 0, 2)]
    backend: Any = find_backend("c")
    step = Reference(backend.typed(source.graph(), "w8a8", frames)[0])
    moves: dict[str, list[Any]] = {"rnn.held_x": [], "rnn.held_h": [], "head_hold.held": []}
    for frame in frames:
        before = step.state()
        step.step(frame)
        for leaf, rows in moves.items():
            moved = (step.state()[leaf] != before[leaf]).reshape(-1)
            rows.append(np.pad(moved, (0, -len(moved) % block)).reshape(-1, block).any(1).mean())
    read = [float(np.mean(rows)) for rows in moves.values()]
    assert read == pytest.approx(counted, abs=0.03)


def test_a_network_that_holds_nothing_reads_everything() -> None:
    net = plain()
    assert columns_read(net, [Stream(wander(1, 8))]) == []
    assert whole([]) == 1.0
    assert whole([Read("a", 30, 0.5), Read("b", 10, 0.1), Read("unknown", 0, 0.9)]) == 0.4


def test_counting_leaves_the_network_as_it_was() -> None:
    net = network().train()
    columns_read(net, [Stream(wander(1, 8))])
    assert net.training
    assert all("step" not in vars(module) for module in net.modules())


def test_deviations_are_those_of_what_is_held() -> None:
    torch.manual_seed(1)
    net = Sequential(rnn=LSTM(WIDTH, 16, proj_size=8)).requires_grad_(False)
    how = Delta(relative={"rnn": 1.0})
    how.opened().apply(net)
    x = wander(4, 40)
    found = deviations(net, held_signals(net, how), lambda: net(x))
    assert list(found) == ["rnn.x", "rnn.h", "rnn.m"]
    assert found["rnn.x"] == pytest.approx(
        float(x.flatten(0, 1).var(0, correction=0).mean().sqrt()), rel=1e-5
    )
    h = torch.cat([torch.zeros(4, 1, 8), net(x)[:, :-1]], dim=1).flatten(0, 1)
    assert found["rnn.h"] == pytest.approx(float(h.var(0, correction=0).mean().sqrt()), rel=1e-4)
    resolved = Delta({}, relative={"rnn": [1.0, 2.0, 0.5]}).resolved(found)
    assert resolved.thresholds["rnn"] == [
        found["rnn.x"], 2 * found["rnn.h"], 0.5 * found["rnn.m"]
    ]  # fmt: skip


def test_relative_thresholds_are_left_resolved_so_that_loading_needs_no_data(
    whole_run: Path,
) -> None:
    table = tomllib.loads((whole_run / "recipe.toml").read_text())["compress"]["delta"]
    assert "relative" not in table
    assert {name: np.ndim(v) for name, v in table["thresholds"].items()} == {"rnn": 1, "head": 1}
    net = find_model(str(whole_run)).steps()["keep"]
    rnn: Any = net.layers["rnn"]
    x = keep.Task(Recipe("x", 1, batch_size=32), whole_run).batch(0)["x"]
    assert rnn.thresholds[0] == pytest.approx(0.5 * float(x.std((0, 1)).mean()), rel=0.05)
    assert rnn.thresholds == tuple(table["thresholds"]["rnn"])
    assert list(net.layers) == ["rnn", "head_hold", "head"]


def test_the_resolved_recipe_replays_the_training(whole_run: Path, tmp_path: Path) -> None:
    again = trained(tmp_path, (whole_run / "recipe.toml").read_text())
    one, two = (load_file(folder / "weights.safetensors") for folder in (whole_run, again))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_an_interrupted_delta_training_ends_in_the_same_weights(
    whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = keep.Task.batch

    def interrupted(self: Any, step: int) -> dict[str, Tensor]:
        if step == 30:
            raise KeyboardInterrupt
        return own(self, step)

    task: Any = find_model(f"{keep.__file__}:build")
    from edgernn.model import load_source

    source: Any = load_source(task)
    monkeypatch.setattr(source.Task, "batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "out" / CHECKPOINT).is_file()
    resumed = trained(tmp_path, resume=True)
    one, two = (load_file(folder / "weights.safetensors") for folder in (whole_run, resumed))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_thresholds_rise_along_the_ramp_and_end_where_they_should() -> None:
    torch.manual_seed(0)
    net: Any = keep.build()
    trainer = DeltaTrainer(Delta({"rnn": [0.4, 0.2], "head": 0.1}, ramp=4), Wander())
    trainer.attach(net)
    seen = []
    for step in range(6):
        trainer.before_step(net, step)
        seen.append((net.rnn.thresholds[0], net.head_hold.threshold))
    assert [x for x, _ in seen] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
    trainer.finish(net)
    assert (net.rnn.thresholds, net.head_hold.threshold) == ((0.4, 0.2), 0.1)


def test_the_penalty_is_the_mean_movement_in_deviations() -> None:
    torch.manual_seed(0)
    net: Any = Sequential(rnn=GRU(WIDTH, 4))
    trainer = DeltaTrainer(Delta({"rnn": 0.0}, l1=0.5), Wander())
    trainer.attach(net)
    x = wander(2, 10)
    trainer.before_step(net, 0)
    y = net(x)
    got = trainer.extra(net, {}, y)
    parts = [
        (weights, (v[:, 1:] - v[:, :-1]).abs().mean() / trainer.scales[name])
        for name, weights, v in (("rnn.x", 8 * 12, x), ("rnn.h", 4 * 12, y))
    ]
    wanted = 0.5 * sum(w * part for w, part in parts) / (12 * 12)
    torch.testing.assert_close(got, wanted)
    trainer.before_step(net, 1)
    with torch.no_grad():
        net(x)  # a validation teaches nothing
    assert trainer.extra(net, {}, y) == 0.0
    trainer.finish(net)
    assert "step" not in vars(net.rnn)


def test_a_penalised_network_reads_fewer_columns(tmp_path: Path) -> None:
    table = "[compress.delta]\nl1 = L1\n[compress.delta.thresholds]\nrnn = [0.5, 0.2]\n"
    head = RECIPE.partition("[compress.delta]")[0]
    shares = []
    for l1 in (0.0, 1.0):
        folder = tmp_path / str(l1)
        folder.mkdir()
        out = trained(folder, head + table.replace("L1", str(l1)))
        net = find_model(str(out)).steps()["keep"]
        reads = columns_read(net, [Stream(torch.randn(16, 30, keep.CHANNELS))])
        shares.append(next(r.share for r in reads if r.name == "rnn.h"))
    assert shares[1] < 0.8 * shares[0]


def test_weights_of_four_bits_are_trained_behind_thresholds(tmp_path: Path) -> None:
    out = trained(tmp_path, f'{RECIPE}\n[compress.quantize]\nnumber_type = "w4a8"\n')
    weight = load_file(out / "weights.safetensors")["rnn.rnn.weight_hh_l0"]
    assert max(len(row.unique()) for row in weight) <= 16
    assert find_model(str(out)).steps()["keep"].layers["rnn"].thresholds


def test_the_fewest_columns_within_the_loss_are_found() -> None:
    torch.manual_seed(0)
    net = Sequential(rnn=GRU(WIDTH, 24)).eval()
    streams = [Stream(wander(8, 60))]
    with torch.no_grad():
        exact = net(streams[0].x)

    def loss(trial: nn.Module) -> float:
        with torch.no_grad():
            return float((trial(streams[0].x) - exact).square().mean().sqrt())

    found = {a: pick_thresholds(net, streams, loss, allowed=a) for a in (0.01, 0.05)}
    assert [p.loss <= p.open_loss + a for a, p in found.items()] == [True, True]
    assert found[0.05].share < found[0.01].share < 0.9
    assert net.layers["rnn"].thresholds is None
    Delta(found[0.05].how.thresholds).apply(net)
    assert whole(columns_read(net, streams)) == pytest.approx(found[0.05].share)
    blocks = pick_thresholds(net, streams, loss, allowed=0.05, block=4)
    assert blocks.how.block == 4
    assert found[0.05].share < blocks.share < 1


def test_no_loss_allowed_may_leave_all_open() -> None:
    net = Sequential(rnn=GRU(WIDTH, 8)).eval()
    picked = pick_thresholds(net, [Stream(wander(2, 9))], lambda trial: 1.0, allowed=-0.5)
    assert picked.multiples == {"rnn.x": 0, "rnn.h": 0}
    with pytest.raises(ModelError, match="no cell that can hold"):
        pick_thresholds(Sequential(a=Linear(3, 2)), [], lambda trial: 1.0, allowed=0)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"thresholds": {"rnn": -1}}, "rnn: threshold -1 must be finite and at least 0"),
        ({"thresholds": {"rnn": 0.1}, "block": 3}, "block 3 must be one of 1, 4"),
        ({"thresholds": {"rnn": [1, 2, 3]}}, "rnn holds 2 signals; 3 are given"),
        ({"thresholds": {"head": [1, 2]}}, "head holds one signal; 2 thresholds"),
        ({"thresholds": {"conv": 1}}, "'conv' that can hold; there are rnn, head, point$"),
        ({"thresholds": {"skip.body": 1}}, "'skip.body' that can hold"),
        ({"thresholds": {"old": 1}}, "old has reset_after=False.*build it with reset_after=True"),
        ({"relative": {"rnn": 1}}, "relative thresholds of rnn are measured by a training"),
        ({"thresholds": {"rnn": 1}, "relative": {"rnn": 1}}, "rnn has thresholds and relative"),
        ({"l1": -1}, "l1 -1, ramp 0; need at least 0"),
    ],
)
def test_what_cannot_hold_is_refused(how: dict[str, Any], line: str) -> None:
    net = Sequential(
        rnn=GRU(6, 8),
        head=Linear(8, 4),
        point=Conv1d(4, 4, 1),
        conv=Conv1d(4, 4, 3),
        skip=Residual(Linear(4, 4), 4),
        old=GRU(4, 4, reset_after=False),
    )
    with pytest.raises(ModelError, match=line):
        Delta(**how).apply(net)
