"""Cortex-M kernels under QEMU: exact sums of every strip in the ways it is used."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from edgernn.backend import Module
from edgernn.export.c.kernels import driver, header
from edgernn.target import find_target
from edgernn.targets.runners.qemu import RUNNER
from edgernn.toolchain import build_firmware

from . import overrides, own_drivers
from .strips import NAME, Bench, library, used, wrong

pytestmark = [pytest.mark.cc, pytest.mark.emulator]
# one chip's instructions, on a board with memory for large cases: each core runs older ones' code
CORES = {"thumb1": "cortex-m0", "scalar": "cortex-m3", "dsp": "cortex-m33", "helium": "cortex-m55"}
BOARDS = {"helium": "cortex-m55"}
MAIN = "\nint main(void);\nint main(void) { return 0; }\n"
Built = tuple[dict[str, str], list[str]]
Load = Callable[[str, Built], Module]


@pytest.fixture
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Builds firmware for an instruction set and stops it before its `main`."""
    if missing := RUNNER.missing():
        pytest.skip(missing)

    def run(isa: str, built: Built) -> Module:
        core, board = find_target(CORES[isa]), find_target(BOARDS.get(isa, "cortex-m33"))
        target = replace(core, board=board.board)
        sources, symbols = built
        sources = {name: text + MAIN for name, text in sources.items()}
        folder = tmp_path_factory.mktemp("built")
        path = build_firmware(sources, target, folder, name=NAME, exports=symbols)
        return RUNNER.load(path.read_bytes(), target)

    return run


@pytest.mark.parametrize("isa", CORES)
def test_every_strip_gives_exact_sums(isa: str, load: Load) -> None:
    found = list(used(isa))
    assert {way for _, ways in found for way in ways} == {"dense", "sparse", "delta"}
    bench = Bench(load(isa, library([strip for strip, _ in found])))
    assert [line for strip, ways in found for line in wrong(bench, strip, ways)] == []


@pytest.mark.parametrize("isa", ["thumb1", "dsp", "helium"])
def test_overriding_kernels_give_the_portable_ones_bytes(isa: str, load: Load) -> None:
    names = overrides.overridden(isa)
    assert "rescale_rows" in names
    module = load(isa, overrides.library(isa))
    places = overrides.places(module, 1 << 14)
    found = {name: overrides.differing(module, name, places) for name in names}
    assert found == {name: [] for name in names}


@pytest.mark.parametrize("isa", ["thumb1", "dsp", "helium"])
def test_own_drivers_give_exact_rows_and_write_no_more(isa: str, load: Load) -> None:
    found = list(own_drivers.own_drivers(isa))
    assert {own.kind for own in found} == set(own_drivers.KINDS)
    chip = own_drivers.Chip(load(isa, own_drivers.library(isa)))
    assert [line for own in found for line in own_drivers.wrong(chip, own)] == []


@pytest.mark.parametrize("isa", CORES)
def test_a_driver_s_macros_come_with_its_strip_in_a_step_of_no_other_product(isa: str) -> None:
    lacking = set()
    for strip, ways in used(isa):
        for way in ways:
            text = driver(f"{way}_{'f32' if strip.type == 'f32' else 'int'}", strip, 64).source
            read = [text, strip.source, header("prelude"), *(header(h, isa) for h in strip.uses)]
            known = set(re.findall(r"#define (EDGERNN_\w+)", "\n".join(read)))
            lacking |= {(way, strip.form, m) for m in re.findall(r"EDGERNN_[A-Z0-9_]+", text)} - {
                (way, strip.form, macro) for macro in known
            }
    assert lacking == set()
