"""Kernels by instruction set: the best file wins, and overriding one needs one file."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.errors import ToolError
from edgernn.export.c import kernels
from edgernn.graph.calibrate import calibrate
from edgernn.graph.passes import dead_code, quantize
from edgernn.graph.reference import Reference
from edgernn.target import all_targets, find_target

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed


@pytest.fixture
def mine(root: Path) -> str:
    """The kernel that docs/compiler.md tells its reader to save."""
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


@pytest.mark.cc
def test_a_kernel_file_for_an_instruction_set_overrides_the_portable_one(
    stubs: Path, mine: str
) -> None:
    (stubs / "matvec_s8.c").write_text(mine)
    b = Builder()
    x = b.input("x", 1, 7)
    float_graph = b.done(
        b.op("linear", x, b.constant("w", noise((5, 7))), b.constant("b", noise((5,))))
    )
    frames = [{"x": noise((1, 7), t)} for t in range(8)]
    graph = dead_code.run(quantize.run(float_graph, calibrate(float_graph, frames)).graph).graph
    host = find_target("host")
    program = compiled(step_of(graph), graph, "w8a8", replace(host, isa=("mychip", *host.isa)))
    assert program.row["facts"]["kernels"] == {"matvec_s8": "mychip"}
    for a, b_ in zip(
        streamed(program, frames)[0], streamed(Reference(graph), frames)[0], strict=True
    ):
        assert_same_bits(a, b_)


def test_instruction_sets_are_searched_in_order(stubs: Path, mine: str) -> None:
    (stubs / "matvec_s8.c").write_text(mine)
    found = kernels.find_kernel("matvec_s8", ("none", "mychip"))
    assert (found.isa, found.rows, found.cols, found.by_column) == ("mychip", 2, 1, False)
    assert found.source.startswith("/* y[rows] = rescale")
    assert kernels.find_kernel("matvec_s8", ("none",)).isa == "portable"
    with pytest.raises(ToolError, match="no kernel nothing for"):
        kernels.find_kernel("nothing", ("mychip",))


def test_every_kernel_says_its_layout_and_holds_the_one_function_of_its_name(root: Path) -> None:
    files = sorted((root / "firmware_stubs" / "kernels").glob("*/*.c"))
    assert len(files) >= 10
    known = {isa for target in all_targets().values() for isa in target.isa} | {"portable"}
    for file in files:
        text = file.read_text()
        assert text.startswith("/* layout: "), file
        functions = re.findall(r"^static void (\w+)\(", text, re.MULTILINE)
        assert functions == [f"edgernn_{file.stem}"], file
        assert file.parent.name in known, file
        assert (file.parent.parent / "portable" / file.name).is_file(), file


SHAPES = [(1, 1), (3, 5), (33, 64), (32, 7), (65, 17), (40, 3)]
KINDS = ["portable", "scalar", *find_target("host").isa]


@pytest.mark.cc
@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_matvec_gives_the_same_bits(shape: tuple[int, int], number_type: str) -> None:
    b = Builder()
    x = b.input("x", 1, shape[1])
    y = b.op("linear", x, b.constant("w", noise(shape)), b.constant("b", noise(shape[:1], 1)))
    graph = b.done(y)
    frames = [{"x": noise((1, shape[1]), t)} for t in range(5)]
    if number_type == "w8a8":
        graph = dead_code.run(quantize.run(graph, calibrate(graph, frames)).graph).graph
        frames.append({"x": np.full((1, shape[1]), 1e9, np.float32)})
    host, found = find_target("host"), {}
    for isa in KINDS:
        program = compiled(step_of(graph), graph, number_type, replace(host, isa=(isa,)))
        found[isa] = np.stack(streamed(program, frames)[0])
        assert_same_bits(found[isa], found["portable"], isa)
    want = np.stack(streamed(Reference(graph), frames)[0])
    if number_type == "w8a8":
        assert_same_bits(found["portable"], want)
    else:
        np.testing.assert_allclose(found["portable"], want, atol=1e-5)
