"""What goes wrong on a board behind ssh: one line that says it, and nothing left there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgernn.bundle import Bundle, open_bundle
from edgernn.cli import group
from edgernn.device import find_device
from edgernn.errors import ToolError
from edgernn.exporting import export
from edgernn.profile import program
from edgernn.profile.device import on_device
from edgernn.profile.program import Measuring
from edgernn.target import find_target
from edgernn.toolchain import build_program
from tests.sshd import Board, real, serving, wait_for

pytestmark = [pytest.mark.cc, pytest.mark.emulator, real]
SDOT = """
#include "port.h"
int main(void) {
  __asm__ volatile(".inst 0x4e809400" ::: "v0"); /* sdot v0.4s, v0.16b, v0.16b */
  port_write("has it\\n");
  return 0;
}
"""


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    with serving(tmp_path, monkeypatch) as made:
        yield made
        assert made.files() == []


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("boards") / "tiny.edgernn"
    export("kws/tiny", "aarch64", "w8a8", path)
    return open_bundle(path)


@pytest.fixture
def mounted(board: Board) -> Iterator[Any]:
    """mounted(options) puts a small file system where the board keeps temporary files."""
    places: list[Path] = []

    def mount(folder: str, options: str) -> None:
        place = board.folder / folder
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"may not mount: {done.stderr.strip()}")
        places.append(place)

    yield mount
    left = [path for place in places for path in place.iterdir()]
    for place in places:
        subprocess.run(["umount", str(place)], check=True)
    assert left == []


def refused(bundle: Bundle, url: str) -> str:
    """The one line of a profile that cannot be taken."""
    words = ["profile", str(bundle.path), "--device", url, "--seconds", "0.1"]
    told: Result = CliRunner().invoke(group, words, prog_name="edgernn")
    assert told.exit_code == 2, told.output
    (line,) = [one for one in told.stderr.splitlines() if one.startswith("error: ")]
    return line.removeprefix("error: ")


def test_a_folder_that_runs_no_programs_is_not_used(
    board: Board, bundle: Bundle, mounted: Any
) -> None:
    mounted("of board", "noexec")
    ran = board.runs_by("qemu-aarch64")
    Measuring(find_device(board.url), bundle, "kws", 0.1)
    (path,) = ran.read_text().splitlines()
    assert path.startswith(f"{board.folder}/home of board/edgernn.")


def test_where_no_folder_runs_programs_they_are_named(
    board: Board, bundle: Bundle, mounted: Any
) -> None:
    mounted("of board", "noexec")
    mounted("home of board", "noexec")
    assert refused(bundle, board.url) == (
        f"{board.url}: no folder there holds a program and runs it: "
        f"{board.folder}/of board, {board.folder}/home of board"
    )


def test_a_full_disk_is_told_with_what_is_needed(
    board: Board, bundle: Bundle, mounted: Any
) -> None:
    mounted("of board", "size=8k")
    line = refused(bundle, board.url)
    assert line.startswith(f"{board.url}: ")
    assert "No space left on device: the program takes " in line


def test_what_was_measured_before_the_board_was_lost_is_kept(
    board: Board, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = program.read, list[str]()

    def cut(lines: Iterable[str], steps: int, rounds: int, labels: Any = ()) -> Any:
        def until_lost() -> Iterator[str]:
            for line in lines:
                yield line
                if line == "round":
                    seen.append(line)
                    if len(seen) == 4:  # a trial, then rounds
                        board.signal_sessions(signal.SIGKILL)
                        board.process.terminate()
                        board.process.wait()

        return read(until_lost(), steps, rounds, labels)

    monkeypatch.setattr(program, "read", cut)
    (found,) = on_device([(bundle, "kws")], board.url, 0.1)
    assert found is not None
    count = len(found.rounds_us)
    assert count in (2, 3), "the third was on its way"
    assert found.partial is not None
    assert found.partial.startswith(f"{count} of 11 rounds, then {board.url}: ")
    assert found.p50_us > 0
    assert found.nodes_us == {}
    wait_for(lambda: board.files() == [])


def test_ctrl_c_removes_what_was_sent(board: Board, bundle: Bundle) -> None:
    ran = board.runs_by("qemu-aarch64")
    words = ["profile", str(bundle.path), "--device", board.url, "--seconds", "20"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgernn", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(
        lambda: ran.exists() and len(ran.read_text().splitlines()) >= 3
    )  # of what it is, tried
    wait_for(lambda: len(board.files()) == 1)
    time.sleep(0.5)  # in the middle of a round
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert board.files() == [], "gone before the command ends"


def test_another_machine_is_named(board: Board, bundle: Bundle) -> None:
    (board.folder / "bin/uname").write_text("#!/bin/sh\necho armv7l\n")
    assert refused(bundle, board.url) == (
        f"{board.url}: is armv7l; programs run on aarch64 and arm64 alone"
    )


def test_a_host_that_no_name_server_knows_is_named(bundle: Bundle, board: Board) -> None:
    url = "ssh://pi@board.invalid"
    line = refused(bundle, url)
    assert line.startswith(f"{url}: ssh: Could not resolve hostname board.invalid: ")
    assert line.endswith("; first make this work: ssh -l pi board.invalid uname -m")


def test_a_core_without_dotprod_runs_other_kernels(board: Board, bundle: Bundle) -> None:
    """A program that has the instruction ends by it there, and that is what is told."""
    board.runs_by("qemu-aarch64 -cpu cortex-a72")
    Measuring(find_device(board.url), bundle, "kws", 0.1)
    folder = board.folder / "sdot"
    built = build_program({"main.c": SDOT}, find_target("aarch64"), folder, name="sdot")
    device = find_device(board.url)
    with pytest.raises(ToolError) as raised:
        list(device.run(built.read_bytes(), []))
    assert str(raised.value).startswith(f"{board.url}: Illegal instruction")
    assert str(raised.value).endswith(": the CPU there lacks one of the program's")
    board.runs_by("qemu-aarch64 -cpu cortex-a76")
    assert list(device.run(built.read_bytes(), [])) == ["has it"]
