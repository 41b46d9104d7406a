"""AVX2 and AVX-512 VNNI kernels on a CPU that has them: exact sums, and a switch that is right."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgernn.backend import Module
from edgernn.compilers import Compiler, compiler, host_cpu
from edgernn.export.c import kernels
from edgernn.graph.reference import Reference
from edgernn.target import find_target
from edgernn.targets.runners.local import RUNNER
from edgernn.toolchain import build_library

from ..compiled import assert_same_bits, compiled, cpu_runs, noise, step_of, streamed
from . import overrides
from .strips import ENDS, NAME, WAYS, Bench, library, used, wrong
from .test_kernels import product

HOST = find_target("host")
pytestmark = [
    pytest.mark.cc,
    pytest.mark.skipif(host_cpu() != "x86_64_v3", reason="this CPU has no AVX2"),
]
Load = Callable[[str, tuple[dict[str, str], list[str]]], Module]


@pytest.fixture(params=["zig", "gcc"])
def cc(request: pytest.FixtureRequest) -> Compiler:
    if request.param != "zig" and not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    return compiler(request.param)


@pytest.fixture
def load(tmp_path: Path, cc: Compiler) -> Load:
    """Builds a library for an instruction set and loads it; skips where the CPU lacks the set."""

    def run(isa: str, built: tuple[dict[str, str], list[str]]) -> Module:
        if not cpu_runs(isa):
            pytest.skip(f"this CPU does not run kernels of {isa}")
        sources, symbols = built
        found = kernels.cpu_header(isa)
        if found:  # for every function; either compiler has a pragma of its own
            plain = {k: re.sub("#pragma clang.*\n", "", text) for k, text in sources.items()}
            pragma = f'target("{found[0]}")'
            push = f"clang attribute push(__attribute__(({pragma})), apply_to = function)"
            before = f"#pragma {push}" if cc.name == "zig" else f"#pragma GCC {pragma}"
            after = "#pragma clang attribute pop\n" if cc.name == "zig" else ""
            sources = {k: f"{before}\n{text}\n{after}" for k, text in plain.items()}
        path = build_library(sources, HOST, tmp_path, name=NAME, exports=symbols, cc=cc)
        return RUNNER.load(path.read_bytes(), HOST)

    return run


@pytest.mark.parametrize("isa", ["avx2", "vnni"])
def test_every_strip_gives_exact_sums_in_the_ways_it_is_used(isa: str, load: Load) -> None:
    found = list(used(isa))
    assert {way for _, ways in found for way in ways} == set(WAYS)
    bench = Bench(load(isa, library([strip for strip, _ in found])), 1 << 18)
    assert [line for strip, ways in found for line in wrong(bench, strip, ways)] == []


@pytest.mark.parametrize("isa", ["avx2", "vnni"])
def test_overriding_kernels_give_the_portable_ones_bytes(isa: str, load: Load) -> None:
    names = overrides.overridden(isa)
    assert {"rescale_rows", "sigmoid_rows", "moved_s8", "moved4_s8"} <= set(names)
    module = load(isa, overrides.library(isa))
    places = overrides.places(module)
    found = {name: overrides.differing(module, name, places) for name in names}
    assert found == {name: [] for name in names}


def test_every_size_of_the_base_set_has_a_faster_strip_over_the_same_table() -> None:
    for strip, _ in used("avx2"):
        faster = kernels.same_form(strip, "vnni")  # raises if it is laid out otherwise
        assert faster or strip.type in ("f32", "s8x16"), strip.form


def test_the_tile_of_a_delta_product_pads_its_rows_little() -> None:
    sizes = {
        rows: kernels.find_strip("s8", "delta", ("avx2",), rows).rows
        for rows in (10, 64, 100, 384, 500, 2560, 2561)
    }
    assert sizes == {10: 64, 64: 64, 100: 64, 384: 128, 500: 256, 2560: 256, 2561: 256}


def test_cpuid_says_what_the_system_says(tmp_path: Path, cc: Compiler) -> None:
    found = kernels.cpu_header("vnni")
    assert found
    text = ["#include <stdint.h>", kernels.header("prelude"), found[1], ENDS]
    text += ["int has(void);", "int has(void) { return edgernn_has_vnni(); }"]
    sources = {"has.c": "\n".join(text)}
    path = build_library(sources, HOST, tmp_path, name=NAME, exports=["has"], cc=cc)
    module = RUNNER.load(path.read_bytes(), HOST)
    assert module.call("has") == cpu_runs("vnni")


@pytest.mark.parametrize("number_type", ["w8a8", "w8a16", "w4a8", "w4a8-row", "w2a8", "w2a8-row"])
@pytest.mark.parametrize("block", [(1, 1), (16, 4), (8, 4), (4, 4), (16, 1)])
def test_a_step_that_switches_gives_the_reference_bits(
    number_type: str, block: tuple[int, int]
) -> None:
    """Both sets are in one library: nothing of one may bear a name of the other."""
    rng = np.random.default_rng(3)
    tiles = rng.random((80 // block[0], 76 // block[1])) < (1.0 if block == (1, 1) else 0.2)
    weight = noise((80, 76)) * np.kron(tiles, np.ones(block))
    graph, frames = product(weight.astype(np.float32), number_type)
    program = compiled(step_of(graph), graph, number_type)
    kinds = program.row["facts"]["kernels"]
    strips = [kind for name, kind in kinds.items() if name.startswith("strip_")]
    assert strips
    assert number_type == "w8a16" or strips == ["avx2, vnni"] * len(strips)
    for got, want in zip(
        streamed(program, frames)[0], streamed(Reference(graph), frames)[0], strict=True
    ):
        assert_same_bits(got, want)
