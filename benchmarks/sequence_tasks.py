"""Small sequence tasks as labelled tokens: the Reber grammar and the shell game.

*Shell game*: a ball lies under the first of three cups; each token says which two cups change
places, and the label of each frame is where the ball is. The position after a swap follows only
from the position before it, so the task cannot be done without weights from the past to the
present: a state that merely decays or is gated by the input forgets or adds up, and neither
composes swaps, whose order matters. That is what the Reber strings fail to ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks import reber

IGNORED = -100  # torch's mark for a frame that is not judged
CUPS = 3
SWAPS = np.array([[0, 1], [1, 2], [0, 2]])
FRAMES = 20  # of a shell game

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Sequences padded with 0: tokens and targets (N, T), IGNORED where none; lengths (N,)."""

    tokens: Integers
    targets: Integers
    lengths: Integers

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True, slots=True)
class Task:
    """A task: how many tokens and classes it has, and (train count, test count, seed) -> data."""

    title: str
    tokens: int
    classes: int
    data: Callable[[int, int, int], tuple[Labelled, Labelled]]


def judged(strings: Mapping[str, bool]) -> Labelled:
    """Strings as letter numbers (A is 0), labelled 0 or 1 at their last letter alone."""
    lengths = np.array([len(string) for string in strings])
    tokens = np.zeros((len(strings), lengths.max()), np.int64)
    targets = np.full_like(tokens, IGNORED)
    for row, (string, accepted) in enumerate(strings.items()):
        tokens[row, : len(string)] = [reber.LETTERS.index(letter) for letter in string]
        targets[row, len(string) - 1] = accepted
    return Labelled(tokens, targets, lengths)


def plain_reber(train: int, test: int, seed: int) -> tuple[Labelled, Labelled]:
    """Accept or reject; no string is in both sets."""
    seen = reber.strings(train, 2 * seed)
    return judged(seen), judged(reber.strings(test, 2 * seed + 1, without=seen))


def embedded_reber(train: int, test: int, seed: int) -> tuple[Labelled, Labelled]:
    """Accept or reject by the second letter, up to 22 letters later."""
    seen = reber.strings(train, 2 * seed, reber.embedded, longest=24)
    fresh = reber.strings(test, 2 * seed + 1, reber.embedded, longest=24, without=seen)
    return judged(seen), judged(fresh)


def shell_game(count: int, frames: int, seed: int) -> Labelled:
    """Random swaps and where the ball is after each."""
    tokens = np.random.default_rng(seed).integers(0, len(SWAPS), (count, frames))
    targets, ball = np.zeros_like(tokens), np.zeros(count, np.int64)
    for frame in range(frames):
        one, other = SWAPS[tokens[:, frame]].T
        ball = np.where(ball == one, other, np.where(ball == other, one, ball))
        targets[:, frame] = ball
    return Labelled(tokens, targets, np.full(count, frames))


def shells(train: int, test: int, seed: int) -> tuple[Labelled, Labelled]:
    """Where the ball is, at each of FRAMES frames."""
    return shell_game(train, FRAMES, 2 * seed), shell_game(test, FRAMES, 2 * seed + 1)


TASKS = {
    "reber": Task("Reber grammar", len(reber.LETTERS), 2, plain_reber),
    "shells": Task("shell game", len(SWAPS), CUPS, shells),
    "embedded": Task("embedded Reber grammar", len(reber.LETTERS), 2, embedded_reber),
}
