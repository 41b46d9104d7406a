"""Programs on devices: here, under QEMU, and behind an ssh that is a script of ours."""

from __future__ import annotations

import ctypes
import io
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgernn.device import find_device, talk
from edgernn.errors import DataError, EdgernnError, ToolError
from edgernn.profile.reach import unasked
from edgernn.target import find_target
from edgernn.toolchain import build_program

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="static programs are for Linux")
ECHO = """
#include "port.h"
#include "print.h"
int main(void) {
  unsigned char data[3];
  uint32_t got;
  while ((got = port_read(data, sizeof data))) print_number("got=", data[got - 1], 10, "\\n");
  return 0;
}
"""
# a machine of its own: what it is asked, `uname -m` aside, runs here
SSH = """#!/bin/sh
echo "$@" >> {log}
for last; do :; done
case "$last" in
  "uname -m") echo {machine} ;;
  *"f='"* | "rm -f "*) [ -z "$LOST" ] || exit 255; exec sh -c "$last" ;;
  *) exec sh -c "$last" ;;
esac
"""
SCRIPT = b"#!/bin/sh\nwhile read line; do echo heard $line; done\necho done >&2\nexit $CODE\n"


@pytest.mark.cc
@LINUX
@pytest.mark.parametrize("url", ["local", "qemu:aarch64", "qemu:arm:cortex-a72", "qemu:cortex-a76"])
def test_a_program_reads_and_prints(url: str, tmp_path: Path) -> None:
    if url.startswith("qemu") and shutil.which("qemu-aarch64") is None:
        pytest.skip("needs qemu-aarch64")
    device = find_device(url)
    path = build_program({"main.c": ECHO}, find_target(device.target), tmp_path, name="echo")
    assert list(device.run(path.read_bytes(), [bytes([1, 2]), bytes([3, 4, 5])])) == [
        "got=3",
        "got=5",
    ]


def test_lines_come_while_the_program_is_still_fed() -> None:
    answered = threading.Event()

    def sent() -> Iterator[bytes]:
        yield b"one\n"
        assert answered.wait(60)
        yield b"two\n"

    lines = talk(["cat"], sent(), "cat")
    assert next(lines) == "one"
    answered.set()
    assert list(lines) == ["two"]


def test_what_fails_to_be_sent_is_no_end_of_it() -> None:
    def broken() -> Iterator[bytes]:
        yield b"one\n"
        raise DataError("second block: damaged")

    lines = talk(["cat"], broken(), "cat")
    assert next(lines) == "one"
    with pytest.raises(DataError, match="second block: damaged"):
        next(lines)


def test_a_program_that_fails_is_told_by_its_last_words() -> None:
    with pytest.raises(ToolError, match=r"^me: second$"):
        list(talk(["sh", "-c", "echo first >&2; echo second >&2; exit 3"], [b"x" * 200000], "me"))
    with pytest.raises(ToolError, match=r"^me: exit code 3$"):
        list(talk(["sh", "-c", "exit 3"], [], "me"))
    with pytest.raises(ToolError, match="cannot run absent-program"):
        list(talk(["absent-program"], [], "me"))


def fake_ssh(folder: Path, machine: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Where it notes what it was asked, and where that machine keeps temporary files."""
    program, log, files = folder / "ssh", folder / "log", folder / "of board"
    program.write_text(SSH.format(machine=machine, log=log))
    program.chmod(0o755)
    files.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("TMPDIR", str(files))
    return log, files


@LINUX
def test_a_program_is_copied_by_ssh_run_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, files = fake_ssh(tmp_path, "aarch64", monkeypatch)
    monkeypatch.setenv("CODE", "0")
    device = find_device("ssh://pi@board:2222")
    assert device.target == "aarch64"
    assert list(device.run(SCRIPT, [b"a\n", b"b\n"])) == ["heard a", "heard b"]
    asked = log.read_text()
    assert asked.count("-p 2222 -l pi board ") == 3
    assert f"f='{files}/edgernn." in asked
    assert list(files.iterdir()) == []
    monkeypatch.setenv("CODE", "5")
    with pytest.raises(ToolError, match=r"^ssh://pi@board:2222: done$"):
        list(device.run(SCRIPT, []))
    assert list(files.iterdir()) == []


@LINUX
def test_a_program_that_cannot_be_removed_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, files = fake_ssh(tmp_path, "aarch64", monkeypatch)
    monkeypatch.setenv("LOST", "yes")
    with pytest.raises(ToolError) as raised:
        list(find_device("ssh://board").run(SCRIPT, []))
    (left,) = files.iterdir()
    assert str(raised.value) == f"ssh://board: no answer any more; {left} may be left there"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stdin", "asks"), [(Terminal(), True), (io.StringIO(), False)])
def test_ssh_asks_only_where_there_is_a_terminal(
    stdin: io.StringIO, asks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = fake_ssh(tmp_path, "arm64", monkeypatch)
    monkeypatch.setattr(sys, "stdin", stdin)
    find_device("ssh://board")
    assert ("BatchMode=yes" not in log.read_text()) == asks


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("serial:1", "unknown device 'serial:1'"),
        ("local:1", "this machine is called local"),
        ("qemu:riscv", "programs run on qemu:aarch64 alone"),
        ("cuda:", "cuda:: need cuda:NUMBER, as cuda:0"),
        ("cuda:x", "cuda:x: need cuda:NUMBER, as cuda:0"),
        ("ssh://", "need ssh://USER@HOST"),
        ("ssh://-oProxyCommand=x", "need ssh://USER@HOST"),
        ("ssh://board:x", "ssh://board:x: "),
        ("ssh://board", "ssh://board: is riscv64; programs run on aarch64 and arm64 alone"),
    ],
)
def test_devices_that_cannot_be_are_named(
    url: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh(tmp_path, "riscv64", monkeypatch)
    with pytest.raises(EdgernnError) as raised:
        find_device(url)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (0, "cuda:1: no GPU of NVIDIA is here: libcuda.so.1 is absent or finds none"),
        (1, "cuda:1: of GPUs, this machine has 1; the last is cuda:0"),
        (2, "cuda:1: H200 runs no programs of its own; edgernn profile measures on it"),
    ],
)
def test_a_gpu_is_asked_of_its_driver(
    found: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that stands in for NVIDIA's, which this test does not need."""

    class Driver:
        def cuInit(self, flags: int) -> int:
            return 0

        def cuDeviceGetCount(self, count: object) -> int:
            count._obj.value = found  # type: ignore[attr-defined]
            return 0

        def cuDeviceGet(self, device: object, number: int) -> int:
            return 0

        def cuDeviceGetName(self, name: ctypes.Array[ctypes.c_char], size: int, of: object) -> int:
            name.value = b"H200"
            return 0

        def cuDeviceTotalMem_v2(self, memory: object, of: object) -> int:
            memory._obj.value = 141 << 30  # type: ignore[attr-defined]
            return 0

    monkeypatch.setattr("edgernn.cuda.ctypes.CDLL", lambda name: Driver())
    listed = unasked()
    assert [url for url in listed if url.startswith("cuda:")] == [f"cuda:{n}" for n in range(found)]
    assert not found or listed["cuda:0"].startswith("H200, 141 GiB")
    with pytest.raises(ToolError) as raised:
        find_device("cuda:1")
    assert str(raised.value) == line
