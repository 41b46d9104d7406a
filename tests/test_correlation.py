"""The statistics of the sparsity tables are those of the textbooks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.sparsity_tables import epochs_to_regain
from edgernn.correlation import by_chance, pearson, ranks, spearman, without_group_means


def test_pearson_is_that_of_numpy_and_nan_without_variation() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 30))
    assert pearson([*x], [*y]) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert math.isnan(pearson([1, 1, 1], [1, 2, 3]))


def test_ranks_of_equals_are_their_mean_and_spearman_sees_order_alone() -> None:
    assert ranks([3, 1, 3, 2]).tolist() == [2.5, 0, 2.5, 1]
    assert spearman([1, 2, 3, 4], [1, 10, 100, 1000]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [8, 4, 2, 1]) == pytest.approx(-1)


def test_what_groups_alone_explain_is_gone_with_their_means() -> None:
    x = without_group_means([1, 2, 11, 12], ["a", "a", "b", "b"])
    assert x == [-0.5, 0.5, -0.5, 0.5]


def test_95_of_100_unrelated_series_stay_within_what_chance_allows() -> None:
    rng = np.random.default_rng(0)
    found = [pearson([*rng.normal(size=24)], [*rng.normal(size=24)]) for _ in range(1000)]
    assert np.mean(np.abs(found) < by_chance(24)) == pytest.approx(0.95, abs=0.02)


def test_epochs_to_regain_count_from_the_pruned_net() -> None:
    row = {"curve": [0.5, 0.99]}
    assert epochs_to_regain(row, {"after": 0.99, "retrained": []}) == "0"
    assert epochs_to_regain(row, {"after": 0.5, "retrained": [0.9, 0.986]}) == "2"
    assert epochs_to_regain(row, {"after": 0.5, "retrained": [0.9, 0.9, 0.9]}) == ">3"
