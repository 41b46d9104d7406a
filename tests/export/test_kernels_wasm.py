"""WebAssembly's kernels in wasmtime and a browser: exact sums in all forms, odd sizes, extremes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.backend import Module, find_runner
from edgernn.export.c import kernels
from edgernn.export.c.kernels import BITS, find_strip, sparse_strips
from edgernn.target import find_target
from edgernn.toolchain import build_wasm

from .. import browser
from . import overrides
from .in_browser import InBrowser
from .strips import NAME, Bench, cases, differing, library, strips_of

pytestmark = [pytest.mark.cc, pytest.mark.emulator]
TARGETS = {"simd128": find_target("wasm"), "plain128": find_target("wasm-plain")}
RELAXED = find_target("wasm-relaxed")
NONE, SIGNED, UNSIGNED = range(3)  # how an engine takes the second factor of a relaxed dot product
ASKED = """
int asked(void);
int asked(void) { return edgernn_has_relaxed128() + edgernn_dot_is_unsigned(); }
"""
BOTH = """
void both(const float *a, const float *b, float *y, float *z, int m, int k, int n);
void both(const float *a, const float *b, float *y, float *z, int m, int k, int n) {
  edgernn_matmul_f32(a, b, y, m, k, n);
  edgernn_plain(a, b, z, m, k, n);
}
"""
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
        path = build_wasm(sources, TARGETS[isa], folder, name=NAME, exports=symbols, alone=True)
        return runner.load(path.read_bytes(), TARGETS[isa])

    return run


@pytest.mark.parametrize("isa", TARGETS)
def test_every_strip_gives_exact_sums(isa: str, load: Load) -> None:
    strips = strips_of(isa)
    assert len(strips) > 10
    bench = Bench(load(isa, library(strips)))
    assert [line for strip in strips for line in differing(bench, strip)] == []


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Relaxed SIMD's strips, and what they ask the engine."""
    cpu = kernels.cpu_header("relaxed128")
    assert cpu
    sources, symbols = library(strips_of("relaxed128"))
    prelude = kernels.header("prelude")
    sources["strips.c"] = sources["strips.c"].replace(prelude, prelude + cpu[1]) + ASKED
    exports = [*symbols, "asked"]
    folder = tmp_path_factory.mktemp("relaxed")
    path = build_wasm(sources, RELAXED, folder, name=NAME, exports=exports, alone=True)
    return path.read_bytes()


def wrong_of(module: Module) -> list[str]:
    """Cases that relaxed SIMD's strips get wrong, inputs at -128 among them."""
    strips, bench = strips_of("relaxed128"), Bench(module)
    lines = [line for strip in strips for line in differing(bench, strip)]
    for strip in strips:
        for case in cases(strip, seed=1):
            if case.way != "delta":  # a move is 127 at most
                case = replace(case, x=np.where(case.x == -127, -128, case.x))
                if not np.array_equal(bench.sums(strip, case), case.sums(strip)):
                    lines.append(f"{strip.form} {case.way}, {len(case.list)} tiles, at -128")
    return lines


def test_two_relaxed_products_of_less_than_128_are_exact_in_every_engine(relaxed: bytes) -> None:
    runner = find_runner("wasm")
    if missing := runner.missing():
        pytest.skip(missing)
    module = runner.load(relaxed, RELAXED)
    assert module.call("asked") in (NONE, SIGNED, UNSIGNED)
    assert wrong_of(module) == []


@browser.real
def test_a_browser_takes_bytes_whole_where_the_cpu_does(relaxed: bytes, tmp_path: Path) -> None:
    flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").is_file() else []
    with browser.browser(tmp_path) as page:
        module = InBrowser(page, relaxed)
        answer = module.call("asked")
        assert answer == UNSIGNED or "avx_vnni" not in flags
        assert wrong_of(module) == []


def test_what_relaxed_simd_does_not_take_is_left_to_simd() -> None:
    """Every 8-bit tile of four columns, and the one of deltas, has both, over one table."""
    for strip in strips_of("simd128"):
        faster = kernels.same_form(strip, "relaxed128")
        wanted = strip.type == "s8" and (strip.cols == 4 or strip.rows == 32)
        assert (faster is not None) == wanted, strip.form


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


@pytest.mark.parametrize(("m", "k", "n"), [(34, 32, 16), (1, 3, 16), (5, 7, 37), (2, 1, 15)])
def test_products_of_two_matrices_are_the_portable_ones_bits(
    m: int, k: int, n: int, load: Load
) -> None:
    own, plain = (kernels.find_kernel("matmul_f32", isas).source for isas in (("simd128",), ()))
    parts = ["#include <stdint.h>", kernels.header("prelude"), own]
    parts += [plain.replace("edgernn_matmul_f32", "edgernn_plain"), BOTH]
    module = load("simd128", ({f"{NAME}.c": "\n".join(parts)}, ["both"]))
    rng = np.random.default_rng(m)
    a, b = (rng.normal(size=shape).astype(np.float32) for shape in ((m, k), (k, n)))
    places = [module.alloc(4 * count) for count in (m * k, k * n, m * n + 4, m * n)]
    for place, array in zip(places, (a, b, np.full(m * n + 4, 7, np.float32)), strict=False):
        module.write(place, array.tobytes())
    module.call("both", *places, m, k, n)
    got, want = (module.read(place, 4 * m * n) for place in places[2:])
    assert got == want
    assert np.frombuffer(want, np.float32) == pytest.approx((a @ b).ravel(), abs=1e-4)
    assert module.read(places[2] + 4 * m * n, 16) == np.full(4, 7, np.float32).tobytes()
