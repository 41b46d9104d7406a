"""Batches of near lengths: each example once an epoch, the same of a step, little padding."""

from __future__ import annotations

import numpy as np

from edgernn.train.near_lengths import NearLengths

LENGTHS = np.random.default_rng(0).integers(10, 100, 50).tolist()


def test_an_epoch_has_each_example_once_at_most_and_the_next_another_order() -> None:
    near = NearLengths(LENGTHS)
    first, second = ([near.rows(step, 8, 1) for step in range(6 * e, 6 * e + 6)] for e in (0, 1))
    for epoch in (first, second):
        drawn = [row for rows in epoch for row in rows]
        assert len(set(drawn)) == len(drawn) == 48
    assert first != second


def test_a_step_is_the_same_whatever_was_asked_before_and_another_by_another_seed() -> None:
    near = NearLengths(LENGTHS)
    wanted = [NearLengths(LENGTHS).rows(step, 8, 1) for step in (13, 2, 13)]
    assert [near.rows(step, 8, 1) for step in (13, 2, 13)] == wanted
    assert near.rows(13, 8, 2) != wanted[0]


def test_lengths_in_a_batch_are_near() -> None:
    near = NearLengths(LENGTHS)
    spans = [np.ptp([LENGTHS[row] for row in near.rows(step, 8, 1)]) for step in range(6)]
    assert np.mean(spans) < np.ptp(LENGTHS) / 2


def test_a_batch_has_no_more_than_there_are() -> None:
    assert sorted(NearLengths([3, 1, 2]).rows(5, 8, 1)) == [0, 1, 2]
