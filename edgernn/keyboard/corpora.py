"""Texts that a keyboard learns from, and the licence of each.

`--data` is a directory with self_dialogue.jsonl.gz, wikitext2_{train,valid,test}.txt.gz and
word_frequency_en_82765.txt.gz. Dialogues are split by the worker who wrote both sides of them:
`test` are those whose number leaves 0 when it is divided by 20, `val` those that leave 1; so nobody
writes in two splits. OpenSubtitles and the Twitter Typo Corpus are read from a path, by whoever has
them. What is for evaluation only is in `evaluation_sets`.
"""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO, cast

from edgernn.errors import DataError, UnknownName
from edgernn.keyboard.layout import QWERTY, Layout

DIALOGUES = "self_dialogue.jsonl.gz"
WIKITEXT = {name: f"wikitext2_{name}.txt.gz" for name in ("train", "valid", "test")}
FREQUENCIES = "word_frequency_en_82765.txt.gz"
SPLITS = ("train", "val", "test")
FOLDS = 20  # of workers; the first is `test`, the second `val`
LEAST_WORDS = 3  # of a sentence of an encyclopedia


@dataclass(frozen=True, slots=True)
class Corpus:
    """Where a text comes from and what may be done with it."""

    source: str
    licence: str
    evaluation_only: bool = False


CORPORA = {
    "self_dialogue": Corpus("jfainberg/self_dialogue_corpus", "BSD-3-Clause"),
    "wikitext2": Corpus("WikiText-2", "CC BY-SA 3.0"),
    "word_frequencies": Corpus("wolfgarbe/SymSpell", "MIT"),
    "misspellings": Corpus(
        "Birkbeck (Mitton), aspell, Norvig", "none stated for the first two, MIT", True
    ),
    "transcripts": Corpus(
        "Aalto 136M Keystrokes (Dhakal et al., CHI 2018)", "non-commercial, with attribution", True
    ),
    "jfleg": Corpus("keisks/jfleg", "CC BY-NC-SA 4.0", True),
}
TRAINING = ("self_dialogue", "wikitext2")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns of both sides, written by one worker."""

    topic: str
    worker: int
    turns: tuple[str, ...]


def training_texts(
    data: Path, split: str = "train", corpora: Sequence[str] = TRAINING, layout: Layout = QWERTY
) -> list[str]:
    """Turns and sentences of some corpora that can be typed, with single spaces.

    Raises: DataError for a corpus that is for evaluation only; UnknownName for one unheard of.
    """
    texts: list[str] = []
    for name in corpora:
        if name in CORPORA and CORPORA[name].evaluation_only:
            raise DataError(
                f"{name}: for evaluation only ({CORPORA[name].licence}), never trained on; "
                f"take {' or '.join(TRAINING)}"
            )
        if name not in TRAINING:
            raise UnknownName("corpus to train on", name, TRAINING)
        if name == "self_dialogue":
            texts += [turn for one in dialogues(data, split) for turn in one.turns]
        else:
            texts += encyclopedia(data, split)
    return [text for text in texts if can_be_typed(text, layout)]


def can_be_typed(text: str, layout: Layout = QWERTY) -> bool:
    """Whether it has a letter in it, and nothing for which there is no key."""
    return any(map(str.isalpha, text)) and not layout.strangers(text)


def dialogues(data: Path, split: str) -> list[Dialogue]:
    """The self-dialogues of `train`, `val` or `test`, in the file's order. Raises: DataError."""
    _check_split(split)
    path, found = data / DIALOGUES, []
    for number, line in enumerate(read_lines(path), 1):
        try:
            row = json.loads(line)
            topic, worker, turns = str(row["topic"]), int(row["worker"]), row["turns"]
            one = Dialogue(topic, worker, tuple(plain(turn) for turn in turns))
        except (ValueError, TypeError, KeyError) as cause:
            raise DataError(f"{path}: line {number} is no dialogue: {cause!r}") from cause
        if split_of(worker) == split:
            found.append(one)
    return found


def split_of(worker: int) -> str:
    """Whose dialogues are held out."""
    return {0: "test", 1: "val"}.get(worker % FOLDS, "train")


def encyclopedia(data: Path, split: str) -> list[str]:
    """Sentences of WikiText-2 as they were before it was cut into words. Raises: DataError."""
    _check_split(split)
    lines = read_lines(data / WIKITEXT["valid" if split == "val" else split])
    return [sentence for line in lines for sentence in sentences(line)]


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)


SAME = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201b\u00b4`\u2032\u02bb", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\ufeff\u200b\u200e\u00ad"),
        "\u201a": ",",
        "\u2026": "...",
    }
)


def plain(text: str) -> str:
    """With the quotation marks, dashes and spaces that a keyboard types."""
    return " ".join(unicodedata.normalize("NFC", text).translate(SAME).split())


SENTENCE_END = re.compile(r"(?<= [.?!])(?P<closed> \u201d| \))? (?=[A-Z\u201c(])")
GLUE = (
    (re.compile(r" @(\W)@ "), r"\1"),  # 17th @-@ place, 2 @,@ 000
    (re.compile(r" ('\w|n't\b)"), r"\1"),  # club 's, don 't, O 'Brien; do n't
    (re.compile(r"(?<=s) ' "), "' "),  # parents ' kitchen
    (re.compile(r" ([,.;:!?%)\]\u201d\u00b0])"), r"\1"),
    (re.compile(r"([(\[$\u00a3#\u201c]) "), r"\1"),
    (re.compile(r"(?<=\d) \u2013 (?=\d)"), "-"),  # 2013 to 14
    (re.compile(r" / "), "/"),
)


def sentences(line: str) -> list[str]:
    """Of a line of WikiText; none of a heading.

    Left out are sentences with an unknown word, a mark of quotation without its other half, or of
    less than LEAST_WORDS words.
    """
    line = _directed(line.strip())
    if not line or line.startswith("="):
        return []
    parted = SENTENCE_END.sub(lambda found: f"{found['closed'] or ''}\n", line).split("\n")
    whole = [plain(detokenized(one)) for one in parted if "<unk>" not in one]
    return [
        one
        for one in whole
        if one.count('"') % 2 == 0 and " ' " not in one and len(one.split()) >= LEAST_WORDS
    ]


def detokenized(text: str) -> str:
    """Punctuation where it stands in print."""
    for pattern, put in GLUE:
        text = pattern.sub(put, text)
    return text


def _directed(line: str) -> str:
    """Its quotation marks in turn the first and the last of a pair."""
    pieces = line.split('"')
    marks = ["\u201c" if i % 2 == 0 else "\u201d" for i in range(len(pieces) - 1)]
    return "".join(piece + mark for piece, mark in zip(pieces, [*marks, ""], strict=True))


def frequencies(data: Path) -> Counter[str]:
    """How often English words are written in books. Raises: DataError."""
    path, counts = data / FREQUENCIES, Counter[str]()
    for number, line in enumerate(read_lines(path), 1):
        word, _, count = line.partition(" ")
        if not word or not count.isdecimal():
            raise DataError(f"{path}: line {number} is {line!r}; need a word and its count")
        counts[word] = int(count)
    return counts


def utterances(path: Path) -> Iterator[str]:
    """Of OpenSubtitles, from a text file (or its .gz) with one a line. Raises: DataError."""
    for line in read_lines(path):
        text = plain(line).removeprefix("-").lstrip()
        if can_be_typed(text):
            yield text


class Typo(NamedTuple):
    """kind: IN (a character too much), RM (one missing), R1 (two swapped), R2 (another one)."""

    typed: str
    intended: str
    kind: str


def twitter_typos(path: Path) -> list[Typo]:
    """Of the Twitter Typo Corpus: tab-separated, six columns. Raises: DataError."""
    typos = []
    for number, line in enumerate(read_lines(path), 1):
        columns = line.split("\t")
        if len(columns) != 6 or not all(columns[:3]):
            raise DataError(
                f"{path}: line {number} has {len(columns)} columns; need 6: typed, intended, kind, "
                "its mark, and both in context"
            )
        typos.append(Typo(*columns[:3]))
    return typos


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file, or of a .gz of one. Raises: DataError if absent or damaged."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; --data takes the directory that holds it")
    count = 0
    try:
        with _opened(path) as file:
            for line in file:
                yield line.rstrip("\n")
                count += 1
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as cause:
        raise DataError(f"{path}: damaged after line {count}: {cause}; fetch it again") from cause
    if not count:
        raise DataError(f"{path}: empty; fetch it again")


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig"))
    return path.open(encoding="utf-8-sig")
