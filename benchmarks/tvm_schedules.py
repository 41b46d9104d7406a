"""What a schedule is worth to TVM: `python -m benchmarks.tvm_schedules`.

The same step by its default schedules, by dlight's and by the one of our backend, beside ONNX
Runtime and our C, all float32, one thread, in turn. `--write` puts the table into docs/backends.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import workloads
from benchmarks.contender import Contender, whole
from benchmarks.document import table, write_section
from benchmarks.interleave import interleaved, ratio, times
from benchmarks.peers import onnxruntime, tvm
from benchmarks.prepared import LARGEST_ERROR, network, ours
from benchmarks.variants import Variant
from edgernn.profile.latency import machine

PAGE = Path("docs/backends.md")
NAMES = ("kws", "kbd", "asr")
KIND = "fp32"
C, ORT = "our C", "ONNX Runtime"
HEAD = ("", "", "p50 µs", "p99 µs", "times the default's speed")


def measure(name: str, rounds: int, steps: int) -> list[list[str]]:
    """Rows of one workload. Raises: ParityError if one's outputs are not torch's."""
    net = network(name, workloads.module(name))
    found: dict[str, Contender] = {
        f"TVM, {one.setting}": one for one in tvm.candidates(net.graph, KIND, Path())
    }
    found[ORT] = next(onnxruntime.candidates(net.graph, KIND, Path()))
    found[C] = next(ours(name, (Variant(KIND, KIND, (KIND,)),))).contender
    for title, one in found.items():
        net.error(one, LARGEST_ERROR[KIND], title)
    rounded = interleaved({k: whole(v, net.frames) for k, v in found.items()}, rounds, steps)
    default = rounded[f"TVM, {tvm.SETTINGS[0]}"]
    rows = []
    for title, spans in rounded.items():
        spent, gain = times(spans), ratio(default, spans)
        p99 = f"{spent.p99_us:,.1f}" if spent.p99_us is not None else "-"
        rows.append([name, title, f"{spent.median_us:,.1f}", p99, f"{gain.median:.1f}"])
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    os.environ["TVM_NUM_THREADS"] = "1"  # before its runtime begins
    rows = [row for name in NAMES for row in measure(name, given.rounds, given.steps)]
    made = [
        f"{machine()}; `python -m benchmarks.tvm_schedules --write`:",
        "",
        *table(HEAD, rows),
    ]
    print("\n".join(made))
    if given.write:
        write_section("tvm", made, PAGE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
