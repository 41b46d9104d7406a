"""`python -m PACKAGE FILE.wav`: the keywords in a recording."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import Model, Spotter
from ._program import ended
from ._sound import read_wav


def main() -> None:
    """The program."""
    asked = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    asked.add_argument("wav", type=Path, help="mono or more channels, whole numbers")
    asked.add_argument("--model", type=Path, help="a model.sealed in place of the package's")
    asked.add_argument("--threshold", type=float, help="in place of the model's")
    given = asked.parse_args()
    model = Model(given.model)
    spotter = Spotter(model, threshold=given.threshold)
    for word in spotter.push(read_wav(given.wav, model.sample_rate_hz)):
        print(f"{word.time_ms / 1000:.2f} {word.label} {word.score:.2f}")


if __name__ == "__main__":
    sys.exit(ended(main))
