"""The target that docs/add-a-target.md tells its reader to save is found, built for and booted."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import edgernn
from edgernn.backend import find_runner
from edgernn.elf import read_elf
from edgernn.errors import UnknownName
from edgernn.graph.number_type import NUMBER_TYPES
from edgernn.target import Target, all_targets, find_target

PACKAGE = "edgernn.targets"


@pytest.fixture
def pico2(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    page = (root / "docs/add-a-target.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "pico2.py").write_text(code)
    targets = importlib.import_module(PACKAGE)
    monkeypatch.setattr(targets, "__path__", [*targets.__path__, str(tmp_path)])
    yield find_target("pico2")
    del sys.modules[f"{PACKAGE}.pico2"]
    del targets.pico2


@pytest.mark.cc
def test_the_target_of_the_docs_is_built_for_and_boots(
    pico2: Target, build: Callable[..., bytes]
) -> None:
    binary = build(pico2)
    emulator: Any = find_runner(pico2.runner)
    assert emulator.boot(binary, pico2).exit_code == 0
    assert pico2.board
    assert read_elf(binary).symbol("edgernn_reset") >= pico2.board.flash_base


def test_before_it_is_saved_it_is_unknown() -> None:
    with pytest.raises(UnknownName, match="unknown target 'pico2'"):
        find_target("pico2")


def test_every_target_has_its_name_in_the_table_of_the_docs(root: Path) -> None:
    page = (root / "docs/targets.md").read_text()
    for name, target in all_targets().items():
        assert f"| `{name}`" in page
        assert all(f"`{alias}`" in page for alias in target.aliases)


def test_names_and_aliases_find_their_target() -> None:
    assert find_target("arm") is find_target("aarch64")
    assert find_target("cortex-m4").name == "cortex-m4"
    with pytest.raises(UnknownName, match="cortex-m4"):
        find_target("cortex-m44")


@pytest.mark.parametrize("target", all_targets().values(), ids=lambda t: t.name)
def test_a_target_names_a_runner_and_is_whole(target: Target) -> None:
    assert find_runner(target.runner).name == target.runner
    assert (target.kind == "firmware") == (target.board is not None)
    assert target.summary
    assert target.number_types == tuple(NUMBER_TYPES)
    if target.board:
        assert target.clock_hz
        assert (target.board.unicorn_cpu is None) == (target.runner == "qemu")
    assert Path(edgernn.__path__[0], "targets").is_symlink()
