"""The keyword spotter's data: who is in which split, keyword clips, other speech, noise.

`--data` is a directory with speech_commands_v2_testset.zip; speechocean762_train.zip (other
speech), wake_words_picovoice.zip (words that are no keywords, by other people and microphones),
esc10_subset.zip (noise) and the archives of the false-alarm test lie beside it or are left out.
Splits are by hash of the speaker, 70/10/20, so nobody is heard in two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import DataError
from edgernn.models.kws import FRAME_MS, LABELS, SAMPLE_RATE_HZ
from edgernn.spotting import sources
from edgernn.spotting.archive import open_archive
from edgernn.spotting.sound import Samples, word_span
from edgernn.spotting.sources import COMMANDS, WAKE, split_of

WAKE_HELD_OUT = "computer"
CLIP_SAMPLES = 16000
HOP = int(SAMPLE_RATE_HZ * FRAME_MS) // 1000
# Spoken like a keyword though spelled otherwise; an alarm there would be no false one.
HOMOPHONES = frozenset({"KNOW", "WRITE", "WRIGHT", "RITE"})
SPOKEN = frozenset(word.upper() for word in LABELS if not word.startswith("_")) | HOMOPHONES


@dataclass(frozen=True, slots=True)
class Clips:
    """Labelled one-second clips: audio (N, 16000) int16; label (N,) index into LABELS.

    begin, end: (N,) samples between which the word is heard; speaker: "" for silence.
    """

    audio: Samples
    label: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    speaker: tuple[str, ...]
    file: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.label)


def load_clips(data: Path, split: str) -> Clips:
    """The Speech Commands clips of a split. Raises: DataError."""
    archive = open_archive(data / COMMANDS)
    rows = archive.rows
    for row in rows:
        if "speaker" not in row or row.get("label") not in LABELS:
            raise DataError(
                f"{data / COMMANDS}: {row['file']}: needs a speaker column and one of the labels "
                f"{', '.join(LABELS)}; label is {row.get('label')!r}"
            )
    chosen = [i for i, r in enumerate(rows) if split_of(r["speaker"] or r["file"]) == split]
    audio = np.zeros((len(chosen), CLIP_SAMPLES), np.int16)
    for line, i in zip(audio, chosen, strict=True):
        clip = archive.clip(i)[:CLIP_SAMPLES]
        line[: len(clip)] = clip
    spans = np.array([word_span(row, HOP) for row in audio], np.int64).reshape(-1, 2)
    return Clips(
        audio=audio,
        label=np.array([LABELS.index(rows[i]["label"]) for i in chosen], np.int64),
        begin=spans[:, 0],
        end=spans[:, 1],
        speaker=tuple(rows[i]["speaker"] for i in chosen),
        file=tuple(rows[i]["file"] for i in chosen),
    )


def has_keyword(text: str) -> bool:
    """Whether a transcript (upper case) holds a keyword or one of its homophones."""
    return not SPOKEN.isdisjoint(text.split())


def _wanted(text: str) -> bool:
    return not has_keyword(text)


def load_speech(data: Path, split: str) -> list[Samples]:
    """Utterances of other speech without a keyword; empty if the archive is absent."""
    return sources.load_speech(data, split, _wanted)


def load_orders(data: Path) -> list[Samples]:
    """Spoken coffee orders, none of whose slot values is a keyword; empty if absent."""
    return sources.load_orders(data, _wanted)


def load_wake(data: Path, split: str) -> list[Samples]:
    """Wake words, none a keyword; empty if the archive is absent, and for test.

    Their speakers are not labelled, so val is a word that train lacks: `computer`, whole
    recordings. Those of train are cut to 0.15 s around the word, without the long silences.
    """
    path = data / WAKE
    if not path.is_file() or split == "test":
        return []
    archive = open_archive(path)
    chosen = [
        archive.clip(i)
        for i, row in enumerate(archive.rows)
        if (row["keyword"] == WAKE_HELD_OUT) == (split == "val")
    ]
    if split == "val":
        return chosen
    spans = [word_span(clip, HOP) for clip in chosen]
    margin = 3 * SAMPLE_RATE_HZ // 20
    return [
        clip[max(0, begin - margin) : end + margin]
        for clip, (begin, end) in zip(chosen, spans, strict=True)
    ]
