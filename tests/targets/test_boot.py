"""Images boot from reset: the right hash exits 0, a wrong one 1, a fault 99."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgernn import toolchain
from edgernn.backend import find_runner
from edgernn.errors import ToolError
from edgernn.firmware import GoldenRun, golden_header, read_report
from edgernn.target import all_targets, find_target

pytestmark = pytest.mark.cc
Build = Callable[..., bytes]


def emulated(program: str) -> list[Any]:
    reason = f"{program} is absent; run: apt-get install qemu-system-arm qemu-user"
    return [
        pytest.mark.emulator,
        pytest.mark.skipif(shutil.which(program) is None, reason=reason),
    ]


CHIPS = [name for name, target in all_targets().items() if target.board]
QEMU = emulated("qemu-system-arm")
EMULATORS = [
    *(("chip", name) for name in CHIPS if name != "cortex-m55"),
    *(pytest.param("qemu", name, marks=QEMU) for name in CHIPS),
]
BOTH = ["chip", pytest.param("qemu", marks=QEMU)]


def image(tmp_path: Path, main: str, name: str = "cortex-m4") -> bytes:
    text = f'#include "port.h"\n{main}\n'
    return toolchain.build_firmware(
        {"main.c": text}, find_target(name), tmp_path, name="image"
    ).read_bytes()


@pytest.mark.parametrize(("runner", "name"), EMULATORS)
def test_golden_vectors_prove_the_image(
    runner: str, name: str, build: Build, golden: GoldenRun
) -> None:
    target: Any = find_target(name)
    emulator: Any = find_runner(runner)
    report = emulator.boot(build(target), target)
    assert report.exit_code == 0, report.text
    assert report.ok
    numbers = read_report(report.text)
    assert numbers["hash"] == golden.expected_hash()
    assert 0 < numbers["stack"] < 1024


@pytest.mark.parametrize(("runner", "name"), EMULATORS)
def test_a_wrong_hash_exits_1(runner: str, name: str, build: Build) -> None:
    target, emulator = find_target(name), find_runner(runner)
    report = emulator.boot(build(target, right=False), target)  # type: ignore[attr-defined]
    assert report.exit_code == 1


@pytest.mark.parametrize("runner", BOTH)
def test_a_fault_is_reported_and_exits_99(runner: str, tmp_path: Path) -> None:
    binary = image(tmp_path, "int main(void) { __builtin_trap(); }")
    report = find_runner(runner).boot(binary, find_target("cortex-m4"))  # type: ignore[attr-defined]
    assert report.exit_code == 99
    assert report.text.startswith("fault\n")
    assert 0x0800_0000 < read_report(report.text)["pc"] < 0x0800_4000


@pytest.mark.parametrize("runner", BOTH)
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4"])
def test_a_stack_overflow_faults_and_eats_no_data(runner: str, name: str, tmp_path: Path) -> None:
    text = """
    static int deep(volatile int *n) {
      volatile int pad[64];
      pad[0] = *n;
      return *n > 1000000 ? 0 : deep(&pad[0]) + pad[0];
    }
    int main(void) { volatile int n = 1; return deep(&n); }"""
    report = find_runner(runner).boot(  # type: ignore[attr-defined]
        image(tmp_path, text, name), find_target(name)
    )
    assert report.exit_code == 99
    assert "fault" in report.text


@pytest.mark.parametrize("runner", BOTH)
def test_start_up_copies_data_and_zeroes_bss(runner: str, tmp_path: Path) -> None:
    text = """
    static volatile int set[3] = {11, 22, 33};
    static volatile int zero[100];
    static const char odd[] = "five5";
    int main(void) {
      int sum = 0;
      for (int i = 0; i < 100; ++i) sum += zero[i];
      port_write(odd);
      return set[0] + set[1] + set[2] + sum - 59;
    }"""
    report = find_runner(runner).boot(  # type: ignore[attr-defined]
        image(tmp_path, text), find_target("cortex-m4")
    )
    assert (report.exit_code, report.text) == (7, "five5")


@pytest.mark.parametrize("name", [pytest.param(name, marks=QEMU) for name in CHIPS])
def test_qemu_counts_every_golden_step(name: str, build: Build, golden: GoldenRun) -> None:
    target: Any = find_target(name)
    emulator: Any = find_runner("qemu")
    first, again = (emulator.count(build(target), target) for _ in range(2))
    assert first == again
    assert first.steps == golden.steps
    assert 100 < first.minimum <= sum(first.by_function.values()) <= first.maximum < 5000
    assert "acc_step" in first.by_function
    assert not {"main", "edgernn_mark_begin", "edgernn_mark_end"} & set(first.by_function)


@pytest.mark.parametrize("marks", [pytest.param(("main", "main"), marks=QEMU)])
def test_marks_that_are_never_passed_are_an_error(marks: tuple[str, str], build: Build) -> None:
    target = find_target("cortex-m4")
    emulator: Any = find_runner("qemu")
    with pytest.raises(ToolError, match="never passed"):
        emulator.count(build(target), target, *marks)


@pytest.mark.parametrize("way", [pytest.param(w, marks=QEMU) for w in ("boot", "count", "load")])
def test_what_qemu_complains_of_is_one_line(way: str, build: Build) -> None:
    target = find_target("cortex-m4")
    assert target.board
    unknown = replace(target, board=replace(target.board, qemu_machine="abacus"))
    with pytest.raises(ToolError, match="unsupported machine") as caught:
        getattr(find_runner("qemu"), way)(build(target), unknown)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "right", [pytest.param(r, marks=emulated("qemu-aarch64")) for r in (True, False)]
)
def test_a_static_linux_program_proves_itself(
    right: bool, golden: GoldenRun, tmp_path: Path
) -> None:
    here = Path(__file__).parent
    header = golden_header("acc", golden)
    if not right:
        header = header.replace("GOLDEN_HASH 0x", "GOLDEN_HASH 1u + 0x")
    files = {name: (here / name).read_text() for name in ("acc.c", "acc.h")}
    target: Any = find_target("arm")
    program = toolchain.build_program({**files, "golden.h": header}, target, tmp_path, name="acc")
    emulator: Any = find_runner("qemu")
    counts = emulator.count(program.read_bytes(), target)
    assert counts.report.exit_code == int(not right)
    assert counts.steps == golden.steps
    assert read_report(counts.report.text)["hash"] == golden.expected_hash()
