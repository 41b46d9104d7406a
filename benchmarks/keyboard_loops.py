"""The keyboard's loop in C: `python -m benchmarks.keyboard_loops --data PATH --bundle FILE`.

Over held-out dialogues with 5 % errors: whether it shows what the loop in Python shows after every
keystroke, to the bit, also where corrections are taken back; how long a keystroke takes; bytes; and
with `--arm`, the same keyboard exported for aarch64, exact instructions. See docs/keyboards.md.
What was compared is not compared again. `--write` puts the tables and rows into docs/. Exits with 1
where the loops differ.
"""

from __future__ import annotations

import argparse
import os
import platform
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.document import table, write_section
from benchmarks.keyboard_ours import digest_with_loop
from benchmarks.keyboard_sets import sets
from benchmarks.rows import Row, Rows
from edgernn.backend import find_runner
from edgernn.bundle import open_bundle
from edgernn.compilers import compiler, host_cpu
from edgernn.errors import EdgernnError
from edgernn.keyboard.c_loop import MODEL_H, keyboard_files
from edgernn.keyboard.decode import BACK, STEPS, Keyboard
from edgernn.keyboard.encoding import ENTER
from edgernn.keyboard.layout import UNDO
from edgernn.keyboard.measured import in_c, in_python
from edgernn.keyboard.search import MARGIN
from edgernn.keyboard.typing import Keystroke
from edgernn.profile.latency import machine
from edgernn.runtime import open_steps
from edgernn.step_code import artifact, step_code
from edgernn.target import find_target
from edgernn.toolchain import build_library

PAGE, RESULTS = Path("docs/keyboards.md"), Path("docs/keyboard_loops.json")
RATE, CHUNK, COUNTED = 0.05, 10, 3  # share of characters; lines of a row, and that are counted
GOAL_MS = 0.3
ROOM = 100  # for words that are not corrected again
TAKEN = Keystroke(UNDO)
PERCENTILES = (50, 90, 99)
KINDS = ("within a word", "at a space")
SOURCE = f"""
#include "{MODEL_H}"
static edgernn_keyboard typed;
static unsigned char memory[KEYBOARD_BYTES(4, 3, {BACK}, 0)] __attribute__((aligned(16)));
uint32_t type_state_size(void) {{ return sizeof memory; }}
uint32_t type_scratch_size(void) {{ return 0; }}
int type_init(void) {{
  const edgernn_keyboard_options options = {{
      .beam = 4, .suggestions = 3, .back = {BACK}, .margin = {MARGIN}f}};
  return edgernn_keyboard_init(&typed, &keyboard_model, &options, memory, sizeof memory);
}}
void type_reset(void) {{ edgernn_keyboard_begin(&typed); }}
void type_step(const struct {{ uint32_t character; float dx, dy; }} *key) {{
  edgernn_keyboard_push(&typed, key->character, key->dx, key->dy);
}}
"""

Line = list[Keystroke]


def compared(bundle: Path, lines: Sequence[Line]) -> Row:
    """Keystrokes after which the loops show the same, or not; one of them may end early.

    In the middle of each line and at its end the last correction is taken back.
    """
    ours, other = in_c(open_bundle(bundle), room=ROOM), in_python(Keyboard(open_steps(bundle)))
    undone = [[*line[: len(line) // 2], TAKEN, *line[len(line) // 2 :], TAKEN] for line in lines]
    pairs = [pair for line in undone for pair in zip_longest(ours(line), other(line))]
    different = sum(one != two for one, two in pairs)
    return {"lines": len(lines), "keystrokes": len(pairs), "differences": different}


def compare(bundle: Path, lines: Sequence[Line], rows: Rows, jobs: int) -> Row:
    """The sums over rows of so many lines; those that are there are not compared again."""
    whose = digest_with_loop(bundle)
    keys = {at: ("undone", whose, str(len(lines)), str(at)) for at in range(0, len(lines), CHUNK)}
    with ProcessPoolExecutor(jobs) as pool:
        waiting = {
            pool.submit(compared, bundle, lines[at : at + CHUNK]): key
            for at, key in keys.items()
            if rows.get(*key) is None
        }
        for done in as_completed(waiting):
            rows.note(done.result(), *waiting[done])
            there = sum(rows.get(*key) is not None for key in keys.values())
            print(f"compared {there} of {len(keys)} parts", file=sys.stderr, flush=True)
    found = [row for key in keys.values() if (row := rows.get(*key))]
    return {name: sum(row[name] for row in found) for name in found[0]}


def loaded(path: Path, target: str) -> Any:
    """The loop as a library, ready for a first line. Raises: DataError, ToolError."""
    bundle, where = open_bundle(path), find_target(target)
    files = keyboard_files(bundle, step_code(bundle, target))
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        built = build_library({**files, "type.c": SOURCE}, where, Path(folder), name="type")
        module: Any = find_runner(where.runner).load(built.read_bytes(), where)
    assert module.call("type_init") == 0
    return module


def pushed(
    module: Any, lines: Sequence[Line], push: Callable[[int], int]
) -> Iterator[tuple[str, int]]:
    """What `push` gives of each keystroke, which lies at an address, by its kind."""
    place = module.alloc(12)
    for line in lines:
        module.call("type_reset")
        for key in line:
            module.write(place, struct.pack("<Iff", ord(key.char), key.dx, key.dy))
            yield KINDS[key.char.isspace()], push(place)


def nanoseconds(module: Any, place: int) -> int:
    """Of one call, about one microsecond of it Python's."""
    start = time.perf_counter_ns()
    module.call("type_step", place)
    return time.perf_counter_ns() - start


def by_kind(found: Iterator[tuple[str, int]]) -> dict[str, list[int]]:
    """Figures of each kind of keystroke."""
    kinds: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for kind, figure in found:
        kinds[kind].append(figure)
    return kinds


def timed(bundle: Path, lines: Sequence[Line]) -> Row:
    """Percentiles in milliseconds, on this machine, of one thread; bytes."""
    module = loaded(bundle, "host")
    kinds = by_kind(pushed(module, lines, partial(nanoseconds, module)))
    opened = open_bundle(bundle)
    states = [artifact(opened, name, "host")["facts"]["state_bytes"] for name in STEPS]
    return {
        "machine": f"{machine()}, load {os.getloadavg()[0]:.1f}; Python "
        f"{platform.python_version()}; C built for {host_cpu()} by {compiler().version()}",
        "ms": {kind: (np.percentile(ns, PERCENTILES) / 1e6).tolist() for kind, ns in kinds.items()},
        "keystrokes": {kind: len(ns) for kind, ns in kinds.items()},
        "bundle_bytes": bundle.stat().st_size,
        "state_bytes": sum(states),
        "loop_bytes": module.call("type_state_size"),
    }


def counted(bundle: Path, lines: Sequence[Line]) -> Row:
    """Mean and most instructions on A64, exact."""
    module = loaded(bundle, "aarch64")
    kinds = by_kind(pushed(module, lines, partial(module.count, "type_step")))
    return {kind: [float(np.mean(some)), max(some)] for kind, some in kinds.items()}


def told(same: Row, timing: Row, instructions: Row | None) -> list[str]:
    """The section."""
    count = f"{same['lines']:,} lines, {same['keystrokes']:,} keystrokes"
    head = ["a keystroke", "keystrokes", *(f"p{each}, ms" for each in PERCENTILES)]
    cells = [
        [kind, f"{timing['keystrokes'][kind]:,}", *(f"{ms:.3f}" for ms in timing["ms"][kind])]
        for kind in KINDS
    ]
    made = [
        f"- C and Python show the same: {count}, {same['differences']} differences",
        f"- {timing['machine']}; goal {GOAL_MS} ms",
        f"- bytes: bundle {timing['bundle_bytes']:,}, states of the steps "
        f"{timing['state_bytes']:,}, memory of the loop {timing['loop_bytes']:,}",
        "",
        *table(head, cells),
    ]
    if instructions:
        few = [[kind, *(f"{n:,.0f}" for n in instructions[kind])] for kind in KINDS]
        made += ["", *table(("instructions on A64", "mean", "most"), few)]
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.keyboard_loops",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--bundle", type=Path, required=True, help="exported for the host")
    parser.add_argument("--arm", type=Path, help="exported for aarch64, to count instructions")
    parser.add_argument("--lines", type=int, default=1000, help="1000")
    parser.add_argument("--jobs", type=int, default=1, help="processes that compare; 1")
    parser.add_argument("--output", type=Path, default=Path("runs/keyboard_loops"))
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {RESULTS}")
    options = parser.parse_args(arguments)
    rows = Rows(options.output / "rows.json", RESULTS)
    try:
        typed = sets(options.data, options.lines).with_errors(RATE)
        lines = [[*one.keystrokes(), Keystroke(ENTER)] for one in typed]
        timing = timed(options.bundle, lines)
        instructions = counted(options.arm, lines[:COUNTED]) if options.arm else None
        same = compare(options.bundle, lines, rows, options.jobs)
        rows.facts |= {"compared": same, "timing": timing, "instructions": instructions}
        made = told(same, timing, instructions)
        print("\n".join(made))
        if options.write:
            write_section("keyboards loops", made, PAGE)
            rows.write(RESULTS)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return int(same["differences"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
