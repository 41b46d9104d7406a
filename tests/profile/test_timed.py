"""What the measuring program prints and draws on: rounds, cores, sensors; where it broke off."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgernn.bundle import Bundle, open_bundle
from edgernn.device import find_device
from edgernn.errors import ToolError
from edgernn.exporting import export
from edgernn.profile import program
from edgernn.profile.device import on_device
from edgernn.profile.timed import Timed, read

here = [
    pytest.mark.cc,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
        reason="static programs are for Linux",
    ),
]
ROUND = ("round", "10", "20", "30", "ticks 100", "nanoseconds 200")


def lost(*lines: str) -> Iterator[str]:
    yield from lines
    raise ToolError("pi: no answer any more")


def test_whole_rounds_are_kept_of_a_run_that_broke_off() -> None:
    timed, why = read(lost("core 3", "first 50", *ROUND, *ROUND, "round", "10"), 3, 11)
    assert timed is not None
    assert timed.rounds.tolist() == [[20, 40, 60]] * 2
    assert (timed.first, timed.core, timed.memory_bytes, timed.roof) == (100, 3, None, None)
    assert str(why) == "pi: no answer any more"


def test_without_a_whole_round_there_is_only_why() -> None:
    for lines in ((), ("first 50",), ("first 50", *ROUND[:-1])):
        timed, why = read(lost(*lines), 3, 11)
        assert timed is None
        assert str(why) == "pi: no answer any more"


def test_a_program_that_ends_early_is_no_whole_run() -> None:
    timed, why = read(["first 50", *ROUND], 3, 2)
    assert timed is not None
    assert "ended before it was done" in str(why)


def test_energy_is_the_counters_or_the_rails() -> None:
    def of(*told: str) -> tuple[float | None, str | None]:
        timed, why = read(["first 50", *ROUND, *told], 3, 1)
        assert isinstance(timed, Timed)
        assert why is None
        return timed.energy_uj, timed.energy_source

    rail = ("rail hwmon1 rail 2 ina226", "power_uw 5000000")
    assert of("energy_uj 0") == (None, None)
    assert of("energy_uj 600", *rail) == (200, "RAPL")
    energy, source = of("energy_uj 0", *rail)
    assert energy == pytest.approx(5e6 * 40e-9), "5 W for 40 ns"
    assert source == "hwmon1 rail 2 ina226"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("timed") / "tiny.edgernn"
    export("kws/tiny", "host", "w8a8", path)
    return open_bundle(path)


def run(bundle: Bundle) -> Timed:
    """The program itself, a round of it."""
    one = program.Measuring(find_device("local"), bundle, "kws", 0.1)
    one.run(1)
    return one.result()


def sensor(root: Path, number: int, name: str, **files: int) -> None:
    folder = root / f"class/hwmon/hwmon{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    for file, value in files.items():
        (folder / file).write_text(f"{value}\n")


class TestSensors:
    pytestmark = here

    def test_the_rail_with_the_most_power_is_read(
        self, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sensor(tmp_path, 0, "nvme", temp1_input=40_000)
        sensor(tmp_path, 1, "ina226", power1_input=3_000_000, power2_input=250_000)
        # volts and amperes, which are more: 5 V, 1.2 A
        sensor(tmp_path, 12, "ina3221", in1_input=5000, curr1_input=1200, in2_input=900)
        monkeypatch.setattr(program, "SYSFS", str(tmp_path))
        timed = run(bundle)
        assert timed.energy_source == "hwmon12 rail 1 ina3221"
        mean_ns = float(timed.rounds.mean())
        assert timed.energy_uj == pytest.approx(6e6 * mean_ns / 1e9, rel=1e-6)

    def test_where_nothing_is_told_nothing_is_made_up(
        self, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sensor(tmp_path, 0, "coretemp", temp1_input=40_000, in1_input=900)
        sensor(tmp_path, 1, "off", power1_input=0)
        monkeypatch.setattr(program, "SYSFS", str(tmp_path))
        timed = run(bundle)
        assert (timed.energy_uj, timed.energy_source) == (None, None)


class TestCore:
    pytestmark = here

    def test_it_stays_on_a_core_that_it_is_allowed(self, bundle: Bundle) -> None:
        allowed = os.sched_getaffinity(0)
        try:
            for core in sorted(allowed)[:2]:
                os.sched_setaffinity(0, {core})
                assert run(bundle).core == core
        finally:
            os.sched_setaffinity(0, allowed)

    def test_of_cores_that_differ_it_takes_the_fastest(
        self, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cores = sorted(os.sched_getaffinity(0))
        for core in cores:
            folder = tmp_path / f"devices/system/cpu/cpu{core}/cpufreq"
            folder.mkdir(parents=True)
            (folder / "cpuinfo_max_freq").write_text("2400000" if core == cores[-1] else "1800000")
        monkeypatch.setattr(program, "SYSFS", str(tmp_path))
        assert run(bundle).core == cores[-1]

    def test_it_is_told_of_a_device(self, bundle: Bundle) -> None:
        (found,) = on_device([(bundle, "kws")], "local", 0.1)
        assert found is not None
        assert found.core in os.sched_getaffinity(0)
        assert found.partial is None
