"""A step measured by a static program; verdicts, the page and the document of a profile."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgernn.bundle import Bundle, open_bundle
from edgernn.cli import group
from edgernn.device import find_device
from edgernn.errors import ToolError
from edgernn.exporting import export
from edgernn.profile.about import about, parsed
from edgernn.profile.device import DeviceLatency, on_device
from edgernn.profile.nodes import by_node, labelled
from edgernn.profile.program import build, measure, ticking
from edgernn.profile.report import Profile, document, most_of
from edgernn.profile.timed import BEFORE

pytestmark = pytest.mark.cc
here = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="static programs are for Linux",
)
DOCS = Path(__file__).parents[1] / "docs" / "profile.md"
PI = """== /proc/version
Linux version 6.6.31+rpt-rpi-v8 (serge@raspberrypi.com) #1 SMP PREEMPT
== /proc/meminfo
MemTotal:        3885396 kB
MemFree:         3006012 kB
== /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
ondemand
== /sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq
1800000
== /sys/firmware/devicetree/base/model
Raspberry Pi 4 Model B Rev 1.4\0
== /proc/cpuinfo
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU part\t: 0xd08
processor\t: 1
processor\t: 2
processor\t: 3
Model\t\t: Raspberry Pi 4 Model B Rev 1.4
"""


def edgernn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("profile") / "tiny.edgernn"
    export("kws/tiny", "host", "w8a8", path)
    return open_bundle(path)


@pytest.fixture(scope="module")
def found(bundle: Bundle) -> DeviceLatency:
    (one,) = on_device([(bundle, "kws")], "local", 0.1)
    return one


class Told:
    """A device that prints what it is told to, whatever it is sent."""

    target = "host"

    def __init__(self, *lines: str) -> None:
        self.lines = lines

    def run(self, program: bytes, sent: Iterable[bytes]) -> Iterator[str]:
        yield from self.lines


@here
def test_every_step_is_timed_and_nodes_make_up_the_step(bundle: Bundle) -> None:
    timed = measure(find_device("local"), bundle, "kws", 0.2)
    assert timed.rounds.shape[0] == 11
    assert (timed.rounds > 100).all(), "nanoseconds"
    _, labels = build(bundle, "kws", "host", 1, ticks=True)
    assert set(timed.nodes) == {*labels, BEFORE}
    middle, nodes = float(np.median(timed.rounds)), sum(timed.nodes.values())
    assert 0.8 * middle < nodes < 4 * middle + 2000
    assert timed.memory_bytes is not None
    assert 10_000 < timed.memory_bytes < 10_000_000


def test_the_clock_is_read_once_before_each_node() -> None:
    source = "a\nvoid m_step(int *x) {\n  /* one */\n  f();\n  /* two */\n  g();\n}\nend\n"
    made, labels = ticking(source, "m")
    assert labels == ["one", "two"]
    assert re.findall(r"edgernn_tick\((\d)u\)", made) == ["0", "1", "2"]
    assert made.startswith('#define NODES 2u\n#include "ticks.h"\na\n')
    assert made.endswith("edgernn_tick(2u);\n}\nend\n")
    with pytest.raises(ToolError, match="has no function other_step"):
        ticking(source, "other")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["round", "12", "x"], "printed 'x', which is no time"),
        (["12"], "printed '12', which is no time"),
        (["round", "12"], "ended before it was done"),
        ([], "ended before it was done"),
    ],
)
def test_a_program_that_prints_something_else_is_refused(
    bundle: Bundle, lines: list[str], why: str
) -> None:
    with pytest.raises(ToolError, match=why):
        measure(Told(*lines), bundle, "kws", 0.1)


@here
def test_figures_fit_together(found: DeviceLatency) -> None:
    assert found.p50_us <= found.p90_us <= found.p99_us <= found.max_us
    assert sum(found.histogram.counts) == found.steps
    assert len(found.histogram.edges_us) == len(found.histogram.counts) + 1
    assert len(found.rounds_us) == 11
    assert found.noise >= 0
    assert found.about.cores >= 1
    assert found.real_time_factor < 1


def test_a_board_is_told_by_its_files() -> None:
    pi = parsed(PI.splitlines())
    assert pi.line() == (
        "Raspberry Pi 4 Model B Rev 1.4, 4 x Cortex-A72, 1,800 MHz, governor ondemand, 3.7 GiB, "
        "Linux 6.6.31+rpt-rpi-v8"
    )
    assert pi.features == ("asimd",)
    nothing = parsed([])
    assert (nothing.cpu, nothing.memory_bytes, nothing.clock_mhz) == ("unknown CPU", None, None)


@here
def test_this_machine_says_what_it_is() -> None:
    told = about(find_device("local"))
    assert told.cpu
    assert told.memory_bytes
    assert told.system.startswith("Linux ")


@here
def test_several_bundles_are_measured_in_turn_and_told_apart(
    bundle: Bundle, tmp_path: Path
) -> None:
    other = tmp_path / "wide.edgernn"
    export("kws", "host", "fp32", other)
    result = edgernn(
        *("profile", bundle.path, other, "-d", "local", "--seconds", "0.2"),
        *("--html", tmp_path / "p.html"),
    )
    assert result.exit_code == 0, result.output
    assert "wide.edgernn beside tiny.edgernn" in result.stdout
    assert "slower" in result.stdout, "it has ten times as many weights"
    assert "Bundles beside one another" in (tmp_path / "p.html").read_text()


@here
def test_the_document_is_what_its_page_says(found: DeviceLatency) -> None:
    told = DOCS.read_text()
    made = document([Profile("a", "kws", "kws", 20.0, "a desk", devices=(found,))])
    row = json.loads(json.dumps(made))["profiles"][0]
    names = {*made, *row, *row["devices"][0], *row["devices"][0]["about"], "counts", "edges_us"}
    assert {name for name in names if f"`{name}`" not in told} == set()
    assert asdict(found)["rounds_us"] == tuple(row["devices"][0]["rounds_us"])


def test_the_many_small_parts_are_one() -> None:
    rows = most_of({str(k): float(k) for k in range(1, 16)})
    assert len(rows) == 13
    assert rows[0] == ("15", 15.0, 15 / 120)
    assert rows[-1] == ("3 more", 6.0, 6 / 120)


@here
def test_the_command_compares_and_ends_with_one(bundle: Bundle, tmp_path: Path) -> None:
    words = ["profile", bundle.path, "-d", "local", "--seconds", "0.1"]
    first = edgernn(*words, "--json")
    assert first.exit_code == 0, first.output
    old = json.loads(first.stdout)
    row = old["profiles"][0]["devices"][0]
    row["rounds_us"] = [time / 2 for time in row["rounds_us"]]  # it was twice as fast
    before = tmp_path / "before.json"
    before.write_text(json.dumps(old))
    out = tmp_path / "p.html"
    result = edgernn(*words, "--compare", before, "--fail-above", "5%", "--html", out)
    assert result.exit_code == 1
    assert "slower" in result.stdout
    assert '<span class="slower">' in out.read_text()
    assert edgernn(*words, "--compare", before).exit_code == 0
    assert edgernn(*words, "--compare", before, "--fail-above", "9").exit_code == 0


def test_bad_input_is_one_line(bundle: Bundle, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    listed = tmp_path / "list.json"
    listed.write_text("[]")
    newer = tmp_path / "newer.json"
    newer.write_text('{"schema": "edgernn.profile", "version": 2, "edgernn": "9.0"}')
    for words, line in (
        (["--fail-above", "5%"], "give that, too"),
        (["--compare", tmp_path / "none.json"], "No such file"),
        (["--compare", broken], "is no JSON"),
        (["--compare", listed], "is no profile"),
        (
            ["--compare", newer],
            "of version 2, made by edgernn 9.0; this one reads 1",
        ),
        (["--html", tmp_path / "none" / "p.html"], "not a file in an existing directory"),
        (["--fail-above", "much", "--compare", listed], "is no share; give 5% or 0.05"),
        (["-d", "phone:1"], "unknown device 'phone:1'"),
        (["-d", "qemu:aarch64"], "holds C of kws for host, not for aarch64"),
        (["-d", "qemu:pdp11"], "unknown target 'pdp11'"),
    ):
        result = edgernn("profile", bundle.path, *words)
        assert result.exit_code == 2, words
        assert line in result.output, words


@here
def test_devices_are_listed_and_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("Host pi board\n  User me\nHost *.lan\n")
    rows = {row["device"]: row for row in json.loads(edgernn("devices", "--json").stdout)}
    assert rows["local"]["cores"] >= 1
    assert rows["ssh://pi"]["note"] == "named in ~/.ssh/config; ask it by its URL"
    assert "ssh://board" in rows
    assert not any("*" in name for name in rows)
    assert "qemu:cortex-m4" in rows
    one = edgernn("devices", "local")
    assert one.exit_code == 0
    assert "Linux" in one.stdout
    assert edgernn("devices", "phone:1").exit_code == 2


def test_nodes_are_labelled_where_the_clock_would_be_read() -> None:
    source = "a\nvoid m_step(int *x) {\n  /* one */\n  f();\n  /* two */\n  g();\n}\nend\n"
    made, labels = labelled(source, "m")
    assert labels == ["one", "two"]
    assert made.count("__asm__") == 3
    assert made.count(".size edgernn_node_0, . - edgernn_node_0") == 1
    assert made.endswith('edgernn_node_2:" ::: "memory");\n}\nend\n')


def test_what_is_no_firmware_or_slim_is_not_counted_by_node(bundle: Bundle, tmp_path: Path) -> None:
    (entry,) = (row for row in bundle.all_built().values())
    with pytest.raises(ToolError, match="nodes are counted by QEMU alone"):
        by_node(bundle, "kws", entry)
    path = tmp_path / "slim.edgernn"
    export("kws/tiny", "cortex-m4", "w8a8", path, slim=True)
    told = edgernn("profile", path, "-d", "qemu:cortex-m4")
    assert told.exit_code == 0, told.output
    assert "cortex-m4: not by node: " in told.stdout
