"""Which loop in C belongs to a bundle: decided here, by its steps and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping

from edgernn.bundle import Bundle
from edgernn.keyboard import c_loop as keyboard_loop
from edgernn.keyboard import decode as keyboard
from edgernn.recognition import c_loop as recognizer_loop
from edgernn.recognition import decode as recognition
from edgernn.spotting import c_loop as spotter_loop
from edgernn.step_code import StepCode, all_files
from edgernn.toolchain import stub

LOOPS = {
    "recognizer": recognizer_loop.recognizer_files,
    "keyboard": keyboard_loop.keyboard_files,
    "spotter": spotter_loop.spotter_files,
}
SAVED = {  # folder and sources of what is saved of each, beside firmware_stubs/streams
    "recognizer": ("recognition", recognizer_loop.SAVED),
    "keyboard": ("keyboard", keyboard_loop.SAVED),
    "spotter": ("spotting", spotter_loop.SAVED),
}
STEPS = {"recognizer": recognition.STEPS, "keyboard": keyboard.STEPS}


def kind_of(bundle: Bundle) -> str:
    """The loop's name; "" for steps that none ties."""
    for kind, steps in STEPS.items():
        if set(steps) <= set(bundle.manifest["steps"]):
            return kind
    return "spotter" if spotter_loop.is_spotter(bundle) else ""


def embedded_files(bundle: Bundle, code: Mapping[str, StepCode]) -> dict[str, str]:
    """File name -> text: the C of every step, and the loop that ties such steps, if there is one.

    Raises: DataError if the steps do not fit their loop.
    """
    kind = kind_of(bundle)
    return LOOPS[kind](bundle, code) if kind else all_files(code)


def saved_files(kind: str) -> dict[str, str]:
    """File name -> text: how a loop is saved and restored, beside that of streams."""
    folder, names = SAVED.get(kind, ("", ()))
    return {name: stub(f"{folder}/{name}") for name in names}
