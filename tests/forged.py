"""Saved states that somebody made up: the checksum holds, what is behind it may not."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

import numpy as np

HEAD, CRC = 48, 36  # bytes of the head, and where in it the checksum lies
OK, BAD_MEMORY, BAD_INPUT, BAD_STATE, OTHER_MODEL, OTHER_VERSION, CLOSED, NO_STEP, OTHER_OPTIONS = (
    range(0, -9, -1)
)


def sealed(saved: bytes) -> bytes:
    """With the checksum that it should have."""
    sum_ = binascii.crc32(saved[:CRC] + saved[CRC + 4 :])
    return saved[:CRC] + sum_.to_bytes(4, "little") + saved[CRC + 4 :]


def damaged(saved: bytes, step: int = 1) -> Iterator[bytes]:
    """Every byte, or every so many, changed by a bit; cut short, and longer."""
    for at in range(0, len(saved), step):
        yield saved[:at] + bytes([saved[at] ^ 1 << at % 8]) + saved[at + 1 :]
    yield from (b"", saved[: HEAD - 1], saved[:HEAD], saved[:-1], saved + bytes(1))


def forged(saved: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Words behind the head in the place of others, small and huge, under a checksum that holds."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        made = bytearray(saved)
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(HEAD, len(saved) - 4))
            word = int(rng.choice([0, 1, 2, 255, 65535, 0x7FFFFFFF, 0xFFFFFFFF, rng.integers(80)]))
            size = int(rng.choice([1, 2, 4]))
            made[at : at + size] = (word & (1 << 8 * size) - 1).to_bytes(size, "little")
        yield sealed(bytes(made))
