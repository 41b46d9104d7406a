"""`python -m PACKAGE`: each line of stdin typed key by key, and printed as it is read."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import Keyboard, Model
from ._program import ended


def main() -> None:
    """The program."""
    asked = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    asked.add_argument("--model", type=Path, help="a model.sealed in place of the package's")
    asked.add_argument("--steps", action="store_true", help="tell what is shown after each key")
    given = asked.parse_args()
    keyboard = Keyboard(Model(given.model))
    for line in sys.stdin:
        text = ""
        for key in line.rstrip("\n") + "\n":
            shown = keyboard.push(key)
            text = shown.on(text)
            if given.steps:
                words = ", ".join(f"{each.text} {each.share:.2f}" for each in shown.completions)
                print(f"{text.rstrip(chr(10))!r}: {words}")
        print(text, end="", flush=True)


if __name__ == "__main__":
    sys.exit(ended(main))
