"""`python -m PACKAGE`: the steps of the model, and what the first one gives for zeros."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from . import Model
from ._program import ended


def main() -> None:
    """The program."""
    asked = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    asked.add_argument("--model", type=Path, help="a model.sealed in place of the package's")
    model = Model(asked.parse_args().model)
    for step in model.steps:
        taken, given = (
            ", ".join(f"{port.name} {port.dtype} {port.shape}" for port in ports)
            for ports in (step.inputs, step.outputs)
        )
        print(f"{step.name}, {step.frame_ms:g} ms: {taken} -> {given}")
    zeros = [np.zeros(port.shape, port.dtype) for port in model.steps[0].inputs]
    print(model.stream().step(*zeros))


if __name__ == "__main__":
    sys.exit(ended(main))
