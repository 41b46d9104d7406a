"""Which loop in C belongs to a bundle: decided here, by its steps and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping

from edgernn.bundle import Bundle
from edgernn.keyboard import decode as keyboard
from edgernn.keyboard.c_loop import keyboard_files
from edgernn.recognition import decode as recognition
from edgernn.recognition.c_loop import recognizer_files
from edgernn.spotting.c_loop import is_spotter, spotter_files
from edgernn.step_code import StepCode, all_files

LOOPS = {"recognizer": recognizer_files, "keyboard": keyboard_files, "spotter": spotter_files}
STEPS = {"recognizer": recognition.STEPS, "keyboard": keyboard.STEPS}


def kind_of(bundle: Bundle) -> str:
    """The loop's name; "" for steps that none ties."""
    for kind, steps in STEPS.items():
        if set(steps) <= set(bundle.manifest["steps"]):
            return kind
    return "spotter" if is_spotter(bundle) else ""


def embedded_files(bundle: Bundle, code: Mapping[str, StepCode]) -> dict[str, str]:
    """File name -> text: the C of every step, and the loop that ties such steps, if there is one.

    Raises: DataError if the steps do not fit their loop.
    """
    kind = kind_of(bundle)
    return LOOPS[kind](bundle, code) if kind else all_files(code)
