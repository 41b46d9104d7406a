"""`--delta` picks thresholds by the validation, leaves a model, and refuses in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from edgernn.cells.gru import GRU
from edgernn.cli import group
from edgernn.compress import picking
from edgernn.compress.columns import columns_read, heard
from edgernn.compress.picking import Picking, pick
from edgernn.compress.picking_report import doubts, markdown
from edgernn.compress.thresholds import Picked
from edgernn.errors import CheckpointError, ModelError, ParityError
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.model import find_model
from edgernn.streaming import Sequential
from edgernn.train.run import train_model

from .test_plan import DENSE, MINE


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    recipe = folder / "dense.toml"
    recipe.write_text(DENSE.replace("steps = 150", "steps = 300"))
    train_model(f"{MINE}:build", folder, folder / "out", recipe=recipe, quiet=True)
    return folder / "out"


def asked(trained: Path, out: Path, **more: Any) -> Picking:
    how = Picking(str(trained), trained, "host", out, 0.05)
    return replace(how, **more)


def test_streams_are_caught_whole_however_they_are_stepped() -> None:
    torch.manual_seed(0)
    net = Sequential(embed=Embedding(5, 4), rnn=GRU(4, 8, threshold=0.1)).eval()
    tokens = torch.randint(5, (3, 12))
    with heard(net) as streams, torch.no_grad():
        net(tokens[:2])
        state = net.initial_state(1)
        for at in (0, 5, 6):
            _, state = net.step(tokens[2:, at : (5, 6, 12)[(0, 5, 6).index(at)]], state)
        net(tokens[:1, :7])
    assert [tuple(s.x.shape) for s in streams] == [(3, 12), (1, 7)]
    assert torch.equal(streams[0].x, tokens)
    assert "step" not in vars(net)
    assert 0 < columns_read(net, streams)[0].share < 1


def test_of_many_streams_some_are_kept_evenly_spread() -> None:
    net = Sequential(rnn=GRU(1, 2)).eval()
    clips = torch.arange(50.0)[:, None, None].expand(50, 10, 1)
    with torch.no_grad():
        with heard(net, most=100) as single:
            for clip in clips:
                net(clip[None])
        with heard(net, most=100) as batched:
            net(clips)
        with heard(net, most=100) as long:
            net(clips.reshape(1, 500, 1))
    assert [s.x.shape[1:] for s in (*single, *batched)] == [(10, 1), (10, 1)]
    for first in (single[0].x[:, 0, 0], batched[0].x[:, 0, 0]):
        assert 5 <= len(first) <= 10
        assert (float(first[0]), float(first[-1]) > 40) == (0.0, True)
    assert long[0].x.shape == (1, 100, 1)


@pytest.mark.cc
def test_a_folder_with_thresholds_is_a_model(trained: Path, tmp_path: Path) -> None:
    how, said = asked(trained, tmp_path / "out"), list[str]()
    found = pick(how, quiet=True, say=said.append)
    assert (found.figure, found.higher) == ("val_accuracy", True)
    assert found.lost(found.picked) <= 0.05
    assert found.after == found.picked > 0.8
    assert found.share < 0.9
    assert [one.signal for one in found.held] == ["rnn.x", "rnn.h"]
    left = {path.name for path in how.out.iterdir()}
    assert {"recipe.toml", "weights.safetensors", "keep.edgernn"} <= left
    assert "checkpoint.pt" not in left
    net: Any = find_model(str(how.out)).steps()["keep"]
    assert net.rnn.thresholds == tuple(one.threshold for one in found.held)
    assert found.delta["latency_us"] > 0
    text = markdown(how, found, doubts(how, found))
    assert "| rnn.h | 32 |" in text
    assert "| with, compiled (w8a8) |" in text
    assert json.dumps(found.as_json())
    assert abs(found.compiled - found.picked) <= 0.125  # two clips of sixteen
    sure = replace(
        found,
        dense={"instructions": 90.0},
        delta={"instructions": 80.0},
        compiled=found.before,
    )
    assert doubts(how, sure) == []
    lost = replace(sure, compiled=found.before - 0.2)
    assert doubts(how, lost) == ["the compiled step loses 0.2, more than the 0.05 allowed"]
    slow = replace(sure, delta={"instructions": 1234.0})
    told = "thresholds do not pay: 1,234 instructions a step, without them 90"
    assert doubts(how, slow) == [told]
    assert f"- **{told}**" in markdown(how, slow, doubts(how, slow))
    with pytest.raises(CheckpointError, match="exists; choose another --output"):
        pick(how)
    with pytest.raises(CheckpointError, match=r"max_loss 0\.05, now 0\.1"):
        pick(replace(how, max_loss=0.1), resume=True)
    with pytest.raises(ModelError, match=r"compressed already \(delta\); .* came from: .*/out$"):
        pick(asked(how.out, tmp_path / "again"))


@pytest.mark.cc
@pytest.mark.slow
def test_a_network_is_trained_on_with_its_thresholds(trained: Path, tmp_path: Path) -> None:
    how = asked(trained, tmp_path / "out", steps=20, block=4, layers=("rnn", "head"))
    found = pick(how, quiet=True, say=lambda line: None)
    assert [one.signal for one in found.held] == ["rnn.x", "rnn.h", "head_hold"]
    text = (how.out / "recipe.toml").read_text()
    assert all(line in text for line in ("steps = 20", "block = 4", "l1 = 0.2", "ramp = 20"))
    assert "| after 20 steps |" in markdown(how, found, doubts(how, found))
    again = pick(how, resume=True, quiet=True, say=lambda line: None)
    assert again.after == found.after


def test_thresholds_that_stray_from_torch_are_lowered(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Picked] = []

    def strict(how: Picking, model: Any, task: Any, found: Picked, *, quiet: bool) -> None:
        tried.append(found)
        if len(tried) < 3:
            raise ParityError("strays")

    monkeypatch.setattr(picking, "_build", strict)
    monkeypatch.setattr(picking, "_measured", lambda how, model, target, judge, found: found)
    said: list[str] = []
    found: Any = pick(asked(trained, tmp_path / "out"), quiet=True, say=said.append)
    assert said[1::2] == ["note: strays"] * 2
    shares = [one.share for one in tried]
    assert shares == sorted(shares)
    assert found is tried[2]
    for name, given in found.how.thresholds.items():
        assert given == pytest.approx([0.64 * one for one in tried[0].how.thresholds[name]])


def test_nothing_is_left_where_nothing_is_found(trained: Path, tmp_path: Path) -> None:
    how = asked(trained, tmp_path / "out", max_loss=-0.5)
    with pytest.raises(ModelError, match=r"no thresholds lose at most -0\.5 of val_accuracy"):
        pick(how, quiet=True)
    with pytest.raises(ModelError, match="no cell or layer 'rnm' that can hold; there are rnn"):
        pick(replace(how, layers=("rnm",)), quiet=True)
    assert not how.out.exists()


def test_a_step_that_is_not_proven_leaves_nothing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*given: Any) -> Any:
        raise ParityError("strays")

    monkeypatch.setattr(picking, "export", never)
    how = asked(trained, tmp_path / "out")
    with pytest.raises(ParityError, match="strays"):
        pick(how, quiet=True, say=lambda line: None)
    assert not how.out.exists()
    longer = replace(how, steps=2)
    with pytest.raises(ParityError, match=r"strays\. What was trained stays in .*out, a model"):
        pick(longer, quiet=True, say=lambda line: None)
    assert find_model(str(how.out)).steps()


@pytest.mark.parametrize(
    ("layers", "line"),
    [
        ("rnn=GRU(6, 8, threshold=0.1)", r"holds already \(rnn.x, rnn.h\)"),
        ("head=Linear(6, 2)", "no cell that can hold; name layers with --layers"),
    ],
)
def test_networks_that_hold_or_cannot_are_refused(layers: str, line: str, tmp_path: Path) -> None:
    source = tmp_path / "other.py"
    source.write_text(
        "from edgernn.cells.gru import GRU\nfrom edgernn.layers.linear import Linear\n"
        f"from edgernn.streaming import Sequential\ndef build():\n    return Sequential({layers})\n"
        "class Task:\n    def __init__(self, recipe, data):\n        pass\n"
    )
    (tmp_path / "recipe.toml").write_text(f'model = "{source}:build"\n[train]\nsteps = 1\n')
    net = eval(f"Sequential({layers})", {"Sequential": Sequential, "GRU": GRU, "Linear": Linear})
    save_file(net.state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match=line):
        pick(asked(tmp_path, tmp_path / "out"))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--delta", "--delta: needs --max-loss, such as 0.5pt"),
        ("--delta --max-loss 1pt --budget flash=1KB", "--budget: not with --delta"),
        ("--delta --max-loss 1pt --seeds 1", "--seeds: not with --delta"),
        ("--delta --max-loss 1pt --minutes 1", "--minutes: not with --delta"),
        ("--max-loss 1pt --block 4", "--block: not without --delta"),
        ("--max-loss 1pt --layers rnn", "--layers: not without --delta"),
        ("--max-loss 1pt --steps 0", "--steps 0: only with --delta"),
        ("--delta --max-loss few", "max-loss 'few'"),
    ],
)
def test_options_without_a_meaning_together_are_refused(words: str, line: str) -> None:
    given = ["compress", "kws/dense", "--data", ".", "-t", "host", *words.split()]
    result = CliRunner().invoke(group, given, prog_name="edgernn")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {line}")
    assert len(result.stderr.splitlines()) == 1
