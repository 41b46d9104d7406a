"""Exact instructions of a step on emulated chips: `python -m benchmarks.chip_cost`.

Counted by QEMU over golden steps; the same figure on every run and every machine, and no time:
an emulator's clock is not the chip's. Firmware is built as `edgernn export` builds it; on aarch64
the same C is linked into a static program, which runs on a core with dot products and on one
without. Each image hashes its outputs and its state: all chips must agree on one hash per case.

`--check` counts the int8 GRU, dense, sparse and delta, and exits with 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.chips import (
    CHIPS,
    DELTA_CASES,
    DELTA_STEPS,
    DENSE_CASE,
    GOLDEN_STEPS,
    OTHER_CASES,
    SPARSE_CASES,
    Case,
    Row,
    counted,
)
from benchmarks.document import PAGE, table, write_section
from edgernn.compilers import compiler
from edgernn.errors import EdgernnError

SHOWN_FUNCTIONS = 6


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a chip may take, by chip: instructions a multiply-accumulate of the dense int8 GRU,
    and the shares of its count that three zero 16x4 blocks in four, and delta at 30 %, take."""

    per_mac: Mapping[str, float]
    sparse: Mapping[str, float]
    delta: Mapping[str, float]


_PER_MAC = {
    "cortex-m0": 8.0,
    "cortex-m4": 1.5,
    "cortex-m7": 1.5,
    "cortex-m33": 1.5,
    "cortex-m55": 0.28,
    "aarch64 NEON": 0.60,
    "aarch64 dotprod": 0.32,
}
GOALS = Bounds(_PER_MAC, dict.fromkeys(_PER_MAC, 0.35), dict.fromkeys(_PER_MAC, 0.45))
# what is reached, so that nothing gets worse unseen; the goals stand beside it
LIMITS = Bounds(
    per_mac={
        "cortex-m0": 4.6,
        "cortex-m4": 1.21,
        "cortex-m7": 1.21,
        "cortex-m33": 1.21,
        "cortex-m55": 0.25,
        "aarch64 NEON": 0.35,
        "aarch64 dotprod": 0.19,
    },
    sparse={
        "cortex-m0": 0.44,
        "cortex-m4": 0.49,
        "cortex-m7": 0.49,
        "cortex-m33": 0.49,
        "cortex-m55": 0.61,
        "aarch64 NEON": 0.50,
        "aarch64 dotprod": 0.63,
    },
    delta={
        "cortex-m0": 0.52,
        "cortex-m4": 0.67,
        "cortex-m7": 0.67,
        "cortex-m33": 0.67,
        "cortex-m55": 0.81,
        "aarch64 NEON": 0.60,
        "aarch64 dotprod": 0.96,
    },
)


def missed(rows: Sequence[Row], bounds: Bounds) -> list[str]:
    """One line for each bound that a chip is above, or that was not counted on it."""
    dense, sparse, delta = (_counts(rows, case) for case in (DENSE_CASE, _SPARSE, _DELTA))
    lines = []
    for chip, bound in bounds.per_mac.items():
        if chip not in dense:
            lines.append(f"{chip}: not counted; at most {bound} instructions a MAC are allowed")
            continue
        per_mac = dense[chip].per_mac
        if per_mac is None or per_mac > bound:
            lines.append(f"{chip}: {per_mac:.2f} instructions a MAC, above {bound}")
        for name, found, allowed in (
            ("75 % sparse", sparse, bounds.sparse[chip]),
            ("delta", delta, bounds.delta[chip]),
        ):
            share = _share(found.get(chip), dense[chip])
            if share is None:
                lines.append(f"{chip}: {name} was not counted")
            elif share > allowed:
                lines.append(
                    f"{chip}: {name} takes {share:.2f} of the dense count, above {allowed}"
                )
    return lines


_SPARSE, _DELTA = SPARSE_CASES[0], DELTA_CASES[0]


def _counts(rows: Sequence[Row], case: Case) -> dict[str, Row]:
    return {
        row.chip: row
        for row in rows
        if row.instructions and (row.workload, row.variant) == (case.workload, case.variant.title)
    }


def _share(row: Row | None, dense: Row | None) -> float | None:
    if row is None or dense is None or not row.instructions or not dense.instructions:
        return None
    return row.instructions / dense.instructions


HEAD = ("chip", "instructions", "a MAC", "goal", "flash", "state", "scratch", "stack")


def as_table(rows: Iterable[Row]) -> list[str]:
    """Markdown; bytes are plain numbers."""

    def cells(row: Row) -> list[str]:
        if row.instructions is None:
            return [row.chip, row.note, *[""] * (len(HEAD) - 2)]
        goal = ""
        if row.variant == DENSE_CASE.variant.title and row.workload == DENSE_CASE.workload:
            goal = _with_limit(row.chip)
        sizes = (row.flash_bytes, row.state_bytes, row.scratch_bytes, row.stack_bytes)
        figures = [f"{row.instructions:,.0f}", f"{row.per_mac:.2f}", goal]
        return [row.chip, *figures, *("" if v is None else f"{v:,}" for v in sizes)]

    return table(HEAD, map(cells, rows))


def _with_limit(chip: str) -> str:
    """A goal, and beside it the limit where it is another."""
    if chip not in GOALS.per_mac:
        return ""
    goal, limit = GOALS.per_mac[chip], LIMITS.per_mac[chip]
    return f"{goal:g}" if goal == limit else f"{goal:g} (limit {limit:g})"


def shares(rows: Sequence[Row], cases: Sequence[Case]) -> list[str]:
    """What each case takes of the dense count, by chip."""
    dense = _counts(rows, DENSE_CASE)
    found = {case.title: _counts(rows, case) for case in cases}

    def cell(chip: str, case: Case) -> str:
        share = _share(found[case.title].get(chip), dense.get(chip))
        return "" if share is None else f"{share:.2f}"

    titles = []
    for case in cases:
        columns = next((row.columns for row in found[case.title].values()), None)
        read = "" if columns is None else f" ({columns:.1%} read)"
        titles.append(f"{case.variant.title}{read}")
    lines = [[chip, *(cell(chip, case) for case in cases)] for chip in dense]
    return table(("of the dense count", *titles), lines) if lines else []


def split(rows: Iterable[Row]) -> list[str]:
    """Where the instructions go when kernels are out of line, the largest first."""
    lines = []
    for row in rows:
        whole = sum(row.by_function.values())
        parts = list(row.by_function.items())[:SHOWN_FUNCTIONS]
        listed = [f"{_plain(name)} {n / whole:.0%}" for name, n in parts if n >= whole / 200]
        if listed:
            lines.append(f"- {row.chip}: {', '.join(listed)}")
    return lines


def _plain(name: str) -> str:
    """A function as a reader knows it: soft float without the compiler's own path."""
    return name.rpartition(".")[2].removeprefix("edgernn_")


def checked() -> list[Row]:
    """The rows that the limits are about, told."""
    rows: list[Row] = []
    for case in (DENSE_CASE, _SPARSE, _DELTA):
        rows += counted(case, LIMITS.per_mac, split=False)
    print("\n".join([*as_table(r for r in rows if r.variant == DENSE_CASE.variant.title), ""]))
    print("\n".join(shares(rows, (_SPARSE, _DELTA))))
    return rows


def everything() -> tuple[list[Row], list[str]]:
    """All rows, and what is told of them."""
    rows = list(counted(DENSE_CASE, CHIPS))
    lines = [
        f"- {compiler().version()} -O2; counted by QEMU over {GOLDEN_STEPS} steps, delta over "
        f"{DELTA_STEPS}",
        *_section(DENSE_CASE, rows),
    ]
    for case in (*SPARSE_CASES, *DELTA_CASES):
        rows += counted(case, CHIPS, split=False)
    lines += ["", "### Zeros and what stands still: share of the dense count", ""]
    lines += shares(rows, SPARSE_CASES)
    lines += ["", _goal_line(GOALS.sparse, LIMITS.sparse, _SPARSE), ""]
    lines += [*shares(rows, DELTA_CASES), "", _goal_line(GOALS.delta, LIMITS.delta, _DELTA)]
    for case in OTHER_CASES:
        found = list(counted(case, CHIPS))
        lines += _section(case, found)
        rows += found
    return rows, lines


def _goal_line(goals: Mapping[str, float], limits: Mapping[str, float], case: Case) -> str:
    held = ", ".join(f"{chip} {limit}" for chip, limit in limits.items())
    return f"Goal of *{case.variant.name}*: {max(goals.values())}. Held to: {held}."


def _section(case: Case, rows: list[Row]) -> list[str]:
    macs = max(row.macs for row in rows)
    return ["", f"### {case.title}: {macs:,} MACs", "", *as_table(rows), "", *split(rows)]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only the limits, exit code 1")
    parser.add_argument("--json", action="store_true", help="figures as JSON instead of tables")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    return parser.parse_args()


def main() -> None:
    """Count, tell, write; leave with 1 when a limit is missed."""
    options = arguments()
    if options.check:
        rows = checked()
    else:
        rows, lines = everything()
        figures = [asdict(row) for row in rows]
        print(json.dumps(figures, indent=1) if options.json else "\n".join(lines))
        if options.write:
            write_section("chip_cost", lines)
    goals, problems = missed(rows, GOALS), missed(rows, LIMITS)
    if goals:
        print("\n".join(["", "Goals not reached:", *goals]), file=sys.stderr)
    if problems:
        sys.exit("\n".join(["", "Limits missed:", *problems]))


if __name__ == "__main__":
    try:
        main()
    except EdgernnError as error:
        sys.exit(f"error: {error}")
