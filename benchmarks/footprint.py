"""What a step takes up: `python -m benchmarks.footprint`.

The bytes of its shared library, the resident memory of a C process that is linked to it and runs
it, and its state and scratch against the most bytes that its values can need at once. `--check`
exits with 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import workloads
from benchmarks.compiled import host_source
from benchmarks.document import PAGE, table, write_section
from benchmarks.prepared import network
from benchmarks.variants import DENSE
from edgernn.compilers import compiler
from edgernn.errors import EdgernnError, ToolError
from edgernn.target import find_target
from edgernn.toolchain import build_library

LIBRARY_LIMIT = 150_000  # bytes, of kws in w8a8
RESIDENT_LIMIT = 3_000_000  # bytes, of its process
MEMORY_LIMIT = 1.1  # state and scratch over the most that is alive at once
CHECKED = ("kws", "w8a8")
STEPS = 10_000
NUMBER_TYPES = tuple(dict.fromkeys(variant.number_type for variant in DENSE))

PROCESS = """#include <stdio.h>
#include "{name}.h"
_Alignas(16) static unsigned char state[{state} + 16], scratch[{scratch} + 16];
static float x[{inputs}], y[{outputs}];
int main(void) {{
  float sum = 0;
  if ({name}_init(state, sizeof state)) return 1;
  for (int k = 0; k < {steps}; ++k) {{
    for (int i = 0; i < {inputs}; ++i) x[i] = (float)((i * 7 + k) % 13) / 6 - 1;
    {name}_step(state, scratch, x, y);
    sum += y[0];
  }}
  fprintf(stderr, "%f\\n", (double)sum);
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  while (status && fgets(line, sizeof line, status)) fputs(line, stdout);
  return !status;
}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One workload in one number type; resident: of a process that ran it, None off Linux.

    peak_live_bytes: the most bytes of values that are needed at one moment of the step, state
    included: what no plan of memory can go below.
    """

    workload: str
    number_type: str
    weights_bytes: int
    library_bytes: int
    resident_bytes: int | None
    state_bytes: int
    scratch_bytes: int
    peak_live_bytes: int

    @property
    def over_peak(self) -> float:
        return (self.state_bytes + self.scratch_bytes) / self.peak_live_bytes


def measured(name: str, number_type: str) -> Row:
    """Build the library and run it in a process of its own. Raises: ToolError."""
    made = network(name, workloads.module(name))
    source = host_source(made.graph, number_type, made.calibration)
    facts = source.facts
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        library = build_library(source.files(), find_target("host"), folder, name=source.symbol)
        (folder / f"{source.symbol}.h").write_text(source.header, encoding="utf-8")
        main = PROCESS.format(
            name=source.symbol,
            state=facts["state_bytes"],
            scratch=facts["scratch_bytes"],
            inputs=made.frames[0].size,
            outputs=made.want[0].size,
            steps=STEPS,
        )
        (folder / "main.c").write_text(main, encoding="utf-8")
        size, resident = library.stat().st_size, _resident(folder, library)
    places = facts["state_bytes"], facts["scratch_bytes"], facts["peak_live_bytes"]
    return Row(name, number_type, facts["weights_bytes"], size, resident, *places)


def _resident(folder: Path, library: Path) -> int | None:
    """Bytes of the process at its largest."""
    if not Path("/proc/self/status").exists():
        return None
    words = [*compiler().command(find_target("host")), "-O2", "-std=c11", "main.c", library.name]
    built = subprocess.run(
        [*words, "-Wl,-rpath,.", "-o", "main"], cwd=folder, capture_output=True, text=True
    )
    if built.returncode:
        raise ToolError(f"cannot build a process around {library.name}: {built.stderr.strip()}")
    done = subprocess.run(["./main"], cwd=folder, capture_output=True, text=True, timeout=120)
    peak = next((line for line in done.stdout.splitlines() if line.startswith("VmHWM:")), None)
    if done.returncode or peak is None:
        raise ToolError(f"the process around {library.name} ended with {done.returncode}")
    return int(peak.split()[1]) * 1024


def missed(rows: Sequence[Row]) -> list[str]:
    """One line for each limit that is missed."""
    lines = []
    for row in rows:
        name = f"{row.workload} {row.number_type}"
        if (row.workload, row.number_type) == CHECKED:
            if row.library_bytes >= LIBRARY_LIMIT:
                lines.append(f"{name}: a library of {row.library_bytes:,} bytes; {LIBRARY_LIMIT:,}")
            if row.resident_bytes is not None and row.resident_bytes >= RESIDENT_LIMIT:
                lines.append(f"{name}: {row.resident_bytes:,} bytes resident; {RESIDENT_LIMIT:,}")
        if row.over_peak > MEMORY_LIMIT:
            lines.append(f"{name}: state and scratch are {row.over_peak:.2f} of the largest need")
    return lines


HEAD = (
    *("workload", "number type", "weights", "library", "resident", "state", "scratch"),
    *("largest need", "of it"),
)


def as_table(rows: Sequence[Row]) -> list[str]:
    """Markdown, in bytes."""
    lines = []
    for row in rows:
        sizes = [row.weights_bytes, row.library_bytes, row.resident_bytes]
        sizes += [row.state_bytes, row.scratch_bytes, row.peak_live_bytes]
        figures = ["" if size is None else f"{size:,}" for size in sizes]
        lines.append([row.workload, row.number_type, *figures, f"{row.over_peak:.2f}"])
    return table(HEAD, lines)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only kws in w8a8, exit code 1")
    parser.add_argument("--json", action="store_true", help="figures as JSON instead of a table")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    return parser.parse_args()


def main() -> None:
    """Build, run, tell, write; leave with 1 when a limit is missed."""
    options = arguments()
    pairs = [CHECKED] if options.check else [("kws", kind) for kind in NUMBER_TYPES]
    if not options.check:
        pairs += [(name, "w8a8") for name in ("kbd", "features", "spotter")]
    rows = [measured(*pair) for pair in pairs]
    lines = as_table(rows)
    figures = [asdict(row) for row in rows]
    print(json.dumps(figures, indent=1) if options.json else "\n".join(lines))
    if options.write:
        write_section("footprint", lines)
    problems = missed(rows)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    try:
        main()
    except EdgernnError as error:
        sys.exit(f"error: {error}")
