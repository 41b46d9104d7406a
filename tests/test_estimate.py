"""Instructions, flash and RAM told before anything is compiled, beside what is then compiled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmarks.cost_fit import fitted
from edgernn.backend import Outlook, find_runner
from edgernn.bundle import open_bundle
from edgernn.cli import group
from edgernn.elf import Image, Segment, Sizes
from edgernn.estimate.estimate import estimate, told
from edgernn.estimate.moves import moved
from edgernn.estimate.prices import Prices, prices_of
from edgernn.exporting import export
from edgernn.profile.chip import cost
from edgernn.profile.cycles import estimated_cycles
from edgernn.step_code import step_code
from edgernn.target import all_targets, find_target

from .compiled import Builder

MINE = """
import numpy as np
import torch
from edgernn.cells.gru import GRU
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential


def build():
    torch.manual_seed(1)
    return Sequential(rnn=GRU(36, 52), head=Linear(52, 9))


def examples():
    yield np.random.default_rng(0).standard_normal((1, 40, 36)).astype(np.float32)
"""
CHIPS = [name for name, target in all_targets().items() if target.board]
EXACT = ("macs", "weights_bytes", "state_bytes", "scratch_bytes")
qemu: Any = find_runner("qemu")
with_qemu = pytest.mark.skipif(qemu.missing() is not None, reason=str(qemu.missing()))


def edgernn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")


def refused(*words: object) -> str:
    """The one line that the command is refused with."""
    result = edgernn("estimate", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = (row for row in result.stderr.splitlines() if row.startswith("error: "))
    return line


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("estimate") / "mine.py"
    path.write_text(MINE)
    return f"{path}:build"


@pytest.fixture(scope="module")
def bundle(mine: str) -> Path:
    path = Path(mine.removesuffix(".py:build") + ".edgernn")
    export(mine, "cortex-m4", "w8a8", path)
    return path


@pytest.mark.cc
@with_qemu
def test_what_is_told_of_a_bundle_is_near_what_is_counted(bundle: Path) -> None:
    held = open_bundle(bundle)
    (entry,) = held.all_built().values()
    counted = cost(held, "mine", entry)
    (one,) = estimate(str(bundle), "cortex-m4")
    assert counted.count is not None
    assert one.instructions == pytest.approx(counted.count.mean, rel=0.12)
    assert one.cycles == pytest.approx(counted.count.cycles, rel=0.15)
    assert one.flash_bytes == pytest.approx(counted.flash_bytes, rel=0.08)
    assert {name: getattr(one, name) for name in EXACT} == {n: entry["facts"][n] for n in EXACT}


@pytest.mark.cc
def test_bytes_are_those_of_the_c_for_targets_that_the_bundle_was_not_built_for(
    bundle: Path,
) -> None:
    for target in (*CHIPS, "aarch64", "host"):
        facts = step_code(open_bundle(bundle), target)["mine"].facts
        for one in estimate(str(bundle), target):
            assert {n: getattr(one, n) for n in EXACT} == {n: facts[n] for n in EXACT}
            board = find_target(target).board
            kept = facts["state_bytes"] + facts["scratch_bytes"]
            reserved = (2048 if target == "cortex-m0" else 4096) if board else None
            assert one.ram_bytes == (kept + reserved if reserved else None)


def test_every_chip_and_both_cores_of_aarch64_have_prices() -> None:
    for name in CHIPS:
        (prices,) = prices_of(find_target(name))
        assert prices.core == name
        assert 0 < prices.error < 0.1
        assert min(prices.instructions.values()) >= 0
        assert (prices.cycles is not None) == (name in ("cortex-m3", "cortex-m4"))
    assert [one.core for one in prices_of(find_target("aarch64"))] == ["cortex-a72", "cortex-a76"]
    assert prices_of(find_target("host")) == []


@pytest.mark.cc
def test_the_command_tells_instructions_where_they_are_counted(bundle: Path) -> None:
    shown = edgernn("estimate", bundle, "-t", "aarch64")
    assert shown.exit_code == 0
    assert "cortex-a76" in shown.stdout
    (here,) = json.loads(edgernn("estimate", bundle, "-t", "host", "--json").stdout)
    assert (here["instructions"], here["flash_bytes"], here["ram_bytes"]) == (None, None, None)
    assert "no instructions are counted on host" in here["notes"][0]
    (chip,) = json.loads(edgernn("estimate", bundle, "-t", "cortex-m33", "--json").stdout)
    assert chip["instructions"] > chip["macs"] / 4
    assert chip["cycles"] is None


@pytest.mark.cc
def test_bad_input_is_answered_in_one_line(mine: str, bundle: Path, tmp_path: Path) -> None:
    assert "unknown model 'kwz'; did you mean kws" in refused("kwz", "-t", "cortex-m4")
    assert "unknown target 'cortex-m5'" in refused("kws", "-t", "cortex-m5")
    wrong = refused("kws", "-t", "cortex-m4", "--number-type", "w8a9")
    assert "unknown number type 'w8a9'; did you mean w8a8" in wrong
    assert "no such file" in refused(tmp_path / "absent.edgernn", "-t", "cortex-m4").lower()
    other = refused(bundle, "-t", "cortex-m4", "--number-type", "fp32")
    assert "holds w8a8, not fp32" in other
    slim = tmp_path / "slim.edgernn"
    export(mine, "cortex-m4", "w8a8", slim, slim=True)
    assert "stores no step mine" in refused(slim, "-t", "cortex-m4")
    (tmp_path / "torn.edgernn").write_bytes(bundle.read_bytes()[:5000])
    assert "torn.edgernn" in refused(tmp_path / "torn.edgernn", "-t", "cortex-m4")


def test_what_does_not_fit_and_what_has_no_price_are_told() -> None:
    facts = {"macs": 9, "weights_bytes": 300_000, "state_bytes": 9000, "scratch_bytes": 9000}
    outlook = Outlook({"step": 1, "odd.tiles": 4, "even": 0}, {"step": 1}, facts)
    prices = Prices("cortex-m0", {"step": 30.0}, None, {"step": 500.0}, 0.02)
    made = told(outlook, find_target("cortex-m0"), "net", "w8a8", prices)
    assert (made.instructions, made.flash_bytes, made.ram_bytes) == (30, 300_500, 20_048)
    unknown, flash, ram = made.notes
    assert unknown == "net: no price for odd.tiles; it will take more than is told"
    assert flash == "net: does not fit: about 300,500 bytes of flash; cortex-m0 has 262,144"
    assert "20,048 bytes of RAM; cortex-m0 has 16,384" in ram


@pytest.mark.slow
def test_a_shipped_model_is_captured_once_and_told_without_torch_after(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom edgernn.estimate.estimate import estimate\n"
        "found = estimate('kws/tiny', 'cortex-m55', 'mixed', print)\n"
        "print('torch' in sys.modules, [one.instructions for one in found])\n"
    )

    def run() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        )
        return done.stdout.splitlines()

    *said, first = run()
    assert said.count("kws: capturing one step") == 1
    assert first.startswith("True [")
    assert run() == [first.replace("True", "False")]
    (kept,) = (tmp_path / "edgernn" / "steps").iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    assert "is damaged, and made anew" in run()[0]


@pytest.mark.parametrize(("block", "entries"), [(1, 4.0), (4, 8.0)])
def test_what_moves_is_seen_on_the_frames(block: int, entries: float) -> None:
    b = Builder()
    x, h = b.input("x", 1, 16), b.state("h", np.zeros((1, 16), np.float32))
    new = b.op("hold", x, h, threshold=0.5, block=block)
    graph = b.done(b.op("sub", x, new), h=new)
    still = np.zeros((1, 16), np.float32)
    moving = still.copy()
    moving[0, [0, 1, 2, 9]] = 3.0  # four columns, in two blocks of four
    frames = [{"x": frame} for frame in (still, moving, moving, still)]
    assert moved(graph, frames) == {graph.states[0].new: (entries / 2, 0.5)}


def test_without_holds_no_frame_is_run() -> None:
    b = Builder()
    graph = b.done(b.op("neg", b.input("x", 1, 4)))
    assert moved(graph, iter(())) == {}


def test_cycles_are_those_of_the_manual() -> None:
    code = bytes.fromhex(
        "0168"  # ldr r1, [r0]: 2
        "4268"  # ldr r2, [r0, #4]: 1, behind a load
        "02fb01f3"  # mul r3, r2, r1: 1
        "92fbf1f3"  # sdiv r3, r2, r1: 7
        "0760"  # str r7, [r0]: 1
        "07b5"  # push {r0, r1, r2, lr}: 1 + 4
        "30ee201a"  # vadd.f32 s2, s0, s1: 1
        "80ee201a"  # vdiv.f32 s2, s0, s1: 14
        "f1d1"  # bne: 1, and 2 where it is taken
    )
    places = np.cumsum([0, 2, 2, 4, 4, 2, 2, 4, 4])
    part = Segment(0x100, 0x100, len(code), code, executable=True)
    image = Image("EM_ARM", False, 0, {}, (), (part,), (), Sizes(0, 0, 0, 0, 0, 0))
    executed = {0x100 + int(at): (10, 0) for at in places[:-1]} | {0x100 + int(places[-1]): (10, 9)}
    assert estimated_cycles(image, "cortex-m4", executed) == 10 * (33 + 1) - 10 + 9 * 2
    assert estimated_cycles(image, "cortex-m7", executed) is None


def test_prices_are_found_again_and_never_below_nothing() -> None:
    rng = np.random.default_rng(0)
    kinds = {"tiles": 11.0, "strips": 40.0, "free": 0.0, "calls": 25.0}
    rows = [{kind: float(rng.integers(1, 90)) for kind in kinds} for _ in range(40)]
    counts = [sum(kinds[k] * n for k, n in row.items()) for row in rows]
    counts[3] *= 3  # one that is like no other
    found = fitted(rows, counts)
    assert found == pytest.approx(kinds, abs=0.2)
    assert min(found.values()) >= 0
