"""Two processes that work together, as `torchrun` starts them, each within a test's reach."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def torchrun(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Two processes of `python ARGUMENTS` under torchrun itself."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)


def start_two(arguments: list[str]) -> list[subprocess.Popen[str]]:
    """Two processes of `python ARGUMENTS`, told what torchrun would tell them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    return [
        subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **told, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


def wait_for(path: Path, seconds: float = 200) -> None:
    """Until a file is there, or the time is over."""
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def said(one: subprocess.Popen[str], code: int | None = None) -> str:
    """The standard error of a process that has failed, with this exit code."""
    text = one.communicate(timeout=240)[1]
    assert one.returncode == code if code is not None else one.returncode
    return text
