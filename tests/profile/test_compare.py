"""Verdicts between profiles: what differs, what is the same, and what cannot be told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgernn.errors import DataError
from edgernn.profile.compare import FASTER, SAME, SLOWER, UNSURE, apart, checked, compare


def documents(*rounds: list[float], counts: tuple[float, ...] = ()) -> list[dict[str, Any]]:
    """Profiles of the same step whose rounds had these medians, or with these counts."""
    made = []
    for each in rounds or [[1.0] * 11] * len(counts):
        row = {"backend": "c", "number_type": "w8a8", "rounds_us": each, "device": "ssh://pi"}
        one = {"model": "m", "step": "s", "host": [], "devices": [row], "chips": []}
        made.append({"schema": "edgernn.profile", "version": 1, "profiles": [one]})
    for one, mean in zip(made, counts, strict=False):
        chip = {"target": "cortex-m4", "number_type": "w8a8", "count": {"mean": mean}}
        one["profiles"][0]["chips"] = [chip]
    return made


def around(middle: float, spread: float, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return list(middle * (1 + spread * rng.standard_normal(11)))


@pytest.mark.parametrize(
    ("middle", "spread", "verdict"),
    [
        *((1.0, 0.002, SAME), (1.02, 0.002, SAME), (1.12, 0.002, SLOWER), (0.88, 0.002, FASTER)),
        *((1.05, 0.2, UNSURE), (1.0, 0.3, UNSURE)),
    ],
)
def test_verdicts(middle: float, spread: float, verdict: str) -> None:
    for seed in range(9):
        old, new = documents(around(10, spread, seed), around(10 * middle, spread, seed + 99))
        (told,) = compare(old, new)
        assert told.verdict == verdict, told
        assert told.low <= told.ratio <= told.high


def test_counts_are_exact() -> None:
    for then, now, verdict in ((100.0, 100.0, SAME), (100.0, 101.0, SLOWER), (100.0, 99.0, FASTER)):
        old, new = documents(counts=(then, now))
        told = compare(old, new)[-1]
        assert (told.unit, told.verdict) == ("instructions", verdict)


def paced(
    then: float, now: float, clock_then: float, clock_now: float, seed: int
) -> list[dict[str, Any]]:
    """Profiles of a step of so many cycles on a core whose clock differs between the two."""
    made = documents(
        around(then / clock_then, 0.01, seed), around(now / clock_now, 0.01, seed + 99)
    )
    for one, clock in zip(made, (clock_then, clock_now), strict=True):
        (row,) = one["profiles"][0]["devices"]
        row["paces_us"] = around(1 / clock, 0.002, seed + 7)
    return made


@pytest.mark.parametrize(
    ("now", "clock", "verdict"),
    [
        (1.0, 1.0, SAME),
        (1.0, 0.88, SAME),  # its clock was slower, and the step no other
        (1.0, 1.15, SAME),
        (1.2, 1.0, SLOWER),
        (1.2, 0.9, SLOWER),
        (1.2, 1.2, UNSURE),  # as fast as before, by a faster clock
        (0.8, 1.0, FASTER),
    ],
)
def test_a_core_at_another_pace_makes_no_step_another(
    now: float, clock: float, verdict: str
) -> None:
    for seed in range(9):
        (told,) = compare(*paced(10, 10 * now, 1.0, clock, seed))
        assert told.verdict == verdict, told


def test_bundles_on_a_device_are_told_from_the_first() -> None:
    first, other = (
        one["profiles"][0] for one in documents(around(10, 0.01, 0), around(14, 0.01, 1))
    )
    document = {"profiles": [{**first, "bundle": "a"}, {**other, "bundle": "b"}]}
    (told,) = apart(document)
    assert (told.what, told.verdict) == ("s ssh://pi b beside a", SLOWER)
    assert apart({"profiles": [{**first, "bundle": "a"}]}) == []


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ([], "is no profile; edgernn profile --json writes one"),
        ({"schema": "edgernn.parity", "version": 1}, "is no profile"),
        (
            {"schema": "edgernn.profile", "version": 0},
            "a profile of version 0; this edgernn reads 1",
        ),
        ({"schema": "edgernn.profile"}, "a profile of version None; this edgernn reads 1"),
        (
            {"schema": "edgernn.profile", "version": 3, "edgernn": "7.1"},
            "a profile of version 3, made by edgernn 7.1; this one reads 1: update edgernn",
        ),
    ],
)
def test_another_schema_is_one_line(document: Any, line: str) -> None:
    with pytest.raises(DataError) as raised:
        checked(document, "old.json")
    assert str(raised.value).startswith(f"old.json: {line}")


def test_a_profile_that_lacks_something_is_one_line() -> None:
    old, new = documents([1.0] * 11, [1.0] * 11)
    assert checked(old, "old.json") is old
    del old["profiles"][0]["devices"][0]["rounds_us"]
    with pytest.raises(DataError, match="a profile that is not whole: lacks 'rounds_us'"):
        compare(old, new)
    old["profiles"][0]["devices"][0]["rounds_us"] = ["much"]
    with pytest.raises(DataError, match="not whole: could not convert string to float"):
        compare(old, new)
    with pytest.raises(DataError, match="not whole: lacks 'profiles'"):
        compare({}, new)


def test_profiles_of_another_step_have_nothing_in_common() -> None:
    old, new = documents([1.0] * 11, [1.0] * 11)
    old["profiles"][0]["step"] = "other"
    with pytest.raises(DataError, match="no step, code and place in common"):
        compare(old, new)
