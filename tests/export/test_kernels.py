"""Kernels by instruction set: the best file wins, and one strip file serves every product."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.errors import ToolError
from edgernn.export.c import kernels, stages
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph
from edgernn.graph.number_type import NUMBER_TYPES, find_number_type
from edgernn.graph.passes import dead_code, quantize
from edgernn.graph.reference import Reference
from edgernn.target import all_targets, find_target

from ..compiled import Builder, assert_same_bits, compiled, cpu_runs, noise, step_of, streamed


@pytest.fixture
def mine(root: Path) -> str:
    """The strip that docs/compiler.md tells its reader to save."""
    (code,) = re.findall(r"^```c\n(.*?)^```$", (root / "docs/compiler.md").read_text(), re.S | re.M)
    return str(code)


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of firmware_stubs with a folder for a new instruction set."""
    real = Path(str(kernels.resources.files("edgernn.firmware_stubs")))
    copy = tmp_path / "firmware_stubs"
    shutil.copytree(real / "kernels", copy / "kernels")
    (copy / "kernels" / "mychip").mkdir()
    monkeypatch.setattr(kernels.resources, "files", lambda package: copy)
    return copy / "kernels" / "mychip"


def product(weight: Array, number_type: str) -> tuple[Graph, list[dict[str, Array]]]:
    """One linear layer in a number type, and frames for it; the last is far out of range."""
    b = Builder()
    x = b.input("x", 1, weight.shape[1])
    y = b.op("linear", x, b.constant("w", weight), b.constant("b", noise(weight.shape[:1], 1)))
    graph = b.done(y)
    frames = [{"x": noise((1, weight.shape[1]), t)} for t in range(5)]
    type_ = find_number_type(number_type)
    if type_.quantized:
        made = quantize.run(graph, calibrate(graph, frames), type_)
        graph = dead_code.run(made.graph).graph
        frames.append({"x": np.full((1, weight.shape[1]), 1e9, np.float32)})
    return graph, frames


@pytest.mark.cc
def test_a_strip_for_an_instruction_set_serves_dense_and_sparse(stubs: Path, mine: str) -> None:
    (stubs / "strip_s8.c").write_text(mine)
    host = find_target("host")
    target = replace(host, isa=("mychip",), faster="")
    for keep in (1.0, 0.2):
        weight = noise((6, 40)) * (np.repeat(np.random.default_rng(0).random(20), 2) < keep)
        graph, frames = product(weight, "w8a8")
        program = compiled(step_of(graph), graph, "w8a8", target)
        kind = "dense" if keep == 1.0 else "sparse"
        assert program.row["facts"]["kernels"][f"{kind}_s8_2x2"] == "mychip"
        for a, b in zip(
            streamed(program, frames)[0], streamed(Reference(graph), frames)[0], strict=True
        ):
            assert_same_bits(a, b)


def test_instruction_sets_are_searched_in_order(stubs: Path, mine: str) -> None:
    (stubs / "strip_s8.c").write_text(mine)
    found = kernels.find_strip("s8", "dense", ("none", "mychip"))
    assert (found.isa, found.form, found.by_column) == ("mychip", "s8_2x2", False)
    assert "edgernn_strip_s8_2x2" in found.source
    assert kernels.find_strip("s4", "dense", ("mychip",)).isa == "portable"
    assert kernels.find_strip("s8", "delta", ("mychip",)).isa == "portable"
    assert kernels.find_kernel("rescale_rows", ("mychip",)).isa == "portable"
    with pytest.raises(ToolError, match="no kernel nothing for"):
        kernels.find_kernel("nothing", ("mychip",))


def test_a_strip_that_cannot_read_so_many_columns_leaves_them_to_the_next() -> None:
    forms = [kernels.find_strip("s8", "delta", ("helium",), 8, n).form for n in (256, 257, 8192)]
    assert forms == ["s8_1x1", "s8_8x1", "s8_4x1"]


def test_an_instruction_set_s_own_driver_serves_matrices_that_it_is_made_for() -> None:
    strip = kernels.find_strip("s8", "dense", ("dsp",))
    narrow, wide = (kernels.driver("dense_int", strip, n) for n in (512, 513))
    assert (narrow.name, narrow.uses) == ("dense_s8_4x4_narrow", strip.uses)
    assert (wide.name, wide.uses) == ("dense_s8_4x4", ())
    packed = kernels.find_strip("s4", "dense", ("dsp",))
    assert kernels.driver("dense_int", packed, 4).name == "dense_s4_4x4"


def test_every_kernel_is_known_to_a_target_and_holds_the_function_of_its_name(root: Path) -> None:
    files = sorted((root / "firmware_stubs" / "kernels").glob("*/*.c"))
    assert len(files) >= 20
    targets = all_targets().values()
    known = {isa for target in targets for isa in (*target.isa, target.faster)} | {"portable"}
    for file in files:
        text, isa = file.read_text(), file.parent.name
        names = kernels.functions(text)
        if isa == "drivers":
            assert len(names) == 1, file
            assert names[0].endswith("_FORM"), file
        elif file.stem.startswith("strip_"):
            assert text.startswith("/* strip: "), file
            assert "strip_FORM" in names, file
            assert all("FORM" in name for name in names), file
        elif text.startswith("/* driver: "):  # in place of a common one
            common = {path.stem for path in (file.parent.parent / "drivers").glob("*.c")}
            assert any(file.stem.startswith(name) for name in common), file
            assert len(names) == 1, file
        else:
            assert file.stem in names, file
            plain = file.parent.parent / "portable" / file.name
            # look-ups in rows are for CPUs that make many at once; see `stages`
            assert plain.is_file() or file.stem == stages.KERNEL, file
        assert isa in known | {"drivers"}, file


def test_a_faster_instruction_set_reads_the_same_tables() -> None:
    for target in all_targets().values():
        if not target.faster:
            continue
        for type_ in kernels.BITS:
            strips = kernels.sparse_strips(type_, target.isa)
            for use in ("dense", "delta", "block"):
                if (type_, use) != ("f32", "block"):  # listed as single columns
                    strips.append(kernels.find_strip(type_, use, target.isa))
            for strip in strips:  # raises if it is laid out otherwise
                kernels.same_form(strip, target.faster)


def test_one_file_of_an_instruction_set_serves_a_type_and_size(root: Path) -> None:
    for folder in sorted((root / "firmware_stubs" / "kernels").iterdir()):
        served: list[tuple[str, str]] = []
        for file in sorted(folder.glob("strip_*.c")):
            words = dict(w.partition("=")[::2] for w in file.read_text().split("*/")[0].split())
            for type_ in words["types"].split(","):
                tiles = words.get(f"{type_}.tiles", words["tiles"]).split(",")
                served += [(type_, size) for size in tiles]
        assert len(served) == len(set(served)), folder.name


SHAPES = [(1, 1), (3, 5), (33, 64), (32, 7), (65, 17), (40, 3), (20, 130)]
HOST = find_target("host")
KINDS = ["portable", *HOST.isa]
if HOST.faster and cpu_runs(HOST.faster):
    KINDS.append(HOST.faster)


@pytest.mark.cc
@pytest.mark.parametrize("number_type", NUMBER_TYPES)
@pytest.mark.parametrize("keep", [1.0, 0.15])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_matvec_gives_the_same_bits(
    shape: tuple[int, int], number_type: str, keep: float
) -> None:
    weight = noise(shape) * (np.random.default_rng(1).random(shape) < keep)
    graph, frames = product(weight, number_type)
    found: dict[str, Array] = {}
    for isa in KINDS:
        isas = (isa, *HOST.isa) if isa != "portable" else ()
        target = replace(HOST, isa=isas, faster="")
        program = compiled(step_of(graph), graph, number_type, target)
        found[isa] = np.stack(streamed(program, frames)[0])
        assert_same_bits(found[isa], found["portable"], isa)
    want = np.stack(streamed(Reference(graph), frames)[0])
    if number_type == "fp32":
        np.testing.assert_allclose(found["portable"], want, atol=1e-5)
    else:
        assert_same_bits(found["portable"], want)


def test_macros_that_a_kernel_file_leaves_behind_are_its_own(root: Path) -> None:
    """Files of one instruction set may stand in one step, one after the other."""
    clashes = []
    for folder in sorted((root / "firmware_stubs" / "kernels").iterdir()):
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}
        made = {name: set(re.findall(r"# *define (EDGERNN_\w+)", t)) for name, t in texts.items()}
        gone = {name: set(re.findall(r"# *undef (EDGERNN_\w+)", t)) for name, t in texts.items()}
        clashes += [
            f"{folder.name}/{one} leaves {macro} to {other}"
            for one in texts
            for other in texts.keys() - {one}
            for macro in (made[one] - gone[one]) & made[other]
        ]
    assert clashes == []
