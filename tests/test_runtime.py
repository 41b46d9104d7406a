"""A session steps frames as the bundle says, or refuses them in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.errors import BundleError, DataError, ShapeError, ToolError, UnknownName
from edgernn.runtime import Session

from .fakes import FakeBackend, use_fakes, write_bundle


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    return use_fakes(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "m.edgernn")


def ones(value: float = 1.0) -> np.ndarray[Any, Any]:
    return np.full((1, 4, 1), value, np.float32)


def test_frames_go_in_and_outputs_come_out(path: Path) -> None:
    session = Session(path)
    assert session.step(ones()).tolist() == [[[4, 4]]]
    assert session.step(ones(2)).tolist() == [[[12, 8]]]
    assert {k: v.tolist() for k, v in session.step({"x": ones()}).items()} == {"y": [[[16, 4]]]}
    session.reset()
    assert session.step(ones()).tolist() == [[[4, 4]]]


def test_it_says_what_it_is(path: Path) -> None:
    session = Session(path)
    assert str(session.inputs[0]) == "(1, 4, 1) float32"
    assert session.outputs[0].name == "y"
    assert (session.timing.block, session.timing.ratio * 4, session.frame_ms) == (4, 1, 20.0)
    assert session.labels == ("all", "now")
    assert "on='host'" in repr(session)


@pytest.mark.parametrize(
    "frame", [np.ones(4, np.float32), np.ones((4, 1)), [1.0, 1, 1, 1], np.ones((1, 4), np.float16)]
)
def test_unit_axes_and_other_floats_are_taken(path: Path, frame: Any) -> None:
    assert Session(path).step(frame).tolist() == [[[4, 4]]]


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (np.ones(3), r"m input 'x': frame is \(3,\) float64; need \(1, 4, 1\) float32"),
        (np.ones(4, np.int16), "divide by 32768"),
        (np.ones(4, np.int64), "frame is int64; need"),
        (np.ones(4, complex), "frame is complex128; need"),
        (["a"] * 4, "frame is <U1; need"),
        ([None] * 4, "frame is object; need"),
        ([[1], [1, 2]], "not an array"),
        ({"z": ones()}, "inputs are x; wrong or missing: 'x'"),
        ({}, "wrong or missing: 'x'"),
    ],
)
def test_a_frame_of_another_form_is_refused(path: Path, frame: Any, line: str) -> None:
    session = Session(path)
    session.step(ones())
    with pytest.raises(ShapeError, match=line):
        session.step(frame)
    assert session.state["sum"].tolist() == [[4]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_a_nan_never_enters_the_state(path: Path, bad: float) -> None:
    session = Session(path)
    frame = np.ones((1, 4, 1))
    frame[0, 2, 0] = bad
    with pytest.raises(DataError, match=r"value 2 is (nan|-?inf|1e\+39)"):
        session.step(frame)
    assert session.state["sum"].tolist() == [[0]]


def test_state_is_a_copy_and_can_be_put_back(path: Path) -> None:
    session = Session(path)
    session.step(ones())
    state = session.state
    state["sum"][:] = 100
    assert session.state["sum"].tolist() == [[4]]
    session.load_state(state)
    assert session.step(ones()).tolist() == [[[104, 4]]]


@pytest.mark.parametrize(
    "leaves",
    [
        {},
        {"sum": np.zeros((1, 1), np.float32), "other": np.zeros(1)},
        {"sum": np.zeros((1, 2), np.float32)},
        {"sum": np.zeros((1, 1))},
    ],
)
def test_a_state_of_another_form_is_refused(path: Path, leaves: dict[str, Any]) -> None:
    with pytest.raises(ShapeError, match="state"):
        Session(path).load_state(leaves)


def test_a_snapshot_continues_in_another_session(path: Path, tmp_path: Path) -> None:
    first, second = Session(path), Session(path)
    first.step(ones(3))
    second.restore(first.snapshot())
    assert second.step(ones()).tolist() == first.step(ones()).tolist() == [[[16, 4]]]
    assert first.snapshot() == second.snapshot()
    other = Session(write_bundle(tmp_path / "other.edgernn", "n"))
    with pytest.raises(ShapeError, match="belongs to another model"):
        other.restore(first.snapshot())


def test_damaged_snapshots_are_refused_and_change_nothing(path: Path) -> None:
    session = Session(path)
    session.step(ones())
    data, refused = session.snapshot(), 0
    for at in range(len(data)):
        for changed in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            try:
                session.restore(changed)
            except ShapeError:
                refused += 1
            assert session.state["sum"].tolist() == [[4]]
    assert refused > len(data)


def test_the_machines_own_code_is_preferred_then_a_chip_then_onnx(
    path: Path, backend: FakeBackend
) -> None:
    taken = []
    for broken in ((), ("host",), ("host", "chip")):
        backend.broken = broken
        taken.append(Session(path).artifact["target"])
    assert taken == ["host", "chip", "any"]
    backend.broken = ("host", "chip", "any")
    with pytest.raises(ToolError, match=r"nothing in it runs here: .*host is broken.*chip is brok"):
        Session(path)


def test_one_artifact_may_be_asked_for(path: Path) -> None:
    assert Session(path, on="chip").artifact["target"] == "chip"
    with pytest.raises(UnknownName, match="'chop'; did you mean chip"):
        Session(path, on="chop")


def test_of_several_steps_one_is_named(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "two.edgernn", "encoder", "joiner")
    assert Session(path, "joiner").name == "joiner"
    with pytest.raises(BundleError, match="steps encoder, joiner: say which"):
        Session(path)
    with pytest.raises(UnknownName, match="did you mean encoder"):
        Session(path, "encodr")


def test_a_whole_stream_needs_no_torch(path: Path) -> None:
    script = (
        "import sys, pathlib, pytest, numpy\n"
        "from edgernn import Session\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import fakes\n"
        "fakes.use_fakes(pytest.MonkeyPatch())\n"
        f"session = Session({str(path)!r})\n"
        "print(session.step(numpy.ones(4)).tolist())\n"
        "heavy = {'torch', 'onnx', 'onnxscript', 'rich', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == "[[[4.0, 4.0]]]\n"
