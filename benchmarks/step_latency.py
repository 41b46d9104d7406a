"""One step on this machine, ours beside others: `python -m benchmarks.step_latency`.

Batch 1, one thread, state fed back. Every runtime does the same work in this process: x copied
in, the state carried, y copied out; the call from Python is part of it. `alone` is the runtime's
own call: for ours a loop written in C, for the others their bare call from Python without copies.
Before anything is timed, each runtime's outputs are compared with torch.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import torch

from benchmarks import latency_tables, workloads
from benchmarks.bandwidth import read_gigabytes
from benchmarks.contender import Contender, alone, whole
from benchmarks.document import PAGE, write_section
from benchmarks.interleave import Array, Ratio, Times, fastest, interleaved, ratio, times
from benchmarks.peers import PEERS
from benchmarks.prepared import Network, Ours, best, network, ours
from benchmarks.variants import KINDS, variants
from edgernn.compilers import compiler, host_cpu
from edgernn.errors import EdgernnError
from edgernn.profile.latency import machine

PACKAGES = ("ai-edge-litert", "onnxruntime", "openvino", "apache-tvm", "torch", "ziglang", "numpy")
APART = "TVM"  # so far behind that its turns would push the others' weights out of the caches
APART_ROUNDS, APART_STEPS = 5, 3
DELTA_WARM_STEPS = 200  # until nearly every column has been read once, as any other step does


@dataclass(frozen=True, slots=True)
class PeerRow:
    """Another runtime on a workload. `note` says why it could not be measured."""

    workload: str
    runtime: str
    kind: str
    setting: str = ""
    error: float | None = None
    step: Times | None = None
    alone_us: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class OurRow:
    """One of our variants on a workload.

    peer: the fastest of those it is compared with; ratio, alone_ratio: its time over ours, paired
    by round. weights_bytes: all tables, read once a step unless it is a delta network; columns:
    the share that a delta network read. bandwidth: GB/s that one core reads of so many bytes.
    """

    workload: str
    variant: str
    number_type: str
    step: Times
    alone_us: float
    error: float
    weights_bytes: int
    columns: float | None
    bandwidth: float | None
    peer: str = ""
    ratio: Ratio | None = None
    alone_ratio: Ratio | None = None
    goal: float | None = None


def measure(name: str, cache: Path, rounds: int, steps: int) -> tuple[list[OurRow], list[PeerRow]]:
    """Every variant and every runtime on one workload."""
    mine = list(ours(name, variants(name, workloads.SHAPES)))
    dense = network(name, workloads.module(name))
    kinds = {kind for one in mine for kind in one.variant.against}
    theirs, rows = peers(dense, kinds, cache)
    contenders = {one.variant.title: (one.contender, one.frames) for one in mine} | {
        title: (contender, dense.frames) for title, (contender, _) in theirs.items()
    }
    warm = {one.variant.title: DELTA_WARM_STEPS for one in mine if one.variant.delta}
    timed = {title: whole(*pair) for title, pair in contenders.items()}
    called = {title: alone(one) for title, (one, _) in contenders.items()}
    sizes = {one.facts["weights_bytes"] for one in mine}
    moments = [_speeds(sizes)]
    spent = interleaved(timed, rounds, steps, warm=warm)
    moments.append(_speeds(sizes))
    bare = interleaved(called, rounds, steps, warm=warm)
    moments.append(_speeds(sizes))
    speeds = {size: max(moment[size] for moment in moments) for size in sizes}
    found = [our_row(name, one, spent, bare, list(theirs), speeds) for one in mine]
    for title, (contender, error) in theirs.items():
        runtime, kind = title.rsplit(" ", 1)
        measured = times(spent[title]), times(bare[title]).median_us
        rows.append(PeerRow(name, runtime, kind, contender.setting, error, *measured))
    order = [(kind, peer.NAME) for kind in KINDS for peer in PEERS]
    return found, sorted(rows, key=lambda row: order.index((row.kind, row.runtime)))


def _speeds(sizes: Collection[int]) -> dict[int, float]:
    return {size: read_gigabytes(size) for size in sizes}


def peers(
    dense: Network, kinds: Collection[str], cache: Path
) -> tuple[dict[str, tuple[Contender, float]], list[PeerRow]]:
    """The others at their best by `RUNTIME KIND`, with their errors; rows of those that are not
    here and of those that are timed apart."""
    found: dict[str, tuple[Contender, float]] = {}
    rows = []
    for peer in PEERS:
        for kind in (one for one in peer.KINDS if one in kinds):
            try:
                contender, error = best(dense, peer, kind, cache)
            except EdgernnError as cause:
                rows.append(PeerRow(dense.graph.name, peer.NAME, kind, note=str(cause)))
                continue
            if peer.NAME == APART:
                rows.append(apart(dense, kind, contender, error))
            else:
                found[f"{peer.NAME} {kind}"] = contender, error
    return found, rows


def apart(dense: Network, kind: str, contender: Contender, error: float) -> PeerRow:
    """A runtime that is so slow that few steps show it."""
    spent = interleaved(
        {APART: whole(contender, dense.frames)}, APART_ROUNDS, APART_STEPS, warm={APART: 1}
    )
    bare = interleaved({APART: alone(contender)}, APART_ROUNDS, APART_STEPS, warm={APART: 1})
    measured = times(spent[APART]), times(bare[APART]).median_us
    return PeerRow(dense.graph.name, APART, kind, contender.setting, error, *measured)


def our_row(
    name: str,
    one: Ours,
    spent: dict[str, list[Array]],
    bare: dict[str, list[Array]],
    theirs: Sequence[str],
    speeds: dict[int, float],
) -> OurRow:
    """A variant against the fastest of its peers."""
    variant, title = one.variant, one.variant.title
    rivals = {key: spent[key] for key in theirs if key.rsplit(" ", 1)[1] in variant.against}
    peer = fastest(rivals) if rivals else ""
    size = one.facts["weights_bytes"]
    return OurRow(
        *(name, variant.name, variant.number_type),
        step=times(spent[title]),
        alone_us=times(bare[title]).median_us,
        error=one.error,
        weights_bytes=size,
        columns=one.columns,
        bandwidth=None if variant.delta else speeds[size],
        peer=peer,
        ratio=ratio(spent[peer], spent[title]) if peer else None,
        alone_ratio=ratio(bare[peer], bare[title]) if peer else None,
        goal=variant.goals.get(name),
    )


def versions() -> str:
    """What was compared, in one line."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"{package} absent")
    return ", ".join([f"Python {platform.python_version()}", *found])


def surroundings(rounds: int, steps: int) -> list[str]:
    """The machine, its load and the versions; a head for the tables."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"- {machine()}, {os.cpu_count()} cores, load {load} (1, 5, 15 minutes)",
        f"- {versions()}; C built for {host_cpu()} by {compiler().version()}",
        f"- {rounds} rounds of {steps} steps of each, in random order",
    ]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path("build/litert"), help=".tflite files")
    parser.add_argument(
        "--only", choices=list(workloads.TITLES), action="append", help="this workload; repeat it"
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="figures as JSON instead of tables")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}, with plots")
    return parser.parse_args()


def main() -> None:
    """Measure, tell, write."""
    options = arguments()
    torch.set_num_threads(1)
    head = surroundings(options.rounds, options.steps)
    mine: list[OurRow] = []
    theirs: list[PeerRow] = []
    for name in options.only or workloads.TITLES:
        found = measure(name, options.cache, options.rounds, options.steps)
        mine += found[0]
        theirs += found[1]
        if not options.json:
            print("\n".join(latency_tables.workload(name, *found)), flush=True)
    lines = [*head, "", *latency_tables.summary(mine)]
    if options.json:
        rows = {"ours": [asdict(r) for r in mine], "others": [asdict(r) for r in theirs]}
        print(json.dumps({"head": head, **rows}, indent=1))
    else:
        print("\n".join(lines))
    if options.write:
        from benchmarks.plot import draw

        draw(mine)
        for name in workloads.TITLES:
            here = [row for row in mine if row.workload == name]
            there = [row for row in theirs if row.workload == name]
            lines += latency_tables.workload(name, here, there) if here else []
        write_section("step_latency", lines)


if __name__ == "__main__":
    main()
