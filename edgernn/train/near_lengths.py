"""Examples of near lengths in one batch, so that little of it is padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

APART = 0.15  # by which lengths are changed at most before they are put in order, anew each epoch


class NearLengths:
    """Which examples a step trains on, a function of (seed, step): epochs, in random order.

    What fills no batch is left out of an epoch: some of the shortest and of the longest.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = np.array(lengths)
        self._drawn: tuple[tuple[int, int, int], list[list[int]]] | None = None

    def rows(self, step: int, size: int, seed: int) -> list[int]:
        """The examples of a step, `size` of them, or as many as there are."""
        size = min(size, len(self.lengths))
        epoch, at = divmod(step, len(self.lengths) // size)
        key = (epoch, size, seed)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = (key, self._epoch(*key))
        return self._drawn[1][at]

    def _epoch(self, epoch: int, size: int, seed: int) -> list[list[int]]:
        rng, count = np.random.default_rng([seed, epoch, 1]), len(self.lengths)
        order = np.argsort(self.lengths * rng.uniform(1 - APART, 1 + APART, count))
        each = count // size
        start = int(rng.integers(count - each * size + 1))
        rows = order[start : start + each * size].reshape(each, size)
        found: list[list[int]] = rows[rng.permutation(each)].tolist()
        return found
