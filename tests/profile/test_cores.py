"""Instructions of a step on cores of 64-bit ARM, by QEMU: exact, by node, and which kernels ran."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgernn.bundle import Bundle, open_bundle
from edgernn.cli import group
from edgernn.errors import ToolError, UnknownName
from edgernn.exporting import export
from edgernn.profile.chip import cost
from edgernn.step_code import artifact
from edgernn.target import find_core

pytestmark = pytest.mark.cc
qemu = pytest.mark.skipif(shutil.which("qemu-aarch64") is None, reason="needs qemu-aarch64")


def edgernn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("cores") / "tiny.edgernn"
    export("kws/tiny", "aarch64", "w8a8", path)
    return open_bundle(path)


def counted(bundle: Bundle, *urls: str) -> list[dict[str, Any]]:
    words = [word for url in urls for word in ("--device", url)]
    told = edgernn("profile", bundle.path, *words, "--json")
    assert told.exit_code == 0, told.output
    (profile,) = json.loads(told.stdout)["profiles"]
    assert profile["devices"] == [], "an emulator's time is never told"
    chips: list[dict[str, Any]] = profile["chips"]
    return chips


@pytest.fixture(scope="module")
def cores(bundle: Bundle) -> dict[str, dict[str, Any]]:
    urls = [f"qemu:{name}" for name in ("cortex-a72", "cortex-a76", "aarch64")]
    return {row["target"]: row for row in counted(bundle, *urls)}


@pytest.mark.parametrize("name", ["cortex-a72", "cortex-a76", "aarch64"])
@pytest.mark.emulator
@qemu
class TestCore:
    def test_its_nodes_add_up_to_the_step(self, cores: dict[str, Any], name: str) -> None:
        whole = cores[name]["count"]["mean"]
        assert sum(cores[name]["by_node"].values()) == pytest.approx(whole, rel=0.001)
        assert sum(cores[name]["count"]["by_function"].values()) == pytest.approx(whole)

    def test_dotprod_is_used_where_the_core_has_it(self, cores: dict[str, Any], name: str) -> None:
        used = [one for one in cores[name]["count"]["by_function"] if one.endswith("_dotprod")]
        assert bool(used) == (name != "cortex-a72")

    def test_it_is_the_same_in_two_runs(
        self, bundle: Bundle, cores: dict[str, Any], name: str
    ) -> None:
        (again,) = counted(bundle, f"qemu:{name}")
        assert again == cores[name]


@pytest.mark.emulator
@qemu
def test_without_dotprod_there_are_more_instructions(cores: dict[str, Any]) -> None:
    assert cores["cortex-a72"]["count"]["mean"] > cores["cortex-a76"]["count"]["mean"]


@pytest.mark.emulator
@qemu
def test_without_qemu_unicorn_counts_nearly_the_same_and_no_core(
    bundle: Bundle, cores: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("unicorn")
    expected = cores["aarch64"]["count"]["mean"]
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is none
    entry = artifact(bundle, "kws", "aarch64")
    found = cost(bundle, "kws", entry)
    assert found.count is not None
    assert found.count.emulator == "unicorn"
    assert found.count.mean == pytest.approx(expected, rel=0.01)
    assert any("apt-get install qemu-user" in note for note in found.notes)
    with pytest.raises(ToolError, match=r"^cortex-a72: .*apt-get install qemu-user"):
        cost(bundle, "kws", entry, "cortex-a72")


def test_cores_are_found_by_their_names() -> None:
    assert [find_core(name)[1] for name in ("aarch64", "arm", "cortex-m4")] == ["", "", ""]
    for name in ("cortex-a72", "aarch64:cortex-a72", "arm:cortex-a72"):
        target, core = find_core(name)
        assert (target.name, core) == ("aarch64", "cortex-a72")
    with pytest.raises(UnknownName, match=r"unknown target 'cortex-a77'; did you mean .*cortex-a7"):
        find_core("cortex-a77")


def test_cores_are_listed_and_never_asked_for_this_machines_files() -> None:
    rows = {row["device"]: row for row in json.loads(edgernn("devices", "--json").stdout)}
    for name in ("cortex-a72", "cortex-a76"):
        assert "aarch64" in rows[f"qemu:{name}"]["note"]
    (row,) = json.loads(edgernn("devices", "qemu:cortex-a72", "--json").stdout)
    assert "counted, never timed" in row["note"] or "needs qemu-aarch64" in row["note"]
    assert "cpu" not in row


def test_bad_cores_are_one_line(bundle: Bundle) -> None:
    for url, line in (
        ("qemu:cortex-a77", "unknown target 'cortex-a77'"),
        ("qemu:cortex-m4", "holds C of kws for aarch64, host, not for cortex-m4"),
        ("qemu:aarch64:pentium", "pentium"),
    ):
        told = edgernn("profile", bundle.path, "-d", url)
        assert told.exit_code == 2, told.output
        assert line in told.output
