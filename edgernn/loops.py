"""Which loop in C belongs to a bundle: decided here, by its steps."""

from __future__ import annotations

from edgernn.bundle import Bundle
from edgernn.keyboard import decode as keyboard
from edgernn.keyboard.c_loop import keyboard_files
from edgernn.recognition import decode as recognition
from edgernn.recognition.c_loop import recognizer_files
from edgernn.step_code import step_files

LOOPS = ((recognition.STEPS, recognizer_files), (keyboard.STEPS, keyboard_files))


def embedded_files(bundle: Bundle, target: str) -> dict[str, str]:
    """File name -> text: the C of every step, and the loop that ties such steps, if there is one.

    Raises: DataError.
    """
    for steps, files in LOOPS:
        if set(steps) <= set(bundle.manifest["steps"]):
            return files(bundle, target)
    return step_files(bundle, target)
