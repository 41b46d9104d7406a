"""Steps of a keyboard decoder that spell by distance, in the place of trained ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgernn import runtime
from edgernn.cli import main
from edgernn.keyboard.decode import Keyboard, Shown
from edgernn.keyboard.encoding import INPUTS, KEYS
from edgernn.keyboard.own_words import distance
from edgernn.keyboard.typing import Keystroke

WORDS = ("the", "cat", "I", "hello", "world", "he", "can", "see", "it", "don't")
FURTHER = ("seen", "worldly", "hollow")
LABELS = ("<typed>", *WORDS, "<end>")
STRICT = 4.0  # nats that a slip costs the steps below


class Keys:
    """The keystroke itself."""

    labels, further_words = LABELS, FURTHER
    first_words: Mapping[str, float] = {}

    def reset(self) -> None:
        self.state: Any = ""

    def load_state(self, state: Any) -> None:
        self.state = state

    def step(self, x: Any) -> Any:
        return np.asarray(x, np.float32)


class History(Keys):
    """The last word's label."""

    def step(self, x: Any) -> Any:
        return np.asarray(x, np.float32)


class Words(Keys):
    """Logits by how far a word is from the letters since the last character that is none."""

    def step(self, x: Any) -> Any:
        vector, past = x[:INPUTS], int(x[INPUTS])
        known = ["?", " ", *KEYS][int(vector[:-3].argmax())]
        run = self.state
        if known != " ":
            self.state = run + known if known.isalpha() or known == "'" else run
            return self.logits(self.state, end=False)
        self.state = ""
        word = LABELS[past].lower()
        if past < len(LABELS) - 1 and run.startswith(word) and run != word:
            return self.logits(run[len(word) :], end=False)
        done = run.endswith(word) or distance(run, word, 2) <= 2
        return self.logits(run, end=past < len(LABELS) - 1 and done)

    def logits(self, run: str, *, end: bool) -> Any:
        away = [1 if run[3:] and run.startswith(w) else distance(run, w.lower(), 9) for w in WORDS]
        begun = [run != "" and word.lower().startswith(run) for word in WORDS]
        z = [
            -STRICT * (far / 9 if starts else far) for far, starts in zip(away, begun, strict=True)
        ]
        return np.array([-2.5 * STRICT, *z, 8.0 if end else -8.0], np.float32)


def steps() -> dict[str, Any]:
    return {"keys": Keys(), "history": History(), "words": Words()}


def keyboard(*, capitals: bool = False, **how: Any) -> Keyboard:
    return Keyboard(steps(), capitals=capitals, **how)


def typed(board: Keyboard, text: str) -> Shown:
    shown = Shown("")
    for character in text:
        shown = board.push(Keystroke(character))
    return shown


def run() -> None:
    """The command line with these steps in the place of every bundle's."""
    runtime.open_steps = lambda path, on=None: steps()
    main()
