"""Long streams of real frames: cut, lengthened, read from a file or made up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgernn.backend import Array
from edgernn.errors import DataError, UnknownName

if TYPE_CHECKING:
    from edgernn.graph.step_graph import Port

Frames = Mapping[str, Array]  # by input, each (N, ...) for N steps
NOISE_STEPS = 2_000
LEVELS = (0.5, 1.0, 0.25, 0.8)  # of the rounds of a lengthened stream


@dataclass(frozen=True, slots=True)
class Stream:
    """Frames of a step and what its model makes of them; arrays (N, ...), leaves after the last.

    every: outputs are those of every so many steps, from the first on.
    """

    frames: Frames
    outputs: Mapping[str, Array]
    state: Mapping[str, Array]
    every: int = 1

    def __len__(self) -> int:
        return count_steps(self.frames)


def count_steps(frames: Frames) -> int:
    """The N of frames."""
    return len(next(iter(frames.values())))


def each_step(frames: Frames) -> Iterator[dict[str, Array]]:
    """One step's inputs after the other."""
    for at in range(count_steps(frames)):
        yield {name: array[at] for name, array in frames.items()}


def cut_to_steps(streams: Iterable[Array], block: int) -> Array:
    """Streams (1, T, ...) as steps (N, 1, block, ...). Raises: DataError if none is long enough."""
    parts = [s[:, : s.shape[1] // block * block] for s in streams]
    parts = [p.reshape(-1, 1, block, *p.shape[2:]) for p in parts if p.shape[1]]
    if not parts:
        raise DataError(f"no example is as long as one block of {block} frames")
    return np.concatenate(parts)


def lengthened(frames: Frames, count: int) -> dict[str, Array]:
    """`count` steps: the examples over and over, each round at another level."""
    return {name: _lengthened(array, count) for name, array in frames.items()}


def _lengthened(array: Array, count: int) -> Array:
    rounds = -(-count // len(array))
    if not np.issubdtype(array.dtype, np.floating):
        return np.concatenate([array] * rounds)[:count]
    levels = np.array(LEVELS, np.float32)
    return np.concatenate([array * levels[k % len(LEVELS)] for k in range(rounds)])[:count]


def noise_frames(inputs: Sequence[Port]) -> dict[str, Array]:
    """Seeded normal numbers; zeros for whole numbers, the only token that is sure to exist."""
    rng = np.random.default_rng(0)

    def draw(port: Port) -> Array:
        shape = (NOISE_STEPS, *port.shape)
        if np.issubdtype(port.dtype, np.floating):
            return rng.standard_normal(shape, np.float32).astype(port.dtype)
        return np.zeros(shape, port.dtype)

    return {port.name: draw(port) for port in inputs}


def read_frames(path: Path, inputs: Sequence[Port]) -> dict[str, Array]:
    """Frames of a .npy file (one input) or a .npz file (an array for each input).

    An array is (N, ...) with the shape of its input, unit axes left out at will, or the stream
    itself, whose first axis is cut into steps.

    Raises: DataError if the file or an array is not of that form or not finite; UnknownName for
        an array of no input.
    """
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            arrays = dict(stored) if hasattr(stored, "files") else {inputs[0].name: stored}
    except OSError as cause:
        raise DataError(f"{path}: {cause.strerror or cause}") from cause
    except Exception as cause:  # numpy's readers raise nearly anything
        raise DataError(f"{path}: is no .npy or .npz file of numbers: {cause}") from cause
    known = [port.name for port in inputs]
    for name in arrays:
        if name not in known:
            raise UnknownName(f"input in {path}", name, known)
    missing = [name for name in known if name not in arrays]
    if missing:
        raise DataError(
            f"{path}: has no frames for {', '.join(missing)}; a .npz holds an array for each input"
        )
    frames = {port.name: _as_steps(path, port, arrays[port.name]) for port in inputs}
    counts = {name: len(array) for name, array in frames.items()}
    if len(set(counts.values())) != 1:
        raise DataError(f"{path}: has not equally many steps for each input: {counts}")
    return frames


def _as_steps(path: Path, port: Port, array: Array) -> Array:
    where = f"{path}: {port.name} is {array.dtype} {array.shape}"
    real = np.issubdtype(port.dtype, np.floating)
    if array.dtype.kind not in ("f" if real else "iub"):
        raise DataError(f"{where}; need {'real' if real else 'whole'} numbers")
    least = tuple(n for n in port.shape if n != 1)
    given = tuple(n for n in array.shape[1:] if n != 1)
    steps = len(array) if array.ndim else 0
    if given != least:  # not one row a step; then perhaps a stream of rows
        flat = (
            array.reshape(array.shape[1:]) if array.shape[:1] == (1,) and array.ndim > 1 else array
        )
        fits = least and flat.ndim == len(least) and flat.shape[1:] == least[1:]
        steps = len(flat) // least[0] if fits else 0
        array = flat[: steps * least[0]] if fits else flat
    if not steps:
        raise DataError(f"{where}; need (steps, {', '.join(map(str, port.shape))})")
    if not np.isfinite(array).all():
        raise DataError(f"{where}, and holds NaN or infinity")
    return array.reshape(steps, *port.shape).astype(port.dtype)
