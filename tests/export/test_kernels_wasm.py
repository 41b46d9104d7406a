"""SIMD128 kernels in wasmtime: exact sums in every form, odd sizes, extremes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgernn.backend import Module, find_runner
from edgernn.target import find_target
from edgernn.toolchain import build_wasm

from . import overrides
from .strips import NAME, Bench, differing, library, strips_of

pytestmark = [pytest.mark.cc, pytest.mark.emulator]
TARGET = find_target("wasm")
Load = Callable[[tuple[dict[str, str], list[str]]], Module]


@pytest.fixture
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Builds a module and instantiates it."""
    runner = find_runner(TARGET.runner)
    if missing := runner.missing():
        pytest.skip(missing)

    def run(built: tuple[dict[str, str], list[str]]) -> Module:
        sources, symbols = built
        folder = tmp_path_factory.mktemp("built")
        path = build_wasm(sources, TARGET, folder, name=NAME, exports=symbols)
        return runner.load(path.read_bytes(), TARGET)

    return run


def test_every_strip_gives_exact_sums(load: Load) -> None:
    strips = strips_of("simd128")
    assert len(strips) > 10
    bench = Bench(load(library(strips)))
    assert [line for strip in strips for line in differing(bench, strip)] == []


def test_overriding_kernels_give_the_portable_ones_bytes(load: Load) -> None:
    names = overrides.overridden("simd128")
    assert {"rescale_rows", "moved_s8", "sigmoid_rows"} <= set(names)
    module = load(overrides.library("simd128"))
    places = overrides.places(module)
    assert {name: overrides.differing(module, name, places) for name in names} == {
        n: [] for n in names
    }
