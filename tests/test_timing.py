"""Timing composes as the streams it describes do."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import torch

from edgernn.errors import TimingError
from edgernn.layers.conv import Conv1d
from edgernn.layers.pooling import Pool
from edgernn.streaming import Delay, Sequential, Streaming
from edgernn.timing import Timing

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def random_timing(rng: random.Random) -> Timing:
    ratio = Fraction(rng.randint(1, 3), rng.randint(1, 4))
    return Timing(ratio.denominator * rng.randint(1, 2), ratio, rng.randint(0, 5))


@pytest.mark.parametrize("seed", range(40))
def test_a_composed_block_is_the_shortest_that_both_accept(seed: int) -> None:
    rng = random.Random(seed)
    first, second = random_timing(rng), random_timing(rng)
    try:
        both = first.then(second)
    except TimingError:
        assert (first.delay * second.ratio).denominator != 1
        return
    fits = [
        n
        for n in range(1, both.block + 1)
        if n % first.block == 0 and n * first.ratio % second.block == 0
    ]
    assert fits == [both.block]
    assert both.ratio == first.ratio * second.ratio
    assert both.delay == first.delay * second.ratio + second.delay


@pytest.mark.parametrize("seed", range(40))
def test_then_is_associative(seed: int) -> None:
    rng = random.Random(seed)
    a, b, c = (random_timing(rng) for _ in range(3))
    try:
        left, right = a.then(b).then(c), a.then(b.then(c))
    except TimingError:
        return
    assert (left.ratio, left.delay) == (right.ratio, right.delay)
    assert left.block == right.block


def test_the_plain_timing_changes_nothing() -> None:
    other = Timing(6, THIRD, 2)
    assert Timing().then(other) == other
    assert other.then(Timing()) == other


@pytest.mark.parametrize("seed", range(20))
def test_a_random_stack_gives_the_frames_that_its_timing_says(seed: int) -> None:
    rng = random.Random(seed)
    kinds: list[Streaming] = [
        Conv1d(2, 2, rng.randint(1, 4), stride=rng.randint(1, 3)),
        Pool("mean", 2, 4, stride=rng.randint(1, 4)),
        Conv1d(2, 2, 3, dilation=2, lookahead=0),
    ]
    rng.shuffle(kinds)
    stack = Sequential(**{f"layer{i}": layer for i, layer in enumerate(kinds)})
    for blocks in (1, 2, 5):
        frames = blocks * stack.timing.block
        assert stack(torch.zeros(1, frames, 2)).shape[1] == frames * stack.timing.ratio


@pytest.mark.parametrize(
    ("block", "ratio", "delay"),
    [(0, Fraction(1), 0), (1, Fraction(0), 0), (1, Fraction(1), -1), (3, HALF, 0), (1, THIRD, 0)],
)
def test_impossible_timings_are_refused(block: int, ratio: Fraction, delay: int) -> None:
    with pytest.raises(TimingError):
        Timing(block, ratio, delay)


def test_a_delay_that_does_not_divide_names_the_mend_and_the_mend_works() -> None:
    early, late = Timing(delay=3), Timing(block=2, ratio=HALF)
    with pytest.raises(TimingError, match=r"insert Delay\(1\) before that layer"):
        early.then(late)
    assert early.then(Delay(1, 4).timing).then(late) == Timing(2, HALF, 2)


def test_latency_counts_the_block_and_the_delay_in_input_frames() -> None:
    assert Timing().latency_frames() == 0
    assert Timing(320, Fraction(1, 320)).latency_frames() == 319
    assert Timing(2, HALF, 3).latency_frames() == 1 + 6
