"""Touches on a keyboard: a Gaussian around the key that is meant, as wide as the misses need."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgernn.keyboard.layout import Layout

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIGMAS = np.linspace(0.06, 0.9, 85)  # deviations that are tabulated, in key widths
ANGLES = 120  # directions in which the edge of a key is sought
SURE = 0.5  # so near a key's centre a touch hits that key, for centres are 1 apart
WITHIN = 0.45  # where a touch is put that would have missed and must not


class Touches:
    """Draws touches for keys of a layout; a key is its place in `layout.keys`.

    How often a Gaussian misses a key is exact: in each direction the key's edge is the nearest of
    the lines half way to its neighbours, so the share beyond it is exp(-edge^2 / (2 sigma^2)).
    """

    def __init__(self, layout: Layout) -> None:
        keys = layout.keys
        place = {key: i for i, key in enumerate(keys)}
        self.centres = np.array([(key.x, key.y) for key in keys])
        self.half = np.array([(key.width - 1) / 2 for key in keys])
        self.beside = np.array([[key in layout.on(own.page) for key in keys] for own in keys])
        chars = layout.characters
        self._key_of = np.array([-1, *(place[layout.key(char)] for char in chars)])
        edges = self._edges()
        self._missed = np.array([np.exp(-(edges**2) / (2 * s * s)).mean(1) for s in SIGMAS])

    def _edges(self) -> Floats:
        """How far from a key's centre the next key begins, (keys, ANGLES)."""
        apart = self.centres - self.centres[:, None]
        wide = self.half - self.half[:, None]  # of a wide key the nearest of its middle counts
        apart[..., 0] -= np.clip(apart[..., 0], -np.maximum(wide, 0), np.maximum(wide, 0))
        angles = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
        along = apart @ np.array([np.cos(angles), np.sin(angles)])
        near = self.beside[..., None] & (along > 1e-9)
        halfway = (apart**2).sum(-1)[..., None] / (2 * np.where(near, along, 1))
        return np.asarray(np.where(near, halfway, np.inf).min(1))

    def keys(self, labels: Ints) -> Ints:
        """The keys of a layout's labels, -1 of strangers."""
        return np.asarray(self._key_of[labels])

    def sigma(self, keys: Ints, misses: float) -> float:
        """The Gaussian that misses so many of these keys in the mean, or the widest of all."""
        share = self._missed[:, keys].mean(1)
        return float(np.interp(misses / len(keys), share, SIGMAS))

    def drawn(
        self, keys: Ints, sigma: float, rng: np.random.Generator, *, sure: bool = False
    ) -> tuple[Ints, Floats]:
        """The keys that are hit, and the touches' offsets from their centres (N, 2).

        sure: touches that would miss lie just within the key.
        """
        offsets = rng.standard_normal((len(keys), 2)) * sigma
        hit = keys.copy()
        far = np.flatnonzero((offsets**2).sum(1) > SURE**2)
        if far.size:
            points = self.centres[keys[far]] + offsets[far]
            found = self._nearest(points, keys[far])
            if sure:
                short = far[found != keys[far]]
                offsets[short] *= WITHIN / np.linalg.norm(offsets[short], axis=1, keepdims=True)
            else:
                hit[far], offsets[far] = found, points - self.centres[found]
        return hit, offsets

    def _nearest(self, points: Floats, keys: Ints) -> Ints:
        """The keys nearest to points (N, 2), of those that are shown together with `keys`."""
        apart = np.abs(points[:, None] - self.centres)
        along = np.maximum(apart[..., 0] - self.half, 0)
        distance = np.hypot(along, apart[..., 1])
        return np.asarray(np.where(self.beside[keys], distance, np.inf).argmin(1))


@lru_cache(maxsize=8)
def touches_on(layout: Layout) -> Touches:
    """The tables of a layout, made once."""
    return Touches(layout)
