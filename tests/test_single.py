"""What searches compute in float32."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.single import likeliest


@pytest.mark.parametrize("count", [1, 3, 40, 41])
def test_the_likeliest_are_those_of_a_stable_sort(count: int) -> None:
    rng = np.random.default_rng(0)
    for levels in (3, 1000):
        scores = rng.integers(0, levels, 40).astype(np.float32)
        scores[[3, 9]] = np.nan
        assert (likeliest(scores, count) == np.argsort(-scores, kind="stable")[:count]).all()
