"""Artifacts of other runtimes, measured by the Python that a device has; a line where it lacks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgernn.bundle import Bundle, open_bundle
from edgernn.device import find_device
from edgernn.errors import DataError, ToolError
from edgernn.exporting import export
from edgernn.profile.runtimes import RuntimeMeasuring, measured_row
from tests.sshd import Board, real, script, serving

NEEDS = {"onnx": "onnxruntime", "litert": "ai_edge_quantizer", "tvm": "tvm"}
# programs of the board run under an emulator, but what is written in Python by its Python
EITHER = """#!/bin/sh
case "$(head -c 2 "$1")" in "#!") exec "$@" ;; *) exec qemu-aarch64 "$@" ;; esac
"""
BARE = f"""#!/bin/sh
exec {sys.executable} -I -S "$@"
"""
Make = Callable[[str], Bundle]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    made: dict[str, Bundle] = {}

    def one(backend: str) -> Bundle:
        pytest.importorskip(NEEDS[backend])
        if backend not in made:
            path = tmp_path_factory.mktemp(backend) / f"{backend}.edgernn"
            export("kws/tiny", "host", "fp32", path, backend=backend)
            made[backend] = open_bundle(path)
        return made[backend]

    return one


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    with serving(tmp_path, monkeypatch) as made:
        script(made.folder / "bin/on-the-board", EITHER)
        script(made.folder / "bin/python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        yield made
        assert made.files() == []


@pytest.mark.slow
@pytest.mark.cc
@pytest.mark.parametrize("backend", NEEDS)
def test_it_is_timed_here_in_a_process_of_its_own(make: Make, backend: str) -> None:
    one = RuntimeMeasuring(find_device("local"), make(backend), "kws", 0.1)
    one.run(2)
    timed = one.result()
    assert timed.rounds.shape == (2, one.steps)
    assert (timed.rounds > 1000).all(), "nanoseconds, of a call from Python"
    assert timed.first > np.median(timed.rounds)
    assert timed.core in os.sched_getaffinity(0)
    assert timed.memory_bytes is not None
    assert timed.memory_bytes > 1_000_000, "the runtime's own"


@pytest.mark.slow
@pytest.mark.cc
@real
def test_onnx_is_timed_behind_ssh_and_nothing_stays_there(board: Board, make: Make) -> None:
    one = RuntimeMeasuring(find_device(board.url), make("onnx"), "kws", 0.1)
    one.run(1)
    assert (one.result().rounds > 1000).all()


@pytest.mark.slow
@pytest.mark.cc
@real
def test_a_python_without_the_runtime_or_numpy_is_told(board: Board, make: Make) -> None:
    bundle, device = make("onnx"), find_device(board.url)
    script(board.folder / "bin/python3", BARE)
    with pytest.raises(ToolError, match=r"Python there cannot run artifacts: .*'numpy'"):
        RuntimeMeasuring(device, bundle, "kws", 0.1)
    hidden = board.folder / "hidden"  # it has numpy, and an onnxruntime that is not one
    hidden.mkdir()
    (hidden / "onnxruntime.py").write_text("raise ImportError('No module named onnxruntime')\n")
    text = f'#!/bin/sh\nPYTHONPATH={hidden} exec {sys.executable} "$@"\n'
    script(board.folder / "bin/python3", text)
    with pytest.raises(ToolError) as raised:
        RuntimeMeasuring(device, bundle, "kws", 0.1)
    assert str(raised.value) == (
        f"{board.url}: the Python there does not run onnx, by onnxruntime: "
        "No module named onnxruntime"
    )


@pytest.mark.cc
def test_c_comes_first_and_is_asked_for_by_its_target(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "c.edgernn"
    export("kws/tiny", "host", "fp32", path)
    both = open_bundle(path)
    assert measured_row(both, "kws", "host")["backend"] == "c"
    with pytest.raises(DataError, match="export it with --target aarch64"):
        measured_row(both, "kws", "aarch64")
    assert measured_row(make("onnx"), "kws", "aarch64")["backend"] == "onnx"
