"""Keyboard decoder: what was meant by what was typed, and what comes next."""

from pathlib import Path

from edgernn.keyboard.words import Vocabulary
from edgernn.model import ModelInfo

if __name__ != "edgernn.models.keyboard":
    raise ImportError("import edgernn.models.keyboard: the repository root is on sys.path")

VOCABULARY = Vocabulary.load(Path(__file__).with_name("words.txt"))
FURTHER = Path(__file__).with_name("further.txt").read_text(encoding="utf-8")
FIRST = Path(__file__).with_name("first.txt").read_text(encoding="utf-8")
LABELS = len(VOCABULARY) + 1  # of what the vocabulary lacks, of its words, and of an end
END = LABELS - 1  # to `history` the beginning of a sentence
INFO = ModelInfo(
    summary=f"what is meant by what is typed; {len(VOCABULARY.words):,} English words; conv + GRU",
    labels=("<typed>", *VOCABULARY.words, "<end>"),
    further_words=tuple(FURTHER.splitlines()),
    first_words={word: float(share) for word, share in map(str.split, FIRST.splitlines())},
    variants={"small": "for phones: weights of 4 bits and zero blocks, 8 bits for frequent words"},
)
