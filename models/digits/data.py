"""FSDD: people say the digits, one a recording; strings of them are joined here.

`--data` is a directory with fsdd_digits_8k.zip (the Free Spoken Digit Dataset), brought to 16 kHz.
`test` are its official test recordings: takes 0 to 4 of each digit and speaker. `val` are takes 5
to 9, `train` the others. So every speaker is heard in all three, no recording in two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgernn.errors import DataError
from edgernn.models.digits import SAMPLE_RATE_HZ, WORDS
from edgernn.spotting.archive import open_archive
from edgernn.spotting.sound import Samples, Wave, hiss, to_float

FSDD = "fsdd_digits_8k.zip"
COLUMNS = ("digit", "speaker", "take", "split")
VALIDATION = range(5, 10)  # takes
LEAST, MOST = 3, 7  # digits in a string
PAUSE = (0.05, 0.5)  # seconds between digits
AROUND = (0.2, 0.5)  # seconds before the first
TAIL_SECONDS = 0.5  # behind the last
STRINGS = {"val": 100, "test": 300}


@dataclass(frozen=True, slots=True)
class Clip:
    """One digit, spoken once. audio: 16 kHz int16."""

    file: str
    digit: int
    speaker: str
    audio: Samples


@dataclass(frozen=True, slots=True)
class Spoken:
    """A string of digits. audio: 16 kHz float32; files: of what it was joined."""

    text: str
    speaker: str
    audio: Wave
    files: tuple[str, ...]


def load_clips(data: Path, split: str) -> list[Clip]:
    """The recordings of `train`, `val` or `test`. Raises: DataError."""
    archive = open_archive(data / FSDD, resample=True)
    clips = []
    for i, row in enumerate(archive.rows):
        if missing := [name for name in COLUMNS if not row.get(name)]:
            raise DataError(f"{data / FSDD}: {row['file']}: no {', '.join(missing)} in its row")
        if row["digit"] not in map(str, range(len(WORDS))) or not row["take"].isdecimal():
            where = f"digit {row['digit']!r}, take {row['take']!r}"
            raise DataError(f"{data / FSDD}: {row['file']}: {where}; need 0 to 9, and a number")
        if _split(row) == split:
            clips.append(Clip(row["file"], int(row["digit"]), row["speaker"], archive.clip(i)))
    if not clips:
        raise DataError(f"{data / FSDD}: no recordings of the split {split}")
    return clips


def _split(row: dict[str, str]) -> str:
    if row["split"] == "test":
        return "test"
    return "val" if int(row["take"]) in VALIDATION else "train"


def by_speaker(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """The recordings of each."""
    found: dict[str, list[Clip]] = {}
    for clip in clips:
        found.setdefault(clip.speaker, []).append(clip)
    return found


def joined(waves: Sequence[Wave], pauses: Sequence[float], around: float, tail: float) -> Wave:
    """Recordings one after the other, with these seconds of nothing between and around them."""
    parts = [_nothing(around)]
    for wave, pause in zip(waves, [*pauses, tail], strict=True):
        parts += [wave, _nothing(pause)]
    return np.concatenate(parts)


def _nothing(seconds: float) -> Wave:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def load_strings(data: Path, split: str) -> list[Spoken]:
    """Strings of 3 to 7 digits of one speaker each, always the same ones. Raises: DataError.

    Pauses of 0.05 to 0.5 s, and over all of it the hiss of a microphone.
    """
    people = by_speaker(load_clips(data, split))
    rng = np.random.default_rng(sum(split.encode()))
    strings = []
    for i in range(STRINGS[split]):
        clips = people[sorted(people)[i % len(people)]]
        chosen = [clips[k] for k in rng.integers(len(clips), size=rng.integers(LEAST, MOST + 1))]
        pauses = rng.uniform(*PAUSE, len(chosen) - 1)
        waves = [to_float(one.audio) for one in chosen]
        audio = joined(waves, list(pauses), rng.uniform(*AROUND), TAIL_SECONDS)
        text = " ".join(WORDS[one.digit] for one in chosen)
        files = tuple(one.file for one in chosen)
        strings.append(Spoken(text, chosen[0].speaker, audio + hiss(len(audio)), files))
    return strings
