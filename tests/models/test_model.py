"""Models are found by name or by file, and refused with one clear line."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgernn.errors import UnknownName
from edgernn.model import (
    Model,
    ModelError,
    find_model,
    load_weights,
    model_names,
    shipped_names,
)
from edgernn.testing import check_streaming

MINE = """
from edgernn.cells.gru import GRU
from edgernn.streaming import Sequential

def build():
    return Sequential(rnn=GRU(3, 4))

def two():
    return {"encoder": GRU(3, 4), "words": GRU(4, 4)}

def wrong():
    return 7

number = 3
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_shipped_models_are_listed_without_torch() -> None:
    code = (
        "import sys; from edgernn.model import find_model, model_names; "
        "print([find_model(n).info.labels for n in model_names()], 'torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'stop'" in out.stdout
    assert out.stdout.strip().endswith("False")


@pytest.mark.parametrize("name", model_names())
def test_decoder_needs_no_torch(name: str) -> None:
    code = f"import sys; import edgernn.models.{name}.decode; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_model_is_complete(name: str) -> None:
    model = find_model(name)
    assert model.recipe
    assert model.card
    assert model.folder
    assert model.clips() or (model.folder / "samples.txt").is_file()
    assert model.weights
    assert model.weights.stat().st_size < 9_000_000
    assert model.reference == name
    assert sum(path.stat().st_size for path in model.clips()) < 1_200_000


def test_a_model_without_weights_says_how_to_train_it() -> None:
    untrained = replace(find_model("kws"), folder=Path("nowhere"))
    with pytest.raises(ModelError, match=r"kws: comes untrained; run: edgernn train kws --data"):
        untrained.steps()


def test_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"unknown model 'kvs'; did you mean kws\?"):
        find_model("kvs")
    with pytest.raises(UnknownName, match=r"unknown model 'kws/dence'; did you mean kws/dense"):
        find_model("kws/dence")


def test_a_variant_is_its_model_with_other_weights() -> None:
    model = find_model("kws/dense")
    assert (model.name, model.variant) == ("kws", "dense")
    assert model.weights != find_model("kws").weights
    assert model.card == find_model("kws").card
    assert model.calibration(1)


def test_every_variant_is_told_of() -> None:
    for name in model_names():
        model = find_model(name)
        assert model.folder
        folders = {path.parent.name for path in model.folder.glob("*/recipe.toml")}
        assert folders == set(model.info.variants)


def test_a_file_is_a_model(mine: Path) -> None:
    model = find_model(f"{mine}:build")
    assert model.name == "mine"
    assert [*model.steps()] == ["mine"]
    assert [*find_model(str(mine)).steps()] == ["mine"]
    assert [*find_model(f"{mine}:two").steps()] == ["encoder", "words"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.py:build", "no such file"),
        ("{mine}:biuld", "no function 'biuld'; it has GRU, Sequential, build, two, wrong"),
        ("{mine}:number", "no function 'number'"),
        (
            "{mine}:wrong",
            "gives int for 'mine'; need a torch module, an edgernn.streaming.Streaming",
        ),
    ],
)
def test_a_wrong_file_is_refused(mine: Path, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        find_model(name.format(mine=mine)).steps()


def test_a_file_that_fails_to_import_says_why(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import no_such_module_at_all")
    with pytest.raises(ModelError, match="ModuleNotFoundError: No module named"):
        find_model(str(tmp_path / "bad.py"))


def test_calibration_is_noise_with_a_warning_without_examples(mine: Path) -> None:
    with pytest.warns(UserWarning, match=r"no examples\(\) to calibrate with"):
        streams = [*find_model(str(mine)).calibration(2)]
    assert [s.shape for s in streams] == [(1, 100, 3), (1, 100, 3)]


def test_calibration_uses_the_files_examples(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    body = "import numpy\ndef examples():\n    yield numpy.ones((1, 5, 3), 'float32')\n"
    path.write_text(MINE + body)
    (only,) = find_model(str(path)).calibration(9)
    assert np.array_equal(only, np.ones((1, 5, 3), np.float32))


def test_steps_that_feed_one_another_say_with_what(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    body = "import numpy\ndef examples():\n    yield numpy.ones((1, 5, 3), 'float32')\n"
    path.write_text(MINE + body)
    model = find_model(f"{path}:two")
    alike = model.fed(model.steps(), 9)
    assert {name: len(streams) for name, streams in alike.items()} == {"encoder": 1, "words": 1}
    body += "def fed(steps, streams):\n    return {n: [2 * s for s in streams] for n in steps}\n"
    other = tmp_path / "other.py"
    other.write_text(MINE + body)
    model = find_model(f"{other}:two")
    assert model.fed(model.steps(), 9)["words"][0].max() == 2


def test_weights_of_another_network_are_refused(mine: Path) -> None:
    shipped = find_model("kws").folder
    assert shipped
    steps = find_model(str(mine)).steps()
    with pytest.raises(ModelError, match="weights do not load"):
        load_weights(steps, shipped / "weights.safetensors")


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(ModelError, match="weights do not load"):
        find_model("kws").steps(path)


def test_shipped_weights_are_loaded_in_eval_mode() -> None:
    model: Model = find_model("kws")
    one, two = model.steps()["kws"], model.steps()["kws"]
    assert not one.training
    same = [torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True)]
    assert all(same)


def test_shipped_clips_calibrate_in_whole_blocks() -> None:
    streams = [*find_model("kws").calibration(3)]
    assert [s.shape[0::2] for s in streams] == [(1, 1)] * 3
    assert all(s.shape[1] % 320 == 0 and s.dtype == np.float32 for s in streams)
    assert len([*find_model("kws").calibration(99)]) == len(find_model("kws").clips())


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_model_obeys_the_law(name: str) -> None:
    """Found by their folders; each with its shipped weights."""
    model = find_model(name)
    steps = model.steps()
    for step_name, given in model.fed(steps, 2).items():
        step, block = steps[step_name], steps[step_name].timing.block
        frames = min(12 * block, *(one.shape[1] // block * block for one in given))
        check_streaming(step, torch.cat([torch.from_numpy(one[:, :frames]) for one in given]))
