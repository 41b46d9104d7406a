"""Other ways in which the same words could have been said, drawn in their features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def at_speed(x: NDArray[np.floating[Any]], speed: float, least: int = 1) -> NDArray[np.float64]:
    """Frames between frames: (T, C) -> (T / speed, C), at least so many."""
    at = np.linspace(0, len(x) - 1, max(least, round(len(x) / speed)))
    low = at.astype(int)
    share = (at - low)[:, None]
    return np.asarray(x[low] * (1 - share) + x[np.minimum(low + 1, len(x) - 1)] * share)
