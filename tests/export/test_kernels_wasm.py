"""WebAssembly's kernels in wasmtime: exact sums in every form, odd sizes, extremes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgernn.backend import Module, find_runner
from edgernn.export.c.kernels import BITS, find_strip, sparse_strips
from edgernn.target import find_target
from edgernn.toolchain import build_wasm

from . import overrides
from .strips import NAME, Bench, differing, library, strips_of

pytestmark = [pytest.mark.cc, pytest.mark.emulator]
TARGETS = {"simd128": find_target("wasm"), "plain128": find_target("wasm-plain")}
Load = Callable[[str, tuple[dict[str, str], list[str]]], Module]


@pytest.fixture
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Builds a module for the target of an instruction set and instantiates it."""
    runner = find_runner("wasm")
    if missing := runner.missing():
        pytest.skip(missing)

    def run(isa: str, built: tuple[dict[str, str], list[str]]) -> Module:
        sources, symbols = built
        folder = tmp_path_factory.mktemp("built")
        path = build_wasm(sources, TARGETS[isa], folder, name=NAME, exports=symbols)
        return runner.load(path.read_bytes(), TARGETS[isa])

    return run


@pytest.mark.parametrize("isa", TARGETS)
def test_every_strip_gives_exact_sums(isa: str, load: Load) -> None:
    strips = strips_of(isa)
    assert len(strips) > 10
    bench = Bench(load(isa, library(strips)))
    assert [line for strip in strips for line in differing(bench, strip)] == []


@pytest.mark.parametrize("type_", BITS)
def test_what_has_no_simd_reads_the_same_tables(type_: str) -> None:
    def forms(isa: str) -> list[tuple[object, ...]]:
        uses = [find_strip(type_, use, (isa,)) for use in ("dense", "delta")]
        found = [*uses, *sorted(sparse_strips(type_, (isa,)), key=lambda one: one.form)]
        return [(one.isa, one.form, one.layout, one.pad, one.cost) for one in found]

    assert [("simd128", *rest) for _, *rest in forms("plain128")] == forms("simd128")


def test_overriding_kernels_give_the_portable_ones_bytes(load: Load) -> None:
    names = overrides.overridden("simd128")
    assert {"rescale_rows", "moved_s8", "sigmoid_rows"} <= set(names)
    module = load("simd128", overrides.library("simd128"))
    places = overrides.places(module)
    assert {name: overrides.differing(module, name, places) for name in names} == {
        n: [] for n in names
    }
