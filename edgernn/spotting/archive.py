"""Audio archives: a zip with an index.tsv and one small clip a row, decoded once and cached.

The cache (int16 samples, memory-mapped) lies in $EDGERNN_CACHE, else $XDG_CACHE_HOME/edgernn,
else ~/.cache/edgernn; never beside the data, which may be read-only.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from edgernn.errors import DataError
from edgernn.spotting import SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Archive:
    """Decoded clips. rows: the index; clip i is samples[starts[i]:starts[i + 1]], int16."""

    rows: list[dict[str, str]]
    samples: NDArray[np.int16]
    starts: NDArray[np.int64]

    def clip(self, index: int) -> NDArray[np.int16]:
        """Samples of one row."""
        return self.samples[self.starts[index] : self.starts[index + 1]]


def cache_folder() -> Path:
    """Where decoded audio is kept."""
    chosen = os.environ.get("EDGERNN_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgernn"


def open_archive(path: Path, cache: Path | None = None, *, resample: bool = False) -> Archive:
    """Decode an archive, or map it from the cache.

    resample: bring clips of another rate to 16 kHz instead of refusing them.

    Raises: DataError if it is absent, not such a zip, or holds a clip that is not 16 kHz mono.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such archive; --data takes the directory that holds it")
    try:
        with zipfile.ZipFile(path) as archive:
            index = archive.read("index.tsv")
            reader = csv.DictReader(
                io.StringIO(index.decode()), delimiter="\t", quoting=csv.QUOTE_NONE
            )
            rows = list(reader)
            key = hashlib.sha256(index + str(path.stat().st_size).encode()).hexdigest()[:16]
            stored = (cache or cache_folder()) / f"{path.stem}-{key}.npy"
            starts_file = stored.with_suffix(".starts.npy")
            if not stored.is_file() or not starts_file.is_file():
                _decode(archive, rows, stored, starts_file, resample=resample)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as cause:
        raise DataError(f"{path}: not an archive with an index.tsv: {cause}") from cause
    return Archive(rows, np.load(stored, mmap_mode="r"), np.load(starts_file))


def _decode(
    archive: zipfile.ZipFile,
    rows: list[dict[str, str]],
    stored: Path,
    starts_file: Path,
    *,
    resample: bool,
) -> None:
    clips: list[NDArray[np.int16]] = []
    for row in rows:
        try:
            samples, rate = soundfile.read(io.BytesIO(archive.read(row["file"])), dtype="int16")
        except soundfile.LibsndfileError as cause:
            raise DataError(f"{archive.filename}: {row['file']}: not audio: {cause}") from cause
        if resample and rate != SAMPLE_RATE_HZ and samples.ndim == 1:
            samples, rate = _resampled(samples, rate), SAMPLE_RATE_HZ
        if rate != SAMPLE_RATE_HZ or samples.ndim != 1:
            channels = 1 if samples.ndim == 1 else samples.shape[1]
            raise DataError(
                f"{archive.filename}: {row['file']}: {rate} Hz, {channels} channels; "
                f"need {SAMPLE_RATE_HZ} Hz mono"
            )
        clips.append(samples)
    starts = np.cumsum([0, *(len(clip) for clip in clips)]).astype(np.int64)
    _save(starts_file, starts)
    _save(stored, np.concatenate(clips))


def _resampled(samples: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    import soxr  # here: most archives need none

    return np.asarray(soxr.resample(samples, rate, SAMPLE_RATE_HZ, quality="HQ"), np.int16)


def _save(path: Path, array: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, array)
        os.replace(temporary, path)
    except BaseException as cause:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(cause, OSError):
            raise DataError(f"{path.parent}: cache cannot be written: {cause.strerror}") from cause
        raise
