"""`python -m PACKAGE FILE.wav`: the words that are said in a recording."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import Model, Recognizer
from ._program import ended
from ._sound import read_wav


def main() -> None:
    """The program."""
    asked = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    asked.add_argument("wav", type=Path, help="mono or more channels, whole numbers")
    asked.add_argument("--model", type=Path, help="a model.sealed in place of the package's")
    asked.add_argument("--beam", type=int, default=4, help="hypotheses that are followed (4)")
    given = asked.parse_args()
    model = Model(given.model)
    recognizer = Recognizer(model, beam=given.beam)
    samples = read_wav(given.wav, model.sample_rate_hz)
    for word in [*recognizer.push(samples), *recognizer.finish()]:
        print(f"{word.time_ms / 1000:.2f} {word.text} {word.score:.2f}")


if __name__ == "__main__":
    sys.exit(ended(main))
