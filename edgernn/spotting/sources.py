"""Audio without the words to spot: speech, sounds, orders; and who is in which split.

Every archive may be absent; the function then gives nothing, and its caller says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from edgernn.spotting.archive import open_archive
from edgernn.spotting.sound import Samples

COMMANDS, WAKE = "speech_commands_v2_testset.zip", "wake_words_picovoice.zip"
SPEECH_TRAIN, SPEECH_TEST = "speechocean762_train.zip", "speechocean762_test_part.zip"
NOISE, ORDERS = "esc10_subset.zip", "spoken_commands_barista.zip"
NATIVE = "native_english_small.zip"
SPLITS = ("train", "val", "test")

Wanted = Callable[[str], bool]


def split_of(key: str) -> str:
    """The split of a speaker (or of a file that has none): 70 % train, 10 % val, 20 % test."""
    place = int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest(), 16) % 1000
    return "train" if place < 700 else "val" if place < 800 else "test"


def load_speech(data: Path, split: str, wanted: Wanted) -> list[Samples]:
    """Utterances whose transcript (upper case) is wanted; empty if the archive is absent.

    Train and val are speakers of the official training list, test those of the test list.
    """
    path = data / (SPEECH_TEST if split == "test" else SPEECH_TRAIN)
    if not path.is_file():
        return []
    archive = open_archive(path)

    def in_split(row: dict[str, str]) -> bool:
        return split == "test" or (split_of(row["speaker"]) == "train") == (split == "train")

    return [
        archive.clip(i)
        for i, row in enumerate(archive.rows)
        if in_split(row) and wanted(row["text"])
    ]


def load_noise(data: Path, split: str) -> list[Samples]:
    """Sound events: ESC-10 folds 1-3 train, 4 val, 5 test; empty if the archive is absent."""
    path = data / NOISE
    if not path.is_file():
        return []
    archive = open_archive(path)
    folds = {"train": {"1", "2", "3"}, "val": {"4"}, "test": {"5"}}[split]
    return [archive.clip(i) for i, row in enumerate(archive.rows) if row["fold"] in folds]


def load_orders(data: Path, wanted: Wanted) -> list[Samples]:
    """Spoken coffee orders whose slot values (upper case) are wanted; empty if absent."""
    path = data / ORDERS
    if not path.is_file():
        return []
    archive = open_archive(path)
    return [
        archive.clip(i)
        for i, row in enumerate(archive.rows)
        if wanted("".join(c if c.isalpha() else " " for c in row["slots"]).upper())
    ]


def load_native(data: Path) -> list[Samples]:
    """Clips of native English, read, at 16 kHz; empty if the archive is absent."""
    path = data / NATIVE
    if not path.is_file():
        return []
    archive = open_archive(path, resample=True)
    return [archive.clip(i) for i in range(len(archive.rows))]
