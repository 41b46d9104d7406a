"""Whether `profile` tells the truth: `python -m benchmarks.profile_agreement`.

The step that a bundle holds as a shared library is loaded by a loop in C of its own, which another
compiler made and which reads another clock, and timed in turn with the profiler's static program,
round by round on this machine. `--write` puts the figures into docs/profile.md.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.document import table, write_section
from benchmarks.interleave import Ratio
from edgernn.bundle import Bundle, open_bundle
from edgernn.device import find_device
from edgernn.exporting import export
from edgernn.profile.frames import frames
from edgernn.profile.latency import machine
from edgernn.profile.program import FRAMES, Measuring
from edgernn.step_code import artifact

PAGE = Path("docs/profile.md")
MODELS = (("kws", "fp32"), ("kws", "w8a8"), ("wakeword", "w8a8"))
ALLOWED = 0.15
ROUNDS, WARM = 11, 200
LOOP = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* library symbol frames frame_bytes out_bytes warm steps: nanoseconds of each step */
int main(int argc, char **argv) {
  char name[256];
  void *library = argc == 8 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (!library) return 2;
#define FUNCTION(what) (snprintf(name, sizeof name, "%s_" what, argv[2]), dlsym(library, name))
  unsigned (*state_size)(void) = FUNCTION("state_size");
  unsigned (*scratch_size)(void) = FUNCTION("scratch_size");
  int (*init)(void *, unsigned) = FUNCTION("init");
  void (*step)(void *, void *, const void *, void *) = FUNCTION("step");
  size_t frame = strtoul(argv[4], 0, 10);
  size_t warm = strtoul(argv[6], 0, 10), steps = strtoul(argv[7], 0, 10);
  void *state = aligned_alloc(64, (state_size() + 64) / 64 * 64);
  void *scratch = aligned_alloc(64, (scratch_size() + 64) / 64 * 64);
  char *frames = malloc(1 << 24), *out = malloc(strtoul(argv[5], 0, 10));
  long long *spent = malloc(steps * sizeof *spent);
  FILE *file = fopen(argv[3], "rb");
  size_t count = fread(frames, 1, 1 << 24, file) / frame;
  if (init(state, state_size())) return 3;
  for (size_t k = 0; k < warm; ++k) step(state, scratch, frames + k % count * frame, out);
  for (size_t k = 0; k < steps; ++k) {
    long long begin = now();
    step(state, scratch, frames + (warm + k) % count * frame, out);
    spent[k] = now() - begin;
  }
  for (size_t k = 0; k < steps; ++k) printf("%lld\n", spent[k]);
  return 0;
}
"""


class Loop:
    """A bundle's library behind the loop of our own."""

    def __init__(self, bundle: Bundle, step: str, folder: Path) -> None:
        row, port_rows = artifact(bundle, step, "host"), bundle.manifest["steps"][step]
        (given,), (told,) = port_rows["inputs"], port_rows["outputs"]
        (folder / "loop.c").write_text(LOOP)
        (folder / "step.so").write_bytes(bundle.read(row["main"]))
        data = [one[given["name"]] for one in frames(bundle, step, FRAMES)]
        (folder / "frames").write_bytes(np.ascontiguousarray(np.stack(data)).tobytes())
        compiler = shutil.which("gcc") or shutil.which("cc")
        assert compiler, "needs a C compiler: apt-get install gcc"
        made = [compiler, "-O2", "loop.c", "-ldl", "-o", "loop"]
        subprocess.run(made, cwd=folder, check=True)
        out = int(np.prod(told["shape"])) * np.dtype(told["dtype"]).itemsize
        words = [folder / "step.so", row["facts"]["symbol"], folder / "frames", data[0].nbytes, out]
        self.command = [str(word) for word in (folder / "loop", *words, WARM)]

    def run(self, steps: int) -> float:
        """The median step of one round, microseconds."""
        told = subprocess.run([*self.command, str(steps)], capture_output=True, check=True)
        return float(np.median(np.array(told.stdout.split(), np.float64))) / 1e3


@dataclass(frozen=True, slots=True)
class Agreement:
    """p50 of both, microseconds, and their ratio within a round."""

    profile_us: float
    loop_us: float
    ratio: Ratio


def compared(bundle: Bundle, step: str, seconds: float, rounds: int = ROUNDS) -> Agreement:
    """The profiler's program and the loop in turn, the first of them changing."""
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        loop = Loop(bundle, step, Path(folder))
        profiler = Measuring(find_device("local"), bundle, step, seconds)
        theirs: list[float] = []
        for number in range(rounds):
            if number % 2:
                profiler.run(1)
            theirs.append(loop.run(profiler.steps))
            if not number % 2:
                profiler.run(1)
    ours = np.median(profiler.result().rounds, axis=1) / 1e3
    low, middle, high = np.percentile(ours / np.array(theirs), [25, 50, 75])
    return Agreement(float(np.median(ours)), float(np.median(theirs)), Ratio(middle, low, high))


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if a step differs by more than is allowed."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--seconds", type=float, default=2.0, help="of timing, each")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE}")
    given = parser.parse_args(arguments)
    rows, worst = [], 0.0
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        for model, number_type in MODELS:
            path = Path(folder) / f"{model}-{number_type}.edgernn"
            export(model, "host", number_type, path)
            bundle = open_bundle(path)
            (step,) = bundle.manifest["steps"]
            one = compared(bundle, step, given.seconds)
            times = (f"{one.profile_us:.2f}", f"{one.loop_us:.2f}")
            rows.append([f"{model} {number_type}", *times, f"{one.ratio}"])
            worst = max(worst, abs(one.ratio.median - 1))
    made = [
        f"{ROUNDS} rounds of each in turn on {machine()} "
        "(`python -m benchmarks.profile_agreement --write`):",
        "",
        *table(["step", "profile, p50 µs", "loop, p50 µs", "profile / loop (quartiles)"], rows),
    ]
    print("\n".join(made))
    if given.write:
        write_section("agreement", made, PAGE)
    return int(worst > ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main())
