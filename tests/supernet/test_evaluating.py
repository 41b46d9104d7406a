"""Two processes, or Ray, find what one process finds; what is lost is told, and resumed from."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from ..two import said, start_two, torchrun, wait_for
from .many import edgernn, train_many

SLOW = """
import time

from tests.compress import keep
from tests.compress.keep import build, examples


class Task(keep.Task):
    def validate(self, network):
        time.sleep(0.3)
        return super().validate(network)
"""
pytestmark = [pytest.mark.slow, pytest.mark.cc]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slow")
    source = folder / "slow.py"
    source.write_text(SLOW)
    return train_many(folder, source)


def search(trained: Path, out: Path, *more: str) -> list[str]:
    asked = ["supernet", "search", str(trained), "--data", str(trained), "-t", "host"]
    return [*asked, "--number-type", "fp32", "-o", str(out), "--json", *more]


@pytest.fixture(scope="module")
def alone(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process has found."""
    out = tmp_path_factory.mktemp("alone") / "found"
    found = edgernn(*search(trained, out))
    assert found.exit_code == 0, found.output
    return out


def same(one: Path, other: Path) -> bool:
    """Whether the same was evaluated, in the same order and to the same bits."""
    return all(
        (one / name).read_bytes() == (other / name).read_bytes()
        for name in ("asked.jsonl", "best/recipe.toml", "best/weights.safetensors")
    )


def test_two_processes_find_what_one_finds(trained: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    found = torchrun(["-m", "edgernn", *search(trained, out)])
    assert found.returncode == 0, found.stderr
    assert len(json.loads(found.stdout)["subnetworks"]) == 3, "and the first one alone tells it"
    assert same(out, alone)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_process_is_told_of_and_its_search_resumed(
    lost: int, trained: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    both = start_two(["-m", "edgernn", *search(trained, out)])
    wait_for(out / "asked.jsonl")
    both[lost].send_signal(signal.SIGKILL)
    said(both[lost])
    (line,) = said(both[1 - lost], 2).splitlines()
    assert line.startswith(f"error: process {1 - lost} of 2: another was lost (")
    known = (out / "asked.jsonl").read_text().splitlines()
    assert 0 < len(known) < 3
    found = torchrun(["-m", "edgernn", *search(trained, out, "--resume")])
    assert found.returncode == 0, found.stderr
    assert same(out, alone)


def test_what_is_wrong_is_told_by_the_first_alone(trained: Path, alone: Path) -> None:
    first, other = start_two(["-m", "edgernn", *search(trained, alone)])
    assert f"{alone}: exists" in said(first, 2)
    assert (other.communicate(timeout=60)[1], other.returncode) == ("", 0)


def test_without_ray_a_line_says_how_to_get_it(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    found = edgernn(*search(trained, tmp_path / "found", "--ray"))
    assert found.exit_code == 2
    assert found.stderr == ("error: ray is not installed; run: pip install 'edgernn[ray]'\n")


@pytest.mark.filterwarnings("ignore")
def test_two_workers_of_ray_find_what_one_process_finds(
    trained: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        out = tmp_path / "found"
        found = edgernn(*search(trained, out, "--ray", cluster.address))
        assert found.exit_code == 0, found.output
        assert same(out, alone)
    finally:
        cluster.shutdown()
