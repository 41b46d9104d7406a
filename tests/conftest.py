"""What every test shares: one torch thread, one seed, and a line that says what is not tested."""

from __future__ import annotations

import os
import shutil
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import torch

from edgernn import road
from edgernn.graph.torchlib import read_once

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # xdist already uses every core
    os.environ.setdefault(variable, "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell starts behind an &
    signal.signal(signal.SIGINT, signal.default_int_handler)  # some tests send it to their children

EMULATORS = ("qemu-system-arm", "qemu-aarch64")
SLOW_FILES = 25  # that are listed
WHOLE_ROAD, SHORT_ROAD = road.PARITY_FRAMES, 500  # steps that an export is compared over


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    absent = [name for name in EMULATORS if shutil.which(name) is None]
    if absent:
        terminalreporter.write_line(
            f"QEMU is absent ({', '.join(absent)}): its tests were skipped; unicorn's were not. "
            "To run them: apt-get install qemu-system-arm qemu-user",
            yellow=True,
        )
    spent: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for one in reports:
            if isinstance(one, pytest.TestReport):
                spent[one.nodeid.partition("::")[0]] += one.duration
    if len(spent) > SLOW_FILES:
        terminalreporter.section("slowest files")
        for file in sorted(spent, key=spent.__getitem__, reverse=True)[:SLOW_FILES]:
            terminalreporter.write_line(f"{spent[file]:.0f}s {file}")


# The same weights and data in every run: torch starts each process with a seed of chance.
@pytest.hookimpl(tryfirst=True)
def pytest_make_collect_report() -> None:  # what a module draws as it is imported
    torch.manual_seed(0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:  # before any fixture
    torch.manual_seed(0)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "device" in (config.option.markexpr or ""):
        return
    skip = pytest.mark.skip(reason="needs real hardware; ask with -m device")
    for item in items:
        if item.get_closest_marker("device"):
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def operators_read_once() -> Iterator[None]:
    """In what tests export by torch alone too."""
    with read_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def short_road() -> Iterator[None]:
    """Exports of tests about something else are compared with torch over fewer steps."""
    with mock.patch.object(road, "PARITY_FRAMES", SHORT_ROAD):
        yield


@pytest.fixture(scope="module")
def whole_road() -> Iterator[None]:
    """As many steps as a user's export is compared over."""
    with mock.patch.object(road, "PARITY_FRAMES", WHOLE_ROAD):
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parent.parent
