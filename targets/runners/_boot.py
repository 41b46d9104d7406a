"""What a booted image reported: shared by the runners that boot one."""

from __future__ import annotations

from dataclasses import dataclass

FAULT_EXIT_CODE = 99


@dataclass(frozen=True, slots=True)
class BootReport:
    """exit_code: 0 golden, 1 other hash, 2 state refused, 99 fault. emulator: who ran it."""

    exit_code: int
    text: str
    emulator: str

    @property
    def ok(self) -> bool:
        return self.exit_code == 0
