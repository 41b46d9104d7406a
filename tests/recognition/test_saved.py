"""A recogniser's saved state: it goes on with the same bits; what does not fit is refused."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from edgernn.backend import find_runner
from edgernn.target import find_target

from ..forged import (
    BAD_STATE,
    HEAD,
    OK,
    OTHER_MODEL,
    OTHER_OPTIONS,
    OTHER_VERSION,
    damaged,
    forged,
    sealed,
)
from .test_c_loop import HOT, Loop, built, compare, live, stream

pytestmark = pytest.mark.cc


class Loops(NamedTuple):
    """Two of one model, whose encoder looks so far ahead."""

    first: Loop
    second: Loop
    delay: int


@pytest.fixture(scope="module", params=[0, 3])
def loops(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loops:
    loop = built(find_target("host"), tmp_path_factory.mktemp("toy"), request.param)
    return Loops(loop, Loop(loop.module, loop.pointer), request.param)


@pytest.mark.parametrize("hot", [False, True])
@pytest.mark.parametrize("beam", [1, 4, 11])
def test_another_loop_goes_on_from_it_as_python_does(beam: int, hot: bool, loops: Loops) -> None:
    first, second, delay = loops
    blocks, others = stream("doubt", 90, beam), stream("silent", 40, 1)
    for cut in (0, 1, 16, 17, 45):
        twin = live(beam, 4, HOT if hot else None, delay)
        assert first.init(beam, 4, hot) == second.init(beam, 4, hot) == 0
        for one in blocks[:cut]:
            assert first.push(one) == twin.push(one)
        for one in others:
            second.push(one)
        saved = first.save()
        assert len(saved) <= first.module.call("toy_saved_most", beam)
        assert second.restore(saved) == OK
        assert second.save() == saved
        compare(second, twin, blocks[cut:])
        assert first.save() == saved


def test_what_is_damaged_or_of_another_is_refused_and_changes_nothing(loops: Loops) -> None:
    first, second, _ = loops
    assert first.init(4, 4, True) == second.init(4, 4, True) == 0
    for one in stream("doubt", 31, 2):
        first.push(one)
    for one in stream("silent", 20, 1):
        second.push(one)
    saved, before = first.save(), second.save()
    for wrong in damaged(saved):
        assert second.restore(wrong) in (BAD_STATE, OTHER_MODEL, OTHER_VERSION)
    assert second.restore(sealed(saved[:16] + b"\x09" + saved[17:])) == OTHER_MODEL
    assert second.restore(sealed(saved[:12] + bytes(4) + saved[16:])) == OTHER_MODEL  # of a step
    assert second.restore(sealed(saved[:8] + b"\x07" + saved[9:])) == OTHER_VERSION
    for beam, hot in ((5, True), (4, False), (3, True)):
        assert first.init(beam, 4, hot) == 0
        assert second.restore(first.save()) == OTHER_OPTIONS
    assert second.save() == before
    assert second.kept_to_its_memory()


def test_numbers_that_cannot_be_never_leave_the_memory(loops: Loops) -> None:
    first, second, _ = loops
    assert first.init(4, 4, True) == second.init(4, 4, True) == 0
    for one in stream("doubt", 31, 2):
        first.push(one)
    saved, taken = first.save(), 0
    blocks = stream("doubt", 12, 5)
    assert len(saved) > 4 * HEAD
    for made in forged(saved, 300):
        before = second.save()
        if second.restore(made):
            assert second.save() == before
            continue
        taken += 1
        for block in blocks:
            second.push(block)
        second.readings()
        second.finish()
        assert second.kept_to_its_memory()
    assert 20 < taken < 280  # most numbers may be any


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["aarch64", "cortex-m0", "wasm"])
def test_it_goes_from_cpu_to_cpu(name: str, loops: Loops, tmp_path: Path) -> None:
    target = find_target(name)
    if missing := find_runner(target.runner).missing():
        pytest.skip(missing)
    first, _, delay = loops
    there, twin = built(target, tmp_path, delay), live(3, 4, HOT, delay)
    blocks = stream("doubt", 60, 1)
    assert first.init(3, 4, True) == there.init(3, 4, True) == 0
    for block in blocks[:25]:
        assert first.push(block) == twin.push(block)
    assert there.restore(first.save()) == OK
    for block in blocks[25:40]:
        assert there.push(block) == twin.push(block)
    assert first.restore(there.save()) == OK
    assert compare(first, twin, blocks[40:]) > 0
