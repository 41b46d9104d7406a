"""The shipped sentences as they might be typed, to calibrate with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgernn.keyboard.typing import Typed, Typist
from edgernn.keyboard.words import split
from edgernn.models.keyboard import VOCABULARY

SENTENCES = Path(__file__).with_name("samples.txt")


def labelled(text: str) -> list[int]:
    """The label of each word of a text, that of none for those that the vocabulary lacks."""
    return [VOCABULARY.label(word.core) for word in split(text)]


def samples() -> list[Typed]:
    """Always the same."""
    rng, typist = np.random.default_rng(0), Typist()
    return [typist.typed(text, rng) for text in SENTENCES.read_text("utf-8").splitlines()]
