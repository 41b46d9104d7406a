"""Long streams: what grows is told from what is bounded, and the command says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgernn.cli import group
from edgernn.drift import Course, course, follow, window_ends
from edgernn.drift_subjects import Shuffled

ENDS = window_ends(1_000_000)

OWN = '''
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.frames import fold_frames, split_frames
from edgernn.streaming import Streaming


class SumState(NamedTuple):
    total: Tensor


class Sum(Streaming):
    """Fades by a share each frame, or gains by it."""

    def __init__(self, fade: float) -> None:
        super().__init__()
        self.fade = nn.Parameter(torch.tensor([fade]))

    def initial_state(self, batch: int) -> SumState:
        return SumState(self.new_zeros(batch, 4))

    def step(self, x: Tensor, state: SumState) -> tuple[Tensor, SumState]:
        y, total = fold_frames(self._frame, split_frames(x), state.total)
        return y, SumState(total)

    def _frame(self, x: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        total = self.fade * total + x
        return total, total


def fading():
    return Sum(0.9)


def summing():
    return Sum(1.0)


def exploding():
    return Sum(2.0)


def without():
    from edgernn.layers.linear import Linear

    return Linear(4, 4)


def examples():
    yield torch.rand(1, 300, 4).numpy()
'''


def edgernn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")


def values(power: float, noise: float = 0.0) -> Course:
    made = np.array(ENDS, np.float64) ** power
    made *= 1 + noise * np.random.default_rng(0).standard_normal(len(ENDS))
    return course("h", list(made), ENDS)


@pytest.mark.parametrize(
    ("power", "verdict"), [(-0.5, "bounded"), (0.0, "bounded"), (0.5, "grows"), (1.0, "grows")]
)
def test_an_exponent_is_found_in_noise_and_judged(power: float, verdict: str) -> None:
    found = values(power, 0.05)
    assert found.exponent_error is not None
    assert found.exponent == pytest.approx(power, abs=4 * found.exponent_error)
    assert (found.verdict, found.exponent_error < 0.05) == (verdict, True)


def test_what_fills_its_memory_first_is_bounded_and_noise_alone_is_no_growth() -> None:
    filling = course("h", [1 - np.exp(-end / 3000) for end in ENDS], ENDS)
    assert (filling.grows, filling.values[0]) == (False, pytest.approx(1 / 300, rel=0.01))
    wild = course("h", list(np.random.default_rng(1).lognormal(0, 4, len(ENDS))), ENDS)
    assert not wild.grows
    assert course("h", [0.0] * len(ENDS), ENDS).exponent == 0


def test_windows_cover_every_frame_once() -> None:
    assert (ENDS[0], ENDS[-1]) == (10, 1_000_000)
    assert list(ENDS) == sorted(set(ENDS))
    assert sum(end * 10 >= ENDS[-1] for end in ENDS) >= 12  # windows that the fit goes by


def test_real_input_is_cut_and_mixed_and_never_ends() -> None:
    frames = {"x": np.arange(130, dtype=np.float32).reshape(130, 1), "t": np.arange(130)}
    one, other = Shuffled(frames), Shuffled(frames)
    given = one(333)
    assert {len(array) for array in given.values()} == {333}
    whole = [other(n) for n in (1, 332)]
    assert np.array_equal(given["x"], np.concatenate([part["x"] for part in whole]))
    level = given["x"][1:, 0] / given["t"][1:]
    assert (level.min() >= 0.25, level.max() <= 1) == (True, True)


class Halved:
    """A truth and a program of it that is off by a part of the truth."""

    name = "itself"

    def run(self, frames: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"y": 2 * frames["x"]}, {"h": frames["x"][-1]}

    def reset(self) -> None: ...

    def step(self, inputs: Any) -> dict[str, Any]:
        return {"y": 1.5 * inputs["x"]}


def test_errors_are_shares_of_the_outputs() -> None:
    rng = np.random.default_rng(0)
    found = follow(
        "halved", Halved(), {"w8a8": Halved()}, lambda n: {"x": rng.standard_normal((n, 3))}, 2000
    )
    assert np.allclose([v or 0 for v in found.errors[0].values[-10:]], 0.25, atol=0.05)
    assert found.document()["verdict"] == "bounded"
    assert found.document()["errors"][0]["what"] == "w8a8"


@pytest.mark.cc
def test_a_unit_that_is_bounded_and_one_whose_waves_never_fade() -> None:
    result = edgernn("drift", "rnn", "--width", 4, "--frames", 2000, "--json")
    (found,) = json.loads(result.stdout)
    assert (result.exit_code, found["verdict"]) == (0, "bounded")
    assert [row["what"] for row in found["errors"]] == ["fp32", "w8a8"]
    assert found["errors"][0]["values"][-1] < 1e-5 < found["errors"][1]["values"][-1] < 0.1
    result = edgernn(
        "drift", "wave", "--width", 64, "--frames", 6000, "--number-type", "fp32", "--json"
    )
    (found,) = json.loads(result.stdout)
    assert (result.exit_code, found["verdict"]) == (1, "grows")
    (state,) = found["states"]
    assert state["exponent"] == pytest.approx(0.5, abs=0.2)  # noise goes round and adds up


@pytest.mark.cc
def test_a_users_own_model_that_sums_or_explodes_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)

    def run(name: str, *words: object) -> Result:
        return edgernn("drift", f"{tmp_path}/own.py:{name}", "--frames", 3000, *words)

    fading = run("fading", "--number-type", "fp32")
    assert fading.exit_code == 0
    assert "bounded" in fading.stdout
    assert "grows" not in fading.stdout
    result = run("summing", "--number-type", "fp32", "--json")
    (found,) = json.loads(result.stdout)
    assert (result.exit_code, found["truth"]) == (1, "torch in float64")
    assert found["states"][0]["exponent"] == pytest.approx(1, abs=0.25)
    result = run("exploding", "--number-type", "fp32", "--json")
    (found,) = json.loads(result.stdout)
    assert (result.exit_code, found["states"][0]["exponent"]) == (1, None)
    assert found["states"][0]["values"][-1] is None
    result = run("without")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        2,
        f"error: {tmp_path}/own.py:without: has no state that could grow",
    )


@pytest.mark.cc
def test_a_bundle_is_followed_beside_its_own_onnx_form(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    bundle, slim = tmp_path / "own.edgernn", tmp_path / "slim.edgernn"
    for path, words in ((bundle, []), (slim, ["--slim"])):
        made = edgernn(
            *("export", f"{tmp_path}/own.py:fading", "--target", "host", "--number-type", "w8a8"),
            *("-o", path, *words),
        )
        assert made.exit_code == 0, made.stderr
    result = edgernn("drift", bundle, "--frames", 1500, "--json")
    (found,) = json.loads(result.stdout)
    assert (found["truth"], [row["what"] for row in found["states"]]) == ("ONNX Runtime", ["total"])
    assert [row["what"] for row in found["errors"]] == ["w8a8"]
    assert (result.exit_code, found["verdict"]) == (0, "bounded")
    result = edgernn("drift", slim, "--frames", 1500)
    assert (result.exit_code, "has no ONNX form or no code for this" in result.stderr) == (2, True)
    result = edgernn("drift", bundle, "--step", "encoder")
    assert (result.exit_code, "unknown step 'encoder'" in result.stderr) == (2, True)


def test_bad_input_is_one_clear_line() -> None:
    def refused(*words: object) -> str:
        result = edgernn("drift", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        return result.stderr.splitlines()[-1]

    assert refused("grux").startswith("error: unknown unit or model 'grux'; did you mean gru")
    assert refused("gru", "--frames", 10) == (
        "error: gru: 10 frames show no growth; need at least 1,000"
    )
    assert refused("no.edgernn") == "error: no.edgernn: No such file or directory"
    assert refused("gru", "--width", 0) == "error: a width of 0; need at least 1"
