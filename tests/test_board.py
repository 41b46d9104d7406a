"""Artifacts run by a board's own runtimes, behind a pipe; and by the old one of old boards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn import board
from edgernn.board import BoardProgram
from edgernn.errors import ToolError
from edgernn.exporting import export
from edgernn.parity import GREY, parity
from edgernn.runtime import Session, open_program

ROOT = Path(__file__).parents[1]
BACKENDS = {"onnx": "onnxruntime", "litert": "ai_edge_quantizer", "tvm": "tvm"}
OLD = "EDGERNN_TFLITE"  # the Python of an environment that has tflite-runtime
real = pytest.mark.skipif("EDGERNN_BOARD" not in os.environ, reason="no board; see make board")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that is this machine, in a process of its own."""
    own = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    monkeypatch.setattr(board, "command", lambda: ([sys.executable], own))


def made(tmp_path: Path, backend: str, target: str = "host") -> Session:
    pytest.importorskip(BACKENDS[backend])
    out = tmp_path / f"{backend}.edgernn"
    export("kws/tiny", target, "fp32", out, backend=backend)
    return Session(out)


def entry_of(session: Session) -> dict[str, Any]:
    return {**session.bundle.manifest["steps"]["kws"], **session.artifact}


def frames(count: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal((count, 1, 320, 1)).astype(np.float32)


@pytest.mark.cc
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stream_behind_a_pipe_is_the_stream(tmp_path: Path, backend: str) -> None:
    session = made(tmp_path, backend)
    program = BoardProgram(entry_of(session), session.bundle.read(session.artifact["main"]))
    x = frames(20)
    want = [session.program.step({"x": frame})["y"] for frame in x]
    np.testing.assert_array_equal([program.step({"x": frame})["y"] for frame in x], want)
    state = program.state()
    after = program.step({"x": x[0]})["y"]
    program.load_state(state)
    np.testing.assert_array_equal(program.step({"x": x[0]})["y"], after)
    program.reset()
    np.testing.assert_array_equal(program.step({"x": x[0]})["y"], want[0])
    with pytest.raises(ToolError, match=r"on the board: input x: need \(1, 320, 1\), got \(3,\)"):
        program.step({"x": np.zeros(3, np.float32)})
    np.testing.assert_array_equal(program.step({"x": x[1]})["y"], want[1])


@pytest.mark.usefixtures("here")
def test_a_board_that_dies_says_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = made(tmp_path, "onnx")
    main = session.bundle.read(session.artifact["main"])
    script = tmp_path / "die.py"
    script.write_text("import sys\nsys.exit('no such machine')\n")
    own = {"PATH": os.environ["PATH"]}
    monkeypatch.setattr(board, "command", lambda: ([sys.executable, str(script)], own))
    with pytest.raises(ToolError, match="the board's process ended: no such machine"):
        BoardProgram(entry_of(session), main)


def test_without_a_board_the_mend_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGERNN_BOARD", raising=False)
    with pytest.raises(ToolError, match=r"run: make board, and set EDGERNN_BOARD to its folder"):
        board.command()
    monkeypatch.setenv("EDGERNN_BOARD", str(tmp_path))
    with pytest.raises(ToolError, match=r"run: make board"):
        board.command()
    (cell,) = [
        cell
        for cell in parity(
            ["kws/tiny"], backends=["onnx"], number_types=["fp32"], targets=["aarch64"], frames=20
        )
        if cell.target == "aarch64"
    ]
    assert cell.result == GREY
    assert "make board" in cell.why


@real
@pytest.mark.slow
@pytest.mark.emulator
@pytest.mark.cc
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_bundle_runs_on_the_stand_in_board(tmp_path: Path, backend: str) -> None:
    session = made(tmp_path, backend, "aarch64")
    artifact = session.bundle.manifest["steps"]["kws"]["artifacts"][0]
    program = open_program(session.bundle, {**artifact, "target": "aarch64"}, "kws")
    assert isinstance(program, BoardProgram)
    x = frames(10)
    want = [session.program.step({"x": frame})["y"] for frame in x]
    got = [program.step({"x": frame})["y"] for frame in x]
    np.testing.assert_allclose(got, want, atol=2e-4)


RUN = """
import io, sys, zipfile
import numpy as np
from edgernn.runtime import Session
golden = np.load(io.BytesIO(zipfile.ZipFile(sys.argv[1]).read("kws/golden.npz")))
session = Session(sys.argv[1])
got = np.stack([session.step(frame) for frame in golden["in.x"]])
print(np.__version__, np.abs(got - golden["torch.y"]).max())
"""


@pytest.mark.skipif(OLD not in os.environ, reason="no tflite-runtime; see make test-backends")
def test_tflite_runtime_runs_floats_and_refuses_the_rest(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_quantizer")

    def run(number_type: str) -> subprocess.CompletedProcess[str]:
        out = tmp_path / f"{number_type}.edgernn"
        export("kws/tiny", "host", number_type, out, backend="litert")
        line = [os.environ[OLD], "-c", RUN, str(out)]
        return subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT)

    done = run("fp32")
    version, worst = done.stdout.split()
    assert version.startswith("1.")
    assert float(worst) < 1e-4
    for number_type in ("int8-dynamic", "int8", "int4"):
        refused = run(number_type)
        assert refused.returncode == 1
        assert f"tflite-runtime takes {number_type} models" in refused.stderr
