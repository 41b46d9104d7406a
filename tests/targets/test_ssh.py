"""Programs behind ssh: a real OpenSSH server and client, with keys of their own."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from click.testing import CliRunner

from edgernn.bundle import open_bundle
from edgernn.cli import group
from edgernn.device import find_device
from edgernn.errors import ToolError
from edgernn.exporting import export
from edgernn.model import find_model
from edgernn.profile.device import on_device
from edgernn.target import find_target
from edgernn.targets.devices import ssh
from edgernn.toolchain import build_program
from tests.sshd import WAIT_SECONDS, Board, make_key, real, serving, user, wait_for

pytestmark = [pytest.mark.cc, real]
ECHO = """
#include "port.h"
#include "print.h"
int main(void) {
  unsigned char data[3];
  uint32_t got;
  while ((got = port_read(data, sizeof data))) {
    if (data[0] == 99) return 7;
    print_number("got=", data[got - 1], 10, "\\n");
  }
  return 0;
}
"""


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    with serving(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Prints the last byte of every three, as they come; fails at a 99."""
    folder = tmp_path_factory.mktemp("echo")
    return build_program({"main.c": ECHO}, find_target("aarch64"), folder, name="e").read_bytes()


def fed(queue: Queue[bytes]) -> Iterator[bytes]:
    """What is put into a queue, as it comes; nothing ends it."""
    return iter(lambda: queue.get(timeout=WAIT_SECONDS), b"")


def begun(board: Board, program: bytes) -> tuple[Iterator[str], Queue[bytes]]:
    """A program that has been given something and has answered, and what it is fed from."""
    sent = Queue[bytes]()
    lines = find_device(board.url).run(program, fed(sent))
    sent.put(b"abc")
    assert next(lines) == f"got={ord('c')}"
    return lines, sent


def test_lines_come_as_the_program_is_fed(board: Board, program: bytes) -> None:
    device, sent = find_device(board.url), Queue[bytes]()
    assert device.target == "aarch64"
    lines = device.run(program, fed(sent))
    for last in range(3):
        sent.put(bytes([1, 2, last]))
        assert next(lines) == f"got={last}"
        assert len(board.files()) == 1
    sent.put(b"")
    assert list(lines) == []
    assert board.files() == []


def test_a_program_that_fails_is_told_of_and_removed(board: Board, program: bytes) -> None:
    device = find_device(board.url)
    lines = device.run(program, [b"abz", b"cab"])
    assert next(lines) == f"got={ord('z')}"
    with pytest.raises(ToolError, match=f"^{board.url}: exit code 7$"):
        list(lines)
    assert board.files() == []
    with pytest.raises(ToolError, match=f"^{board.url}: .*"):
        list(device.run(b"\x7fELF but no program", []))
    assert board.files() == []


def test_lines_that_nobody_wants_any_more_leave_nothing_behind(
    board: Board, program: bytes
) -> None:
    lines, sent = begun(board, program)
    sent.put(b"")
    lines.close()  # type: ignore[attr-defined]
    wait_for(lambda: board.files() == [])


def test_a_connection_that_breaks_is_told_of_and_leaves_nothing_behind(
    board: Board, program: bytes
) -> None:
    lines, sent = begun(board, program)
    board.signal_sessions(signal.SIGKILL)
    sent.put(b"")
    with pytest.raises(
        ToolError, match=f"^{board.url}: .*(closed by remote|reset by peer|Broken pipe)"
    ):
        list(lines)
    wait_for(lambda: board.files() == [])


def test_a_copying_that_breaks_leaves_nothing_behind(board: Board) -> None:
    def kill() -> None:
        wait_for(lambda: board.files() != [])
        board.signal_sessions(signal.SIGKILL)

    device, killer = find_device(board.url), threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ToolError, match=f"^{board.url}: "):
        list(device.run(bytes(1 << 28), []))
    killer.join()
    wait_for(lambda: board.files() == [])


def test_a_machine_that_falls_silent_is_told_of(
    board: Board, program: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "ALIVE_SECONDS", 1)
    lines, sent = begun(board, program)
    board.signal_sessions(signal.SIGSTOP)
    sent.put(b"")
    with pytest.raises(ToolError, match=f"^{board.url}: no answer any more$"):
        list(lines)
    board.signal_sessions(signal.SIGKILL)
    wait_for(lambda: board.files() == [])


def refused(board: Board) -> str:
    with pytest.raises(ToolError) as raised:
        find_device(board.url)
    said, _, mend = str(raised.value).removeprefix(f"{board.url}: ").partition("; first make ")
    assert mend == f"this work: ssh {board.place} uname -m"
    return said


@pytest.mark.parametrize("known", ["none", "another"])
def test_a_host_key_that_is_not_the_known_one_is_refused(board: Board, known: str) -> None:
    other = make_key(board.folder / "other") if known == "another" else ""
    (board.folder / "known").write_text(other and f"[127.0.0.1]:{board.port} {other}")
    assert refused(board) == "Host key verification failed."
    assert (board.folder / "known").read_text().count("\n") == bool(other)


def test_a_key_that_the_board_does_not_know_is_refused_without_a_question(board: Board) -> None:
    key = board.folder / "user.pub"
    known = key.read_text()
    make_key(board.folder / "user")
    key.write_text(known)
    assert refused(board) == f"{user()}@127.0.0.1: Permission denied (publickey)."


def test_a_port_where_nobody_listens_is_named(board: Board) -> None:
    board.process.terminate()
    board.process.wait()
    said = f"ssh: connect to host 127.0.0.1 port {board.port}: Connection refused"
    assert refused(board) == said


@pytest.mark.slow
def test_a_recording_is_heard_behind_ssh(board: Board, tmp_path: Path) -> None:
    """The command, with a shipped recogniser; what it hears is what its steps hear here."""
    path, clip = tmp_path / "asr.edgernn", find_model("asr/small").clips()[-3]
    export("asr/small", "aarch64", "w8a8", path)
    made = [
        CliRunner().invoke(group, ["transcribe", str(path), str(clip), "--json", *where])
        for where in ((), ("--device", board.url))
    ]
    assert [one.exit_code for one in made] == [0, 0], made[1].output
    here, there = (json.loads(one.stdout) for one in made)
    assert there["words"] == here["words"] != []
    assert (there["on"], there["device"]) == ("aarch64", board.url)
    assert board.files() == []


@pytest.mark.slow
def test_a_step_is_measured_behind_ssh_and_nothing_stays_there(
    board: Board, tmp_path: Path
) -> None:
    """By the command, which says what the board is; an emulated Cortex-A stands in for it."""
    path, out = tmp_path / "kws.edgernn", tmp_path / "report.html"
    export("kws/tiny", "aarch64", "w8a8", path)
    words = ["profile", str(path), "--device", board.url, "--seconds", "0.1"]
    told = CliRunner().invoke(group, [*words, "--json", "--html", str(out)])
    assert told.exit_code == 0, told.output
    (profile,) = json.loads(told.stdout)["profiles"]
    assert profile["devices"] == [], "an emulator's times are not told"
    (row,) = profile["chips"]
    assert (row["device"], row["number_type"]) == (board.url, "w8a8")
    assert row["count"]["mean"] > 1000
    assert {"linear", "y"} & {name.partition(":")[0] for name in row["by_node"]}
    assert f"{board.url} is emulated" in out.read_text()
    assert board.files() == []
    (timed,) = on_device([(open_bundle(path), "kws")], board.url, 0.1)
    assert timed is not None
    assert (timed.device, timed.about.emulated, len(timed.rounds_us)) == (board.url, True, 11)
    assert 0 < timed.p50_us <= timed.p99_us
    assert len(timed.paces_us) == 11
    assert {"linear", "y"} & {name.partition(":")[0] for name in timed.nodes_us}
    assert timed.about.system.startswith("Linux ")
    assert board.files() == []
    found = CliRunner().invoke(group, ["devices", board.url])
    assert found.exit_code == 0
    assert "Linux" in found.stdout
    assert board.files() == []


@pytest.mark.slow
def test_a_measurement_that_is_cut_off_is_told_and_leaves_nothing(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kws.edgernn"
    export("kws/tiny", "aarch64", "w8a8", path)
    cut = threading.Timer(2.0, lambda: board.signal_sessions(signal.SIGKILL))
    monkeypatch.setattr("edgernn.profile.program.TRIED", 20_000)
    monkeypatch.setattr("edgernn.profile.device.about", lambda device: cut.start())
    words = ["profile", str(path), "--device", board.url, "--seconds", "60"]
    told = CliRunner().invoke(group, words, prog_name="edgernn")
    cut.cancel()
    assert told.exit_code == 2, told.output
    assert board.url in told.stderr
    wait_for(lambda: board.files() == [])
