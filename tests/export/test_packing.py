"""Buffers in one block of memory: never on top of each other while both live, and little waste."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from edgernn.export.c.packing import Part, live_bytes, pack


def random_parts(seed: int) -> tuple[dict[str, list[Part]], dict[str, int]]:
    rng = np.random.default_rng(seed)
    parts, aligns = {}, {}
    for k in range(int(rng.integers(2, 40))):
        first = int(rng.integers(0, 30))
        edges = [0, *np.cumsum(rng.integers(1, 80, int(rng.integers(1, 4)))).tolist()]
        lives = [first + int(rng.integers(0, 4)) for _ in edges[1:]]
        end = max(lives) + int(rng.integers(0, 9))
        some = [Part(a, b, at, end) for a, b, at in zip(edges, edges[1:], lives, strict=False)]
        parts[f"b{k}"], aligns[f"b{k}"] = some, int(rng.choice([1, 4, 16]))
    return parts, aligns


@pytest.mark.parametrize("seed", range(30))
def test_what_is_alive_together_lies_apart(seed: int) -> None:
    parts, aligns = random_parts(seed)
    offsets = pack(parts, aligns, set(), 20_000)
    assert offsets.keys() == parts.keys()
    for name, at in offsets.items():
        assert at >= 0
        assert at % aligns[name] == 0
    for a, b in combinations(parts, 2):
        for p in parts[a]:
            for q in parts[b]:
                apart = offsets[a] + p.end <= offsets[b] + q.start
                apart |= offsets[b] + q.end <= offsets[a] + p.start
                assert apart or not p.meets(q), (a, b)


def test_little_is_wasted() -> None:
    waste = []
    for seed in range(30):
        parts, _ = random_parts(seed)
        offsets = pack(parts, dict.fromkeys(parts, 1), set(), 200_000)
        reach = max(at + parts[n][-1].end for n, at in offsets.items())
        waste.append(reach / max(live_bytes(parts, 50)))
    assert np.mean(waste) < 1.05
    assert max(waste) < 1.2


def test_the_part_that_is_not_made_yet_may_lie_over_something_else() -> None:
    parts = {"whole": [Part(0, 10, 0, 9), Part(10, 100, 5, 9)], "early": [Part(0, 90, 1, 3)]}
    assert pack(parts, {"whole": 1, "early": 1}, set(), 0) == {"whole": 0, "early": 10}


def test_a_pair_may_share_its_place_and_only_exactly() -> None:
    parts = {"old": [Part(0, 64, 0, 3)], "new": [Part(0, 16, 3, 5)], "else": [Part(0, 8, 3, 4)]}
    aligns = dict.fromkeys(parts, 4)
    assert pack(parts, aligns, set(), 0)["new"] >= 64
    offsets = pack(parts, aligns, {("old", "new")}, 0)
    assert offsets["new"] == offsets["old"]
    assert offsets["else"] >= 64


def test_live_bytes_are_counted_by_action() -> None:
    parts = {"a": [Part(0, 4, 0, 1), Part(4, 10, 1, 2)], "b": [Part(0, 3, 2, 2)]}
    assert live_bytes(parts, 4) == [4, 10, 9, 0]
