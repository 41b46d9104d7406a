"""NEON and dotprod kernels under emulation: exact sums in every form, odd sizes, extremes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgernn.backend import Module
from edgernn.target import find_target
from edgernn.targets.runners.aarch64 import RUNNER
from edgernn.toolchain import build_library

from . import overrides
from .strips import NAME, Bench, differing, library, strips_of

pytestmark = [pytest.mark.cc, pytest.mark.emulator]
TARGET = find_target("aarch64")
ISAS = (*TARGET.isa, TARGET.faster)
Load = Callable[[tuple[dict[str, str], list[str]]], Module]


@pytest.fixture
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Builds and loads a library on an emulated core that has every instruction set."""
    if missing := RUNNER.missing():
        pytest.skip(missing)

    def run(built: tuple[dict[str, str], list[str]]) -> Module:
        sources, symbols = built
        folder = tmp_path_factory.mktemp("built")
        path = build_library(sources, TARGET, folder, name=NAME, exports=symbols)
        return RUNNER.emulate(path.read_bytes(), TARGET)

    return run


@pytest.mark.parametrize("isa", ISAS)
def test_every_strip_gives_exact_sums(isa: str, load: Load) -> None:
    strips = strips_of(isa)
    assert len(strips) > 10
    bench = Bench(load(library(strips)))
    assert [line for strip in strips for line in differing(bench, strip)] == []


def test_overriding_kernels_give_the_portable_ones_bytes(load: Load) -> None:
    names = overrides.overridden("neon")
    assert len(names) == len(overrides.CASES)
    module = load(overrides.library("neon"))
    places = overrides.places(module)
    assert {name: overrides.differing(module, name, places) for name in names} == {
        n: [] for n in names
    }
