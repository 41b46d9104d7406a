"""The few words of the GDB remote protocol that a module under QEMU needs.

Protocol: GDB manual, appendix E. Packets `$data#checksum`; memory in hexadecimal, at most
PACKET_BYTES a time. QEMU takes the next packet as the acknowledgement of its answer, and knows
single registers only once the description of the machine has been asked for.
"""

from __future__ import annotations

import select
import subprocess
import time
from pathlib import Path

from edgernn.errors import ToolError

PACKET_BYTES = 1024
ARM_SP, ARM_LR, ARM_PC = 13, 14, 15
ANSWER_SECONDS = 60


class GdbLink:
    """A machine that is stopped, over the pipes of its process."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self._process, self._errors = process, errors
        self._buffer = b""
        self._ask("qSupported:xmlRegisters=arm")
        self._ask("qXfer:features:read:target.xml:0,ffb")

    def close(self) -> None:
        """End the machine in good order, so that its plugins can write their results."""
        if self._process.poll() is None:
            try:
                self._send("k")
                self._process.wait(timeout=5)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def read(self, address: int, nbytes: int) -> bytes:
        data = b""
        while len(data) < nbytes:
            part = min(PACKET_BYTES, nbytes - len(data))
            answer = self._ask(f"m{address + len(data):x},{part:x}")
            if answer.startswith("E") or not answer:
                raise ToolError(f"no memory to read at {address + len(data):#x}")
            data += bytes.fromhex(answer)
        return data

    def write(self, address: int, data: bytes) -> None:
        for at in range(0, len(data), PACKET_BYTES):
            part = data[at : at + PACKET_BYTES]
            if self._ask(f"M{address + at:x},{len(part):x}:{part.hex()}") != "OK":
                raise ToolError(f"no memory to write at {address + at:#x}")

    def register(self, number: int) -> int:
        return int.from_bytes(bytes.fromhex(self._ask(f"p{number:x}")), "little")

    def set_register(self, number: int, value: int) -> None:
        text = (value & 0xFFFFFFFF).to_bytes(4, "little").hex()
        if self._ask(f"P{number:x}={text}") != "OK":
            raise ToolError(f"register {number} cannot be set")

    def run_until(self, address: int, seconds: float) -> int:
        """Go on until this address is about to execute; gives the address that was reached."""
        where = f"{address & ~1:x},2"
        self._ask(f"Z1,{where}")
        try:
            self._ask("c", seconds=seconds)
            return self.register(ARM_PC)
        finally:
            if self._process.poll() is None:
                self._ask(f"z1,{where}")

    def _ask(self, text: str, *, seconds: float = ANSWER_SECONDS) -> str:
        self._send(text)
        return self._receive(time.monotonic() + seconds, text)

    def _send(self, text: str) -> None:
        data = text.encode("ascii")
        packet = b"$" + data + b"#%02x" % (sum(data) & 0xFF)
        try:
            assert self._process.stdin
            self._process.stdin.write(packet)
            self._process.stdin.flush()
        except OSError as error:
            raise ToolError(f"the emulator has ended: {self._last_words()}") from error

    def _receive(self, deadline: float, asked: str) -> str:
        stream = self._process.stdout
        assert stream
        while True:
            start = self._buffer.find(b"$")
            end = self._buffer.find(b"#", start)
            if start >= 0 and end >= 0 and len(self._buffer) >= end + 3:
                packet, self._buffer = self._buffer[start + 1 : end], self._buffer[end + 3 :]
                return packet.decode("ascii", errors="replace")
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise ToolError(f"the emulator gives no answer to {asked[:20]!r}")
            more = stream.read1(65536)  # type: ignore[attr-defined]
            if not more:
                raise ToolError(f"the emulator has ended: {self._last_words()}")
            self._buffer += more

    def _last_words(self) -> str:
        lines = self._errors.read_text(errors="replace").strip().splitlines()
        return lines[0] if lines else f"exit code {self._process.poll()}"
