"""Samples as they come, of any number, for a loop that takes blocks; and those of a wav file."""

from __future__ import annotations

import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import BusyError, InputError

LARGEST = 1e9
TAIL_SECONDS = 0.5  # of silence after a recording: a live stream does not end with the word
SCALES = {np.dtype(np.int16): "32768", np.dtype(np.int32): "2147483648"}

Samples = NDArray[np.float32]


class Blocks:
    """What is left of the samples until it is a block. One thread at a time."""

    def __init__(self, block: int) -> None:
        self._block, self._lock = block, threading.Lock()
        self._rest = np.empty(0, np.float32)

    def push(self, samples: ArrayLike, hear: Callable[[Samples], list[Any]]) -> list[Any]:
        """What is heard in the blocks that are whole now. Raises: InputError, BusyError."""
        taken = checked(samples)
        with self.alone():
            every = np.concatenate([self._rest, taken])
            whole = len(every) // self._block * self._block
            found = hear(every[:whole])
            self._rest = every[whole:].copy()
            return found

    def clear(self) -> None:
        """Forget what is left."""
        self._rest = np.empty(0, np.float32)

    def save(self, saver: Callable[[Samples], bytes]) -> bytes:
        """A loop's state with what is left."""
        with self.alone():
            return saver(self._rest)

    def restore(self, saved: bytes, restorer: Callable[[bytes], bytes]) -> None:
        """What is left as it was then, and the loop's state."""
        with self.alone():
            self._rest = np.frombuffer(restorer(saved), np.float32)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Raises: BusyError while another thread is within."""
        if not self._lock.acquire(blocking=False):
            raise BusyError("in use by another thread; give each thread its own")
        try:
            yield
        finally:
            self._lock.release()


def checked(samples: ArrayLike) -> Samples:
    """Mono samples as the model takes them. Raises: InputError."""
    array = np.asarray(samples)
    if array.dtype.kind != "f":
        scale = SCALES.get(array.dtype)
        mend = f": divide by {scale} first" if scale else ""
        raise InputError(f"samples of {array.dtype}; need floats in [-1, 1){mend}")
    if array.size != max(array.shape, default=1):
        raise InputError(f"samples in shape {array.shape}; need one channel, (count,)")
    with np.errstate(over="ignore"):  # what overflows is an infinity, and refused
        flat = np.ascontiguousarray(array, np.float32).reshape(-1)
    if wrong := np.flatnonzero(~(np.abs(flat) <= LARGEST)).tolist():
        raise InputError(
            f"sample {wrong[0]} of {len(flat)} is {flat[wrong[0]]}; need finite numbers up to 1e9; "
            "nothing was heard"
        )
    return flat


def read_wav(path: Path, rate_hz: int) -> Samples:
    """A recording and silence behind it; channels are averaged. Raises: InputError."""
    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as cause:
        raise InputError(f"{path}: no wav file of whole numbers: {cause}") from cause
    if rate != rate_hz:
        raise InputError(
            f"{path}: {rate} Hz; the model hears {rate_hz}. Convert it: "
            f"ffmpeg -i IN -ac 1 -ar {rate_hz} OUT.wav"
        )
    frames = _numbers(data[: len(data) // (width * channels) * width * channels], width)
    mono = frames.reshape(-1, channels).mean(axis=1, dtype=np.float64).astype(np.float32)
    return np.concatenate([mono, np.zeros(round(TAIL_SECONDS * rate), np.float32)])


def _numbers(data: bytes, width: int) -> Samples:
    """Little-endian whole numbers of so many bytes, in [-1, 1); those of one byte are unsigned."""
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / np.float32(128)
    padded = np.zeros((len(data) // width, 4), np.uint8)  # as the upper bytes of 32 bits
    padded[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    return padded.view("<i4").reshape(-1).astype(np.float32) / np.float32(2**31)
