"""Read a recording as the mono float samples that a model hears."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import DataError

MAX_SECONDS = 24 * 3600
TAIL_SECONDS = 0.5  # of silence after a recording: a live stream does not end with the word


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono samples in [-1, 1), float32, with what was done to them on the way."""

    samples: NDArray[np.float32]
    rate_hz: int
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.samples) / self.rate_hz

    def blocks(self, block: int) -> NDArray[np.float32]:
        """All of it and the silence after it, (N, block); zeros fill the last block."""
        needed = len(self.samples) + round(TAIL_SECONDS * self.rate_hz)
        padded = np.zeros(-(-needed // block) * block, np.float32)
        padded[: len(self.samples)] = self.samples
        return padded.reshape(-1, block)


def read_audio(path: Path | str, rate_hz: int) -> Audio:
    """Read wav, flac, ogg or mp3 at `rate_hz`.

    Several channels are averaged and another rate is resampled; `notes` then says so.

    Raises: DataError if the file is absent, empty, truncated, not audio, or holds a NaN.
    """
    import soundfile  # here, so that a program without audio files does not load its library

    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: {'is not a regular file' if path.exists() else 'no such file'}")
    size = path.stat().st_size
    if size == 0:
        raise DataError(f"{path}: is empty")
    try:
        with soundfile.SoundFile(str(path)) as file:
            rate, channels, frames = file.samplerate, file.channels, file.frames
            if frames > MAX_SECONDS * rate:
                raise DataError(f"{path}: {frames / rate / 3600:.1f} hours; split it, at most 24")
            samples = file.read(dtype="float32", always_2d=True)
            sample_bytes = _PCM_BYTES.get(file.subtype, 0) if file.format in _RIFF else 0
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as cause:
        if isinstance(cause, DataError):
            raise
        reason = str(getattr(cause, "error_string", cause)).rstrip(".")
        raise DataError(f"{path}: is not audio that can be read ({reason})") from cause
    if len(samples) == 0:
        raise DataError(f"{path}: holds no samples")
    if len(samples) < frames or _cut_short(path, size, sample_bytes):
        raise DataError(f"{path}: is truncated after {len(samples):,} samples")
    if not np.isfinite(samples).all():
        raise DataError(f"{path}: holds a NaN or an infinity")
    return _fitted(samples, rate, channels, rate_hz)


_RIFF = ("WAV", "WAVEX")
_PCM_BYTES = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}


def _cut_short(path: Path, size: int, sample_bytes: int) -> bool:
    """Whether a wav says that it has more data than it has; libsndfile overlooks it.

    A size of 0 or of all ones is what a recorder that writes to a pipe leaves: accepted.
    """
    if not sample_bytes:
        return False
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            length = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                return length < 0xFFFFFF00 and file.tell() + length > size
            file.seek(length + length % 2, 1)
    return False


def _fitted(samples: NDArray[np.float32], rate: int, channels: int, rate_hz: int) -> Audio:
    """Mono, at the rate asked for."""
    notes = []
    mono = samples[:, 0]
    if channels > 1:
        mono = samples.mean(axis=1, dtype=np.float32)
        notes.append(f"{channels} channels averaged to one")
    if rate != rate_hz:
        import soxr

        mono = soxr.resample(mono, rate, rate_hz, quality="HQ")
        notes.append(f"resampled from {rate:,} to {rate_hz:,} Hz")
    return Audio(np.ascontiguousarray(mono, np.float32), rate_hz, tuple(notes))
