"""`python -m PACKAGE`: the steps of the model, and what the first one gives for zeros."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from . import EdgernnError, Model


def main() -> int:
    """The exit code."""
    asked = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    asked.add_argument("--model", type=Path, help="a model.sealed in place of the package's")
    try:
        model = Model(asked.parse_args().model)
        for step in model.steps:
            taken, given = (
                ", ".join(f"{port.name} {port.dtype} {port.shape}" for port in ports)
                for ports in (step.inputs, step.outputs)
            )
            print(f"{step.name}, {step.frame_ms:g} ms: {taken} -> {given}")
        zeros = [np.zeros(port.shape, port.dtype) for port in model.steps[0].inputs]
        print(model.stream().step(*zeros))
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
