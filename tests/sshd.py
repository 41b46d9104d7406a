"""A board behind ssh: a real OpenSSH server on the loopback address, with keys of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
NEEDED = {"sshd": SSHD, **{name: shutil.which(name) for name in ("ssh", "ssh-keygen")}}
ABSENT = [name for name in (*NEEDED, "qemu-aarch64") if not NEEDED.get(name, shutil.which(name))]
real = pytest.mark.skipif(
    bool(ABSENT),
    reason=f"needs {', '.join(ABSENT)}; run: apt-get install openssh-server qemu-user",
)
WAIT_SECONDS = 60
SERVER = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/server
AuthorizedKeysFile {folder}/user.pub
PidFile {folder}/pid
ForceCommand {folder}/board
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""
CLIENT = """
IdentityFile {folder}/user
IdentitiesOnly yes
UserKnownHostsFile {folder}/known
GlobalKnownHostsFile none
"""
BOARD = """#!/bin/sh
export TMPDIR='{folder}/of board' HOME='{folder}/home of board' PATH="{folder}/bin:$PATH"
exec sh -c "$(printf %s "$SSH_ORIGINAL_COMMAND" | sed '$s/"$f"$/on-the-board "$f"/')"
"""


@dataclass(frozen=True, slots=True)
class Board:
    """A running server. files: what lies in its folder for temporary files."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"ssh://{user()}@127.0.0.1:{self.port}"

    @property
    def place(self) -> str:
        return f"-p {self.port} -l {user()} 127.0.0.1"

    def files(self) -> list[Path]:
        return [*(self.folder / "of board").iterdir(), *(self.folder / "home of board").iterdir()]

    def runs_by(self, command: str) -> Path:
        """Programs run by this from here on; gives where their paths are noted."""
        log = self.folder / "run"
        text = f'#!/bin/sh\necho "$1" >> {log}\nexec {command} "$@"\n'
        script(self.folder / "bin/on-the-board", text)
        return log

    def signal_sessions(self, number: int) -> None:
        """Send a signal to every session, and to nothing that it runs."""
        pid = self.process.pid
        for session in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(session), number)


def user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def make_key(path: Path) -> str:
    """A new pair. Gives the public one."""
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.with_suffix(".pub").read_text()


def serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it gives up its rights there
    (folder / "sshd_config").write_text(SERVER.format(folder=folder, port=port))
    command = [str(SSHD), "-D", "-E", folder / "log", "-f", folder / "sshd_config"]
    process = subprocess.Popen(command)
    wait_for(lambda: (folder / "pid").exists() or process.poll() is not None)
    assert process.poll() is None, (folder / "log").read_text()
    return process


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """A real sshd on 127.0.0.1 and, first on PATH, the real ssh with a configuration of its own.

    Keys and host keys are checked as ever. One thing stands in for the board: this machine is no
    64-bit ARM, so the server's ForceCommand has `uname` say aarch64, and has qemu-aarch64 run the
    program that was pushed. All else that is asked is run by this machine's shell as it came.
    """
    port = free_port()
    make_key(folder / "user")
    (folder / "known").write_text(f"[127.0.0.1]:{port} {make_key(folder / 'server')}")
    (folder / "config").write_text(CLIENT.format(folder=folder))
    for name in ("of board", "home of board"):
        (folder / name).mkdir()
    script(folder / "board", BOARD.format(folder=folder))
    script(folder / "bin/on-the-board", '#!/bin/sh\nexec qemu-aarch64 "$@"\n')
    script(folder / "bin/uname", "#!/bin/sh\necho aarch64\n")
    client = f'#!/bin/sh\nexec {NEEDED["ssh"]} -F {folder}/config "$@"\n'
    script(folder / "client/ssh", client)
    monkeypatch.setenv("PATH", f"{folder}/client", prepend=os.pathsep)
    made = Board(folder, port, serve(folder, port))
    yield made
    if made.process.poll() is None:
        made.signal_sessions(signal.SIGKILL)
    made.process.terminate()
    made.process.wait()
