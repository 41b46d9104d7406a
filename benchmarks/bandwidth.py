"""How fast one core reads memory: what a step that reads every weight once can reach at most."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from edgernn.compilers import compiler, cpu_flags
from edgernn.target import find_target

STREAMS = (1, 2, 4)  # how many places are read in turn; which is fastest depends on the level
ROUNDS = 25
LEAST_BYTES = 16 << 20  # read in one timing, so that the clock's grain does not show
ALIGN = 64

READ = """#include <stdint.h>
typedef uint64_t lanes __attribute__((vector_size(64)));
#define READ(STREAMS) \\
  TARGET uint64_t read_##STREAMS(const lanes *from, uint64_t count, uint64_t passes) { \\
    lanes sum[8] = {{0}}; \\
    const uint64_t part = count / STREAMS, each = 8 / STREAMS; \\
    for (; passes; --passes) { \\
      for (uint64_t k = 0; k + each <= part; k += each) \\
        for (uint64_t s = 0; s < STREAMS; ++s) \\
          for (uint64_t i = 0; i < each; ++i) sum[s * each + i] += from[s * part + k + i]; \\
      __asm__ volatile("" ::: "memory"); \\
    } \\
    for (int i = 1; i < 8; ++i) sum[0] += sum[i]; \\
    return sum[0][0] + sum[0][7]; \\
  }
READ(1) READ(2) READ(4)
"""


@cache
def _reader() -> ctypes.CDLL:
    """The loops, with the widest loads that this CPU has."""
    wide = '__attribute__((target("avx512f")))' if "avx512f" in cpu_flags() else ""
    source = f"#define TARGET {wide}\n{READ}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "read.c"
        path.write_text(source, encoding="ascii")
        words = [*compiler().command(find_target("host")), "-O2", "-shared", "-fPIC", "-Wall"]
        subprocess.run([*words, str(path), "-o", f"{folder}/read.so"], check=True)
        return ctypes.CDLL(f"{folder}/read.so")


def read_gigabytes(nbytes: int) -> float:
    """GB/s of one core that reads the same `nbytes` over and over: the best of many passes."""
    reader = _reader()
    room = np.ones(nbytes + ALIGN, np.uint8)
    start = room.ctypes.data + -room.ctypes.data % ALIGN
    passes = max(1, LEAST_BYTES // nbytes)
    best = 0.0
    for streams in STREAMS:
        read = reader[f"read_{streams}"]
        read.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
        read.restype = ctypes.c_uint64
        for _ in range(ROUNDS):
            begin = perf_counter_ns()
            read(start, nbytes // ALIGN, passes)
            best = max(best, passes * nbytes / (perf_counter_ns() - begin))
    return best
