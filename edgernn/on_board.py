"""What runs on a board: one artifact, opened and stepped as it is told on stdin.

    python -m edgernn.on_board

A message is its length in 8 bytes, then an `.npz` with the arrays and one entry of JSON. Needs
numpy and the artifact's own runtime, neither torch nor onnx. `board` is the other end.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from edgernn.backend import Array, find_backend, find_runner
from edgernn.errors import EdgernnError
from edgernn.target import find_target

SAID = "said"  # the entry of JSON
LENGTH = struct.Struct("<Q")


def send(pipe: IO[bytes], said: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """One message."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(said).encode(), np.uint8)
    np.savez(buffer, **{SAID: text, **{f".{k}": v for k, v in arrays.items()}})  # type: ignore[arg-type]
    pipe.write(LENGTH.pack(buffer.tell()) + buffer.getvalue())
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """The next message; None where the other end is gone."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    data = pipe.read(length)
    if len(data) < length:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {name[1:]: stored[name] for name in stored.files if name != SAID}
        said: dict[str, Any] = json.loads(stored[SAID].tobytes())
    return said, arrays


def _answer(program: Any, said: dict[str, Any], arrays: dict[str, Array]) -> Any:
    """The program after a message, and what is told of it."""
    if said["do"] == "open":
        host = find_target("host")
        backend, main = find_backend(said["entry"]["backend"]), arrays["main"].tobytes()
        return backend.open(said["entry"], main, find_runner(host.runner), host), {}
    if said["do"] == "step":
        return program, program.step(arrays)
    if said["do"] == "state":
        return program, program.state()
    program.load_state(arrays) if said["do"] == "load" else program.reset()
    return program, {}


def main() -> None:
    """Messages in, messages out, until stdin ends."""
    program: Any = None
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # what a runtime prints is no answer
    while (message := receive(sys.stdin.buffer)) is not None:
        try:
            program, arrays = _answer(program, *message)
            said = {}
        except EdgernnError as cause:
            arrays, said = {}, {"error": str(cause)}
        send(answers, said, arrays)


if __name__ == "__main__":
    main()
