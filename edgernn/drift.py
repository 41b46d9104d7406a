"""Whether a state, or what rounding does to an output, grows over a long stream.

A state that grows with the length of the stream collapses beyond the lengths that were trained on
(Chen et al. 2024, arXiv:2410.07145), and an error that adds up spoils the answer in the end. So a
stream is followed for long, and the rms of each state leaf and of each error is fitted over its
last decade, the last nine tenths, by a power of the frame's number. Its exponent is 0 for what is
bounded, 0.5 for a random walk, 1 for a sum. `LIMIT` lies between: a rise of a quarter in ten times
the frames, which a bounded figure shows neither by noise nor, once its memories are full, by their
filling.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from edgernn.backend import Array, Program
from edgernn.errors import DataError
from edgernn.streams import Frames
from edgernn.verify import go_on

LEAST = 1_000  # frames; with fewer no memory is full at a tenth of them
FIRST, PER_DECADE = 10, 12  # where the first window ends; windows of ten times the frames
CHUNK, LOOKS = 500, 8  # frames that the truth computes at once; at least so often in a window
FITTED = 10  # the fit begins at this part of the stream
LIMIT, SURE = 0.1, 3.0  # the exponent that is growth, if it is as many standard errors above 0
FLOOR = 1e-12  # of the largest value: where a figure counts as zero in a logarithm


class Truth(Protocol):
    """What runs the step itself; `name` in words."""

    name: str

    def run(self, frames: Frames) -> tuple[dict[str, Array], dict[str, Array]]:
        """The next frames: outputs (N, ...) and the state leaves after the last."""


@dataclass(frozen=True, slots=True)
class Course:
    """A figure over the stream: its rms in each window, None where it was no finite number.

    exponent: of the power of the frame's number that fits it, with its standard error; None if
        the figure did not stay finite, which is growth too.
    """

    what: str
    values: tuple[float | None, ...]
    exponent: float | None
    exponent_error: float | None

    @property
    def grows(self) -> bool:
        if self.exponent is None or self.exponent_error is None:
            return True
        return self.exponent > max(LIMIT, SURE * self.exponent_error)

    @property
    def verdict(self) -> str:
        return "grows" if self.grows else "bounded"


@dataclass(frozen=True, slots=True)
class Drift:
    """What a long stream did to one step.

    at: the frame at which each window ends. states: rms of each leaf, in the truth. errors: rms of
    each number type's outputs against the truth, in shares of the rms of its outputs.
    """

    name: str
    truth: str
    frames: int
    at: tuple[int, ...]
    states: tuple[Course, ...]
    errors: tuple[Course, ...]

    @property
    def grows(self) -> bool:
        return any(one.grows for one in (*self.states, *self.errors))

    def document(self) -> dict[str, Any]:
        """All of it, with the verdicts and the threshold that they are made by."""
        made = asdict(self)
        for key in ("states", "errors"):
            courses = zip(made[key], getattr(self, key), strict=True)
            made[key] = [row | {"verdict": course.verdict} for row, course in courses]
        return made | {"limit": LIMIT, "verdict": "grows" if self.grows else "bounded"}

    def rows(self) -> list[dict[str, Any]]:
        """A line a figure, at every second decade."""
        marks = [10**k for k in range(2, 12, 2) if 10**k < self.frames] + [self.frames]
        windows = [int(np.searchsorted(self.at, mark)) for mark in marks]
        return [
            {
                "step": self.name,
                "rms of": f"{kind} {course.what}",
                **{f"at {m:,}": course.values[w] for m, w in zip(marks, windows, strict=True)},
                "exponent": course.exponent,
                "±": course.exponent_error,
                "verdict": course.verdict,
            }
            for kind, courses in (("state", self.states), ("error of", self.errors))
            for course in courses
        ]


def follow(
    name: str,
    truth: Truth,
    programs: Mapping[str, Program],
    draw: Callable[[int], Frames],
    count: int,
    advance: Callable[[int], None] = lambda frames: None,
) -> Drift:
    """Run programs beside the truth over `count` frames, from the initial state.

    programs: by what their errors are called. draw: gives the next frames. advance: told of each
    chunk. Ends early where the truth itself is no longer finite. Raises: DataError for few frames.
    """
    need_frames(name, count)
    for program in programs.values():
        program.reset()
    at, squares, ends = 0, _Squares(), window_ends(count)
    with np.errstate(all="ignore"):  # what overflows is what is looked for
        for end in ends:
            most = min(CHUNK, -(-(end - at) // LOOKS))
            while at < end:
                frames = draw(min(most, end - at))
                squares.note(*truth.run(frames), programs, frames)
                done = len(next(iter(frames.values())))
                at += done
                advance(done)
            if not squares.close():
                break
    size = squares.size()
    return Drift(
        name,
        truth.name,
        count,
        ends,
        tuple(course(leaf, rms, ends) for leaf, rms in squares.rms("state").items()),
        tuple(
            course(kind, [value / size for value in rms], ends)
            for kind, rms in squares.rms("error").items()
        ),
    )


def need_frames(name: str, count: int) -> None:
    """Raises: DataError for fewer than show growth."""
    if count < LEAST:
        raise DataError(f"{name}: {count:,} frames show no growth; need at least {LEAST:,}")


def window_ends(count: int) -> tuple[int, ...]:
    """The frames at which windows end, evenly in their logarithm."""
    decades = np.log10(count / FIRST)
    ends = np.geomspace(FIRST, count, max(2, round(PER_DECADE * decades) + 1))
    return tuple(int(end) for end in np.unique(ends.round()))


def course(what: str, values: Sequence[float], ends: Sequence[int]) -> Course:
    """A figure's course. values: of the first windows; of the others there is none."""
    kept: list[float | None] = [float(f"{v:.4g}") if np.isfinite(v) else None for v in values]
    kept += [None] * (len(ends) - len(kept))
    if None in kept:
        return Course(what, tuple(kept), None, None)
    last = np.array(ends) * FITTED >= ends[-1]
    found = np.array(values, np.float64)[last]
    if not found.any():
        return Course(what, tuple(kept), 0.0, 0.0)
    size = np.log10(np.maximum(found, FLOOR * found.max()))
    time = np.log10(np.array(ends, np.float64)[last])
    time -= time.mean()
    spread = float((time**2).sum())
    slope = float((time * size).sum() / spread)
    rest = size - size.mean() - slope * time
    error = float(np.sqrt((rest**2).sum() / (len(rest) - 2) / spread))
    return Course(what, tuple(kept), round(slope, 4), round(error, 4))


class _Squares:
    """Sums of squares of one window after the other."""

    def __init__(self) -> None:
        self.windows: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.sums: dict[tuple[str, str], list[float]] = {}

    def add(self, kind: str, what: str, array: Array) -> None:
        pair = self.sums.setdefault((kind, what), [0.0, 0])
        pair[0] += float((array.astype(np.float64) ** 2).sum())
        pair[1] += array.size

    def note(
        self,
        outputs: Mapping[str, Array],
        leaves: Mapping[str, Array],
        programs: Mapping[str, Program],
        frames: Frames,
    ) -> None:
        """A chunk: what the truth made of it and what the programs make of it."""
        for name, leaf in leaves.items():
            self.add("state", name, leaf)
        for name, want in outputs.items():
            self.add("output", name, want)
        for kind, program in programs.items():
            got = go_on(program, frames)
            for name, want in outputs.items():
                self.add("error", kind, got[name].reshape(want.shape) - want.astype(np.float64))

    def close(self) -> bool:
        """End a window; whether the truth was finite in it."""
        for key, (total, count) in self.sums.items():
            self.windows[key].append(float(np.sqrt(total / count)) if count else 0.0)
        finite = all(np.isfinite(s) for (kind, _), (s, _) in self.sums.items() if kind != "error")
        self.sums = {}
        return finite

    def size(self) -> float:
        """The rms of the truth's outputs, as far as they were finite."""
        values = [v for values in self.rms("output").values() for v in values if np.isfinite(v)]
        return float(np.sqrt(np.mean(np.square(values)))) or 1.0 if values else 1.0

    def rms(self, kind: str) -> dict[str, list[float]]:
        """The windows of all figures of a kind."""
        return {what: values for (of, what), values in self.windows.items() if of == kind}
