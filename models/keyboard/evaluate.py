"""Measure the keyboard: lines it corrects, words it spoils, keystrokes it saves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgernn.keyboard.corpora import training_texts
from edgernn.keyboard.decode import Keyboard
from edgernn.keyboard.evaluation_sets import RATES, mistyped, sample, transcripts
from edgernn.keyboard.measured import READINGS, Measured, in_python
from edgernn.keyboard.metrics import Share, keystrokes, line_figures, wrongly_changed

LINES = 200  # of each sample
SUGGESTIONS = 3
MIDDLE = 0.05  # of the rates
FEW = 40  # lines that tell roughly what another runtime's steps are worth


def from_session(sessions: Mapping[str, Any]) -> Measured:
    """A bundle's steps in the loop in C, or what another runtime runs in the loop in Python.

    The torch steps would take hours.
    """
    first = next(iter(sessions.values()))
    if first.artifact["backend"] == "c":
        return Measured.of(first.bundle)
    wide = Keyboard(sessions, beam=READINGS, margin=None)
    return Measured(in_python(Keyboard(sessions)), in_python(wide))


def evaluate(run: Measured, data: Path) -> dict[str, Any]:
    """Shares with their margins, of LINES turns of the test workers, and of sentences people typed.

    errors: by the rate of wrong characters; touches: the same where every touch is known; spoilt:
    words changed that were typed as meant; saved: keystrokes; copied: the sentences of others.
    """
    turns = _turns(data, "test")
    errors, touches = {}, {}
    for rate in RATES:
        typed = [mistyped(turn, rate, place) for place, turn in enumerate(turns)]
        errors[f"{rate:g}"] = line_figures(turns, [run.correct(one.text) for one in typed])
        touches[f"{rate:g}"] = line_figures(turns, [run.meant(one) for one in typed])
    copied = sample(transcripts(data), LINES)
    shown = [one.sentence for one in copied]
    return {
        "errors": errors,
        "touches": touches,
        "spoilt": wrongly_changed(turns, [run.correct(turn) for turn in turns]),
        "saved": keystrokes(run, turns, SUGGESTIONS),
        "copied": {
            "typed": line_figures(shown, [one.typed for one in copied]),
            "read": line_figures(shown, [run.correct(one.typed) for one in copied]),
        },
    }


def task(run: Measured, data: Path) -> tuple[str, float]:
    """One figure of what it is for: words right of FEW validation lines at MIDDLE."""
    turns = _turns(data, "val")[:FEW]
    typed = [mistyped(turn, MIDDLE, place).text for place, turn in enumerate(turns)]
    found = line_figures(turns, [run.correct(one) for one in typed])
    return "words right", found["word_accuracy"][0]


def validate(run: Measured, data: Path) -> dict[str, Any]:
    """Turns of the validation workers at MIDDLE, by which the recipe and the prices were chosen."""
    turns = _turns(data, "val")
    typed = [mistyped(turn, MIDDLE, place).text for place, turn in enumerate(turns)]
    found: dict[str, Share] = line_figures(turns, [run.correct(one) for one in typed])
    return {**found, "lines": len(turns)}


def _turns(data: Path, split: str) -> list[str]:
    return sample(training_texts(data, split, ("self_dialogue",)), LINES)
