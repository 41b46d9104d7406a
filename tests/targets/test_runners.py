"""One step, every target, the same bits; and what each runner says when it cannot."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable

import numpy as np
import pytest

from edgernn.backend import Array, Module, find_runner
from edgernn.errors import MissingExtra, ToolError
from edgernn.firmware import GoldenRun
from edgernn.target import all_targets, find_target

Build = Callable[..., bytes]
Play = Callable[[Module, GoldenRun], tuple[Array, Array, bytes]]

pytestmark = pytest.mark.cc
QEMU = [
    pytest.mark.emulator,
    pytest.mark.skipif(
        shutil.which("qemu-system-arm") is None,
        reason="qemu-system-arm is absent; run: apt-get install qemu-system-arm",
    ),
]
EVERYWHERE = [
    pytest.param(name, t.runner, marks=QEMU if t.runner == "qemu" else [])
    for name, t in all_targets().items()
]
CHIPS = ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"]
ALSO_QEMU = [pytest.param(n, "qemu", marks=QEMU) for n in CHIPS]


def load(build: Build, name: str, runner: str) -> Module:
    target = find_target(name)
    return find_runner(runner).load(build(target), target)


@pytest.mark.parametrize(("name", "runner"), [*EVERYWHERE, *ALSO_QEMU])
def test_every_target_gives_the_bits_of_the_oracle(
    name: str, runner: str, build: Build, golden: GoldenRun, play: Play
) -> None:
    y, z, state = play(load(build, name, runner), golden)
    np.testing.assert_array_equal(y, golden.outputs[0])
    np.testing.assert_array_equal(z.view(np.int32), golden.outputs[1].view(np.int32))
    assert state == golden.state


@pytest.mark.parametrize(("name", "runner"), [*EVERYWHERE, ALSO_QEMU[2]])
def test_calls_pass_many_arguments_and_signed_results(name: str, runner: str, build: Build) -> None:
    if find_target(name).zig_target.startswith("aarch64-ios"):
        pytest.skip("Apple packs small arguments on the stack; a step's are all pointers")
    module = load(build, name, runner)
    primes = [1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert module.call("acc_polynomial", *range(11)) == sum(p * i for i, p in enumerate(primes))
    state = module.alloc(40)
    assert state % 16 == 0
    assert module.call("acc_init", state, 31) == -1
    assert module.call("acc_init", state + 8, 32) == -1


@pytest.mark.parametrize(("name", "runner"), [*EVERYWHERE, ALSO_QEMU[2]])
def test_allocated_memory_is_zero_and_large_enough(name: str, runner: str, build: Build) -> None:
    module = load(build, name, runner)
    low, high = module.alloc(5000), module.alloc(1)
    assert high >= low + 5000 or high < low
    assert module.read(low, 5000) == bytes(5000)
    module.write(low, bytes(range(250)) * 20)
    assert module.read(low, 5000) == bytes(range(250)) * 20
    assert module.read(high, 1) == b"\0"


@pytest.mark.parametrize(("name", "runner"), EVERYWHERE)
def test_an_unknown_function_is_one_clear_line(name: str, runner: str, build: Build) -> None:
    with pytest.raises(ToolError, match=r"no (symbol|function) 'acc_nothing'"):
        load(build, name, runner).call("acc_nothing")


@pytest.mark.parametrize("name", [*CHIPS, "aarch64", "android-armv7"])
def test_a_count_is_the_same_every_time_and_leaves_the_result(name: str, build: Build) -> None:
    module = load(build, name, find_target(name).runner)
    args = range(11)
    counts = [module.count("acc_polynomial", *args) for _ in range(3)]
    assert len(set(counts)) == 1
    assert 11 <= counts[0] <= 200
    assert module.call("acc_polynomial", *args) == 952


@pytest.mark.parametrize("name", [pytest.param(name, marks=QEMU) for name in CHIPS])
def test_unicorn_and_qemu_count_alike(name: str, build: Build, golden: GoldenRun) -> None:
    counts = []
    for runner in ("chip", "qemu"):
        module = load(build, name, runner)
        state, scratch, *places = (module.alloc(64) for _ in range(6))
        module.call("acc_init", state, 32)
        module.write(places[0], golden.inputs[0][0].tobytes())
        module.write(places[1], golden.inputs[1][0].tobytes())
        counts.append(module.count("acc_step", state, scratch, *places))
        assert np.frombuffer(module.read(places[2], 16), np.int32)[0] == golden.outputs[0][0, 0]
    assert counts[0] == counts[1] > 100


@pytest.mark.parametrize("name", ["host", "wasm"])
def test_what_cannot_be_counted_says_so(name: str, build: Build) -> None:
    module = load(build, name, find_target(name).runner)
    with pytest.raises(ToolError, match="count"):
        module.count("acc_state_size")


@pytest.mark.parametrize("name", ["cortex-m4", "aarch64", "android-armv7", "wasm"])
def test_a_trap_is_one_line_with_the_function(name: str, build: Build) -> None:
    module = load(build, name, find_target(name).runner)
    with pytest.raises(ToolError, match="acc_trap") as caught:
        module.call("acc_trap")
    assert "\n" not in str(caught.value)


def test_unicorn_names_qemu_for_the_m55(build: Build) -> None:
    target = find_target("cortex-m55")
    with pytest.raises(ToolError, match="qemu-system-arm"):
        find_runner("chip").load(b"", target)


@pytest.mark.parametrize("runner", ["local", "chip", "aarch64", "armv7", "x86_64", "wasm"])
def test_an_artifact_of_another_target_is_refused(runner: str, build: Build) -> None:
    names = {"local": "host", "chip": "cortex-m4", "aarch64": "aarch64", "wasm": "wasm"}
    names |= {"armv7": "android-armv7", "x86_64": "android-x86_64"}
    other = "wasm" if runner != "wasm" else "cortex-m4"
    with pytest.raises(ToolError) as caught:
        find_runner(runner).load(build(find_target(other)), find_target(names[runner]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("runner", ["chip", "aarch64", "armv7", "wasm", "qemu"])
def test_a_missing_tool_is_one_line_that_says_what_to_install(
    runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    gone = ("unicorn", "wasmtime")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name in gone else find(name, *a)
    )
    monkeypatch.setenv("PATH", "")
    line = find_runner(runner).missing()
    assert line
    assert "install" in line
    assert "\n" not in line
    if runner != "qemu":
        with pytest.raises((MissingExtra, ToolError)):
            find_runner(runner).load(b"", find_target("cortex-m4"))


def test_a_library_for_a_newer_cpu_is_refused_before_it_runs(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = find_target("host")
    binary = build(target).replace(b"edgernn-cpu:baseline", b"edgernn-cpu:x86_64_v3")
    binary = binary if b"x86_64_v3" in binary else binary + b"edgernn-cpu:x86_64_v3"
    local = importlib.import_module("edgernn.targets.runners.local")
    monkeypatch.setattr(local, "cpu_flags", lambda: frozenset({"avx2", "fma"}))
    with pytest.raises(ToolError, match="lacks bmi1"):
        find_runner("local").load(binary, target)
