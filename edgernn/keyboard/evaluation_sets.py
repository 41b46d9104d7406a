"""What keyboards are measured on: lines with errors put in, and real errors.

Misspellings, transcripts as they were typed and learners' texts are for evaluation only: none
of them may be shipped or trained on. Licences are in `corpora.CORPORA`, whose training loader
refuses them. `--data` is a directory with typos_pairs.tsv.gz, typing_136m_pairs.tsv.gz,
typing_136m_keystrokes.tsv.gz and jfleg.tar.gz.
"""

from __future__ import annotations

import random
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from edgernn.errors import DataError, UnknownName
from edgernn.keyboard.corpora import detokenized, plain, read_lines
from edgernn.keyboard.layout import BACKSPACE
from edgernn.keyboard.typing import Typed, Typist

MISSPELLINGS = "typos_pairs.tsv.gz"
TRANSCRIPTS = "typing_136m_pairs.tsv.gz"
KEYSTROKES = "typing_136m_keystrokes.tsv.gz"
JFLEG = "jfleg.tar.gz"
LISTS = ("norvig1", "norvig2", "aspell", "birkbeck")  # a pair is in the first that has it
REFERENCES = 4  # of each sentence of JFLEG
RATES = (0.0, 0.02, 0.05, 0.1, 0.15)  # of characters that are typed wrongly

One = TypeVar("One")


def sample(some: Sequence[One], count: int) -> list[One]:
    """At most so many, the same each time."""
    return random.Random(1).sample(some, min(count, len(some)))


def mistyped(line: str, rate: float, place: int) -> Typed:
    """A line with so many of its characters wrong, the same each time at its place in a sample."""
    rng = np.random.default_rng([place, round(1000 * rate)])
    return Typist().typed(line, rng, rate=rate)


class Misspelling(NamedTuple):
    """seen: how often."""

    wrong: str
    correct: str
    seen: int


def misspellings(data: Path) -> dict[str, list[Misspelling]]:
    """By list; no pair is in two, though Norvig's are drawn from the others. Raises: DataError."""
    lists: dict[str, list[Misspelling]] = {name: [] for name in LISTS}
    for where, (name, correct, wrong, count) in _rows(data / MISSPELLINGS, 4):
        if name not in lists or not count.isdecimal():
            raise DataError(f"{where}: list {name!r}, count {count!r}; need {', '.join(LISTS)}")
        pair = (wrong.replace("_", " "), correct.replace("_", " "))
        lists[name].append(Misspelling(*pair, int(count)))
    seen: set[tuple[str, str]] = set()
    for name in LISTS:
        lists[name] = [one for one in lists[name] if one[:2] not in seen]
        seen.update(one[:2] for one in lists[name])
    return lists


@dataclass(frozen=True, slots=True)
class Transcript:
    """A sentence that was shown, and what was typed.

    keys: all that was typed, with a backspace for each that took a character back; it ends in
        `typed`. Empty where it was not recorded, or the cursor was moved.
    """

    participant: str
    section: str
    sentence: str
    typed: str
    keys: str = ""


def transcripts(data: Path) -> list[Transcript]:
    """Of real people, mostly on physical keyboards. Raises: DataError."""
    logs = _logs(data)
    found = []
    for _, (participant, section, sentence, typed) in _rows(data / TRANSCRIPTS, 4):
        keys = logs.get((participant, section), "")
        kept = keys if keys and replayed(keys) == typed else ""
        found.append(Transcript(participant, section, sentence, typed, kept))
    return found


def replayed(keys: str) -> str:
    """What stands there after keystrokes with backspaces."""
    chars: list[str] = []
    for key in keys:
        if key != BACKSPACE:
            chars.append(key)
        elif chars:
            chars.pop()
    return "".join(chars)


def _logs(data: Path) -> dict[tuple[str, str], str]:
    """The characters and backspaces of each participant and section."""
    rows = _rows(data / KEYSTROKES, 6)
    logs: dict[tuple[str, str], str] = {}
    for who, group in groupby(rows, lambda row: (row[1][0], row[1][1])):
        logs[who] = "".join(_character(row[4], row[5]) for _, row in group)
    return logs


def _character(letter: str, code: str) -> str:
    """Of a key event; nothing of one that types none."""
    if code == "8":
        return BACKSPACE
    return letter if len(letter) == 1 else ""


class Rewritten(NamedTuple):
    """A learner's sentence and the same by four others, fluent."""

    source: str
    references: tuple[str, ...]


def learners(data: Path, split: str) -> list[Rewritten]:
    """JFLEG's `dev` or `test`, with punctuation where it stands in print. Raises: DataError."""
    if split not in ("dev", "test"):
        raise UnknownName("split of JFLEG", split, ("dev", "test"))
    path = data / JFLEG
    if not path.is_file():
        raise DataError(f"{path}: no such file; --data takes the directory that holds it")
    names = [f"{split}/{split}.src", *(f"{split}/{split}.ref{i}" for i in range(REFERENCES))]
    try:
        with tarfile.open(path) as archive:
            columns = [_member(archive, name) for name in names]
        return [Rewritten(one[0], one[1:]) for one in zip(*columns, strict=True)]
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, KeyError) as cause:
        raise DataError(f"{path}: not JFLEG: {cause}; fetch it again") from cause


def _member(archive: tarfile.TarFile, name: str) -> list[str]:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is no file")
    lines = file.read().decode("utf-8").splitlines()
    return [plain(detokenized(line)) for line in lines]


def _rows(path: Path, columns: int) -> Iterator[tuple[str, list[str]]]:
    """Where a row stands, and its columns, below the header. Raises: DataError."""
    for number, line in enumerate(read_lines(path), 1):
        row = line.split("\t")
        if len(row) != columns:
            raise DataError(f"{path}: line {number} has {len(row)} columns; need {columns}")
        if number > 1:
            yield f"{path}: line {number}", row
