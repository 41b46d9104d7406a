"""One model by every backend and number type: `python -m benchmarks.backends`.

Exported as a user exports it, opened by `Session`, stepped in turn in one process: what an app in
Python has, the call and its checks among it. Peak
memory is that of a process of its own, above Python with numpy. `--write` puts the table into
docs/backends.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from benchmarks.document import table, write_section
from benchmarks.interleave import Array, Measure, interleaved, times
from edgernn.backend import find_backend
from edgernn.exporting import export, steps_of
from edgernn.model import find_model
from edgernn.parity import BACKENDS, NUMBER_TYPES
from edgernn.profile.latency import machine, measure
from edgernn.runtime import Session, open_steps

PAGE = Path("docs/backends.md")
MODELS = ("kws", "asr")
HEAD = ("", "backend", "number type", "p50 µs", "p99 µs", "bytes", "peak memory, MB")
FRAMES = 50
SECONDS = 0.1  # of the process whose memory is told


def forms() -> Iterator[tuple[str, str]]:
    """Backends and the number types of each."""
    for backend in BACKENDS:
        for number_type in NUMBER_TYPES.get(backend, find_backend(backend).number_types):
            yield backend, number_type


def stepping(session: Session, frames: list[dict[str, Array]]) -> Measure:
    """Times single steps, the frames over and over."""

    def measure(steps: int) -> Array:
        spent = np.empty(steps)
        for k in range(steps):
            frame = frames[k % len(frames)]
            start = perf_counter_ns()
            session.step(frame)
            spent[k] = perf_counter_ns() - start
        return spent

    return measure


def measured(name: str, step: str, folder: Path, rounds: int, steps: int) -> list[list[str]]:
    """Rows of one step of a model."""
    source = next(one for one in steps_of(find_model(name), print) if one.name == step)
    frames = [{k: v[t] for k, v in source.frames.items()} for t in range(FRAMES)]
    opened: dict[tuple[str, str], Session] = {}
    for form in forms():
        path = folder / f"{name}-{'-'.join(form)}.edgernn"
        print(f"{name}: {' '.join(form)}", file=sys.stderr)
        export(name, "host", form[1], path, backend=form[0])
        opened[form] = open_steps(path)[step]
    spent = interleaved(
        {" ".join(form): stepping(one, frames) for form, one in opened.items()}, rounds, steps
    )
    rows = []
    for form, session in opened.items():
        time = times(spent[" ".join(form)])
        size = len(session.bundle.read(session.artifact["main"]))
        figures = [f"{time.median_us:,.1f}", f"{time.p99_us:,.1f}", f"{size:,}"]
        peak = measure(session.bundle.path, step, session.artifact["target"], SECONDS).peak_bytes
        memory = "-" if peak is None else f"{peak / 1e6:.0f}"
        rows.append([name, *(f"`{one}`" for one in form), *figures, memory])
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            step = "encoder" if name == "asr" else name
            rows += measured(name, step, Path(folder), given.rounds, given.steps)
    made = [f"{machine()}; `python -m benchmarks.backends --write`:", "", *table(HEAD, rows)]
    print("\n".join(made))
    if given.write:
        write_section("backends", made, PAGE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
