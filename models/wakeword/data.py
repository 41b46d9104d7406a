"""The wake-word detector's data: who is in which split, wake words, audio without them.

`--data` is a directory with wake_words_picovoice.zip; speech_commands_v2_testset.zip (other
words), speechocean762_train.zip (other speech), esc10_subset.zip (noise) and the archives of the
false-alarm test lie beside it or are left out. Speech Commands and speechocean are split by
speaker. The wake words' speakers are not labelled: those are split 70/10/20 by clip, so somebody
may well be heard in two splits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgernn.errors import DataError
from edgernn.models.wakeword import LABELS
from edgernn.spotting.alarms import Spoken
from edgernn.spotting.archive import open_archive
from edgernn.spotting.detector import is_keyword
from edgernn.spotting.sound import SECOND, Samples, word_span
from edgernn.spotting.sources import COMMANDS, WAKE, load_speech, split_of

SPAN_HOP = SECOND // 100  # how finely a word's begin and end are told
LONGEST = 6 * SECOND // 5  # a wake word; what is heard longer is a noise beside it
MARGIN = SECOND // 10  # kept around a word
SPOKEN = frozenset(word.upper() for label in LABELS if is_keyword(label) for word in label.split())


def has_wake_word(text: str) -> bool:
    """Whether a transcript (upper case) holds a wake word, or a word of one, alone or compound."""
    return any(word.startswith(tuple(SPOKEN)) for word in text.split())


def wanted(text: str) -> bool:
    """Whether a transcript is of use as other speech."""
    return not has_wake_word(text)


def load_wake(data: Path, split: str) -> list[Spoken]:
    """The wake words of a split, whole clips of about 3 s. Raises: DataError."""
    archive = open_archive(data / WAKE)
    found = []
    for i, row in enumerate(archive.rows):
        label = row.get("keyword")
        if label not in LABELS:
            raise DataError(
                f"{data / WAKE}: {row['file']}: keyword {label!r} is none of "
                f"{', '.join(filter(is_keyword, LABELS))}"
            )
        if split_of(row["file"]) == split:
            clip = archive.clip(i)
            found.append(Spoken(label, clip, *_span(clip)))
    return found


def _span(clip: Samples) -> tuple[int, int]:
    """Begin and end of the wake word: within its clip's span, the loudest 1.2 s at most."""
    begin, end = word_span(clip, SPAN_HOP)
    if end - begin > LONGEST:
        power = np.cumsum(clip[begin:end].astype(np.float64) ** 2)
        begin += int((power[LONGEST:] - power[:-LONGEST]).argmax())
        end = begin + LONGEST
    return begin, end


def trimmed(word: Spoken) -> Spoken:
    """The word without the long silences around it."""
    first = max(0, word.begin - MARGIN)
    audio = word.audio[first : word.end + MARGIN]
    return Spoken(word.label, audio, word.begin - first, word.end - first)


def load_words(data: Path, split: str) -> list[Samples]:
    """Other words, a second each, and short silences (Speech Commands); empty if absent."""
    path = data / COMMANDS
    if not path.is_file():
        return []
    archive = open_archive(path)
    return [
        archive.clip(i)
        for i, row in enumerate(archive.rows)
        if split_of(row["speaker"] or row["file"]) == split
    ]


def load_other(data: Path, split: str) -> list[Samples]:
    """Utterances of read speech without a wake word; empty if the archive is absent."""
    return load_speech(data, split, wanted)
