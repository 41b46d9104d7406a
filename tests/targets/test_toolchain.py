"""Builds are deterministic and whole; what fails is one line with the mend."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn import toolchain
from edgernn.compilers import compiler
from edgernn.elf import read_elf
from edgernn.errors import DoesNotFit, MissingExtra, ShapeError, ToolError
from edgernn.firmware import GoldenRun, golden_header
from edgernn.target import all_targets, find_target

Build = Callable[..., bytes]
HOST = find_target("host")
STEP = "int x_step(int a) { return a + 1; }\n"
OTHERS = "".join(
    f"int x_{name}(void);\nint x_{name}(void) {{ return 0; }}\n"
    for name in toolchain.ABI
    if name != "step"
)


def build(folder: Path, text: str, **options: Any) -> Path:
    sources = {"x.c": f"int x_step(int a);\n{text}{OTHERS}"}
    return toolchain.build_library(sources, HOST, folder, name="x", **options)


@pytest.mark.cc
@pytest.mark.parametrize("name", list(all_targets()))
def test_the_same_sources_give_the_same_bytes(
    name: str, build: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = find_target(name)
    first = build(target)
    # other folders, and no memory of the first build
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    again = build(target)
    assert first == again
    assert str(tmp_path).encode() not in again
    assert str(Path.home()).encode() not in again
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.cc
@pytest.mark.parametrize("name", ["android-arm64", "android-armv7", "android-x86_64"])
def test_a_library_for_android_lies_on_its_pages_and_needs_no_other(
    name: str, build: Build
) -> None:
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(BytesIO(build(find_target(name))))
    loaded = [part["p_align"] for part in elf.iter_segments() if part["p_type"] == "PT_LOAD"]
    assert set(loaded) == {16384}
    (dynamic,) = (part for part in elf.iter_sections() if isinstance(part, DynamicSection))
    tags = {tag.entry.d_tag for tag in dynamic.iter_tags()}
    assert "DT_NEEDED" not in tags
    assert {"DT_HASH", "DT_GNU_HASH"} <= tags


@pytest.mark.cc
def test_a_library_exports_the_step_alone(tmp_path: Path) -> None:
    text = STEP + "int helper(int a);\nint helper(int a) { return x_step(a); }\n"
    image = read_elf(build(tmp_path, text).read_bytes())
    assert set(image.symbols) == {*toolchain.exported("x"), "edgernn_built_for"}


@pytest.mark.cc
def test_a_compile_error_names_its_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        build(tmp_path, "int x_step(int a) { return b; }\n")
    message = str(caught.value)
    assert message.startswith("zig for host: x.c:2:")
    assert "undeclared" in message
    assert "\n" not in message
    assert any("-std=c99" in note for note in caught.value.__notes__)
    assert not list(tmp_path.iterdir())


@pytest.mark.cc
def test_a_warning_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="unused variable"):
        build(tmp_path, "int x_step(int a) { int unused; return a; }\n")


@pytest.mark.cc
def test_a_step_without_its_whole_interface_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="x_state_size"):
        toolchain.build_library({"x.c": f"int x_step(int a);\n{STEP}"}, HOST, tmp_path, name="x")


@pytest.mark.cc
def test_a_missing_function_is_named(tmp_path: Path) -> None:
    text = "int acc_outside(void);\nint main(void) { return acc_outside(); }\n"
    with pytest.raises(ToolError, match="acc_outside"):
        toolchain.build_firmware({"main.c": text}, find_target("cortex-m4"), tmp_path, name="x")


@pytest.mark.cc
@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        ("const char big[300000] = {1};", r"needs 30\d,\d\d\d bytes of flash; there are 262,144"),
        ("char big[15000];", r"needs 17,\d\d\d bytes of RAM \(2,048 of them stack\)"),
    ],
)
def test_what_does_not_fit_is_told_in_bytes(array: str, complaint: str, tmp_path: Path) -> None:
    text = f"extern volatile {array.split('=')[0].strip(' ;')};\nvolatile {array}\n"
    text += "int main(void) { return big[3]; }\n"
    with pytest.raises(DoesNotFit, match=complaint):
        toolchain.build_firmware({"main.c": text}, find_target("cortex-m0"), tmp_path, name="x")
    assert not list(tmp_path.iterdir())


@pytest.mark.cc
def test_golden_vectors_that_do_not_fit_are_told_apart(tmp_path: Path) -> None:
    here = Path(__file__).parent
    files = {name: (here / name).read_text() for name in ("acc.c", "acc.h")}
    x = np.zeros((9000, 8), np.int8)
    out = (np.zeros((9000, 4), np.int32), np.zeros((9000, 4), np.float32))
    run = GoldenRun((x, np.zeros((9000, 1), np.float32)), out, b"")
    header = golden_header("acc", run)
    board = replace(find_target("cortex-m0").board, flash_bytes=64 * 1024)  # type: ignore[type-var]
    target = replace(find_target("cortex-m0"), board=board)
    with pytest.raises(DoesNotFit, match="give fewer golden frames"):
        toolchain.build_firmware({**files, "golden.h": header}, target, tmp_path, name="acc")


@pytest.mark.cc
def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.so").write_bytes(b"old")

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ToolError, match="No space left"):
        toolchain.write_whole(tmp_path / "x.so", b"new")
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["x.so"]
    assert (tmp_path / "x.so").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["../x.c", "/x.c", "a/../../x.c"])
def test_a_source_name_that_leads_outside_is_refused(name: str, tmp_path: Path) -> None:
    class NoCompiler:
        name = "none"

    with pytest.raises(ToolError, match="leads outside"):
        toolchain.build_library({name: STEP}, HOST, tmp_path, name="x", cc=NoCompiler())  # type: ignore[arg-type]


def test_without_zig_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "ziglang" else find(n, *a)
    )
    with pytest.raises(MissingExtra, match=r"pip install 'edgernn\[c\]'"):
        compiler()


@pytest.mark.parametrize(
    ("kind", "target", "line"),
    [
        ("gcc", "cortex-m4", "gcc-arm-none-eabi"),
        ("gcc", "wasm", "cannot build for wasm"),
        ("clang", "host", "apt-get install clang"),
        ("/nowhere/cc", "host", "/nowhere/cc"),
    ],
)
def test_an_absent_compiler_is_one_line(
    kind: str, target: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match=line):
        compiler(kind).command(find_target(target))


@pytest.mark.cc
@pytest.mark.parametrize("kind", ["gcc", "clang"])
def test_a_users_own_compiler_is_used_when_asked(kind: str, tmp_path: Path) -> None:
    if shutil.which(kind) is None:
        pytest.skip(f"{kind} is absent")
    path = build(tmp_path, STEP, cc=compiler(kind))
    assert "x_step" in read_elf(path.read_bytes()).symbols


def test_what_is_no_elf_file_is_one_line() -> None:
    for junk in (b"", b"\x7fELF", b"PK\x03\x04" + bytes(100)):
        with pytest.raises(ToolError, match="not a readable ELF"):
            read_elf(junk)


def test_golden_vectors_are_checked() -> None:
    x, y = np.zeros((3, 8), np.int8), np.zeros((3, 4), np.float32)
    with pytest.raises(ShapeError, match=r"output 0 has shape \(2, 4\); expected \(3, ...\)"):
        golden_header("acc", GoldenRun((x,), (y[:2],), b""))
    with pytest.raises(ShapeError, match="not finite"):
        golden_header("acc", GoldenRun((y * np.nan,), (y,), b""))
    with pytest.raises(ShapeError, match="has type float64"):
        golden_header("acc", GoldenRun((x,), (y.astype(np.float64),), b""))


def test_the_hash_is_fnv_1a() -> None:
    # test vectors of the authors: "a" -> e40c292c, "foobar" -> bf9cf968
    text = np.frombuffer(b"fo", np.uint8).reshape(2, 1)
    run = GoldenRun((text,), (text,), b"obar")
    assert run.expected_hash() == 0xBF9CF968
