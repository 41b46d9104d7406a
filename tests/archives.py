"""Archives of made-up clips, as the spotters' data directories hold them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000


def tone(hz: float, seconds: float, seed: int) -> np.ndarray:
    """A tone from 0.3 to 0.7 s over faint noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    wave = np.where((t > 0.3) & (t < 0.7), np.sin(2 * np.pi * hz * t), 0) * 8000
    return (wave + np.random.default_rng(seed).normal(0, 20, len(t))).astype(np.int16)


def make_archive(
    path: Path,
    rows: list[dict[str, str]],
    rate: int = RATE,
    sounds: Sequence[np.ndarray] | None = None,
) -> None:
    """An index and a sound a row: else a tone, of one second where rows have a label, or three."""
    with zipfile.ZipFile(path, "w") as archive:
        lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
        archive.writestr("index.tsv", "\n".join(lines) + "\n")
        for i, row in enumerate(rows):
            buffer = io.BytesIO()
            seconds = 1.0 if "label" in row else 3.0
            sound = tone(300 + 40 * i, seconds, i) if sounds is None else sounds[i]
            soundfile.write(buffer, sound, rate, format="FLAC")
            archive.writestr(row["file"], buffer.getvalue())
