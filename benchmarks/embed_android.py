"""A step through a package's Java API against the bare step in C: `measured(bundle)`.

Both are timed step by step, in turn and in one Java machine of the desk's, over the same frame and
by the archive's own library for x86-64; what asking the clock costs is taken off.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.added import added_row
from benchmarks.interleave import interleaved
from edgernn.bundle import Bundle
from edgernn.embed.android.java import java_name
from edgernn.embed.android.libraries import NATIVE
from edgernn.errors import ToolError
from edgernn.package import find_package, name_of
from edgernn.target import find_target
from edgernn.toolchain import build_library, stub
from edgernn.verify import golden_of

ROUNDS, STEPS, WARM = 40, 1000, 30_000
TIMED = """#include "jni_table.h"
#include "stream.h"
struct timespec { long seconds, nanoseconds; };
int clock_gettime(int clock, struct timespec *time);
static int64_t now(void) {
  struct timespec time;
  clock_gettime(1, &time);
  return time.seconds * 1000000000 + time.nanoseconds;
}
void timed(JNI_CLASS, int64_t model, int32_t step, int64_t memory, int64_t from, int64_t to,
           int32_t count, jni_object buffer);
void timed(JNI_CLASS, int64_t model, int32_t step, int64_t memory, int64_t from, int64_t to,
           int32_t count, jni_object buffer) {
  const edgernn_model *const of = JNI_POINTER(model);
  const edgernn_model_step *const one = &of->steps[step];
  unsigned char *const state = JNI_POINTER(memory);
  const void *const in[] = {JNI_POINTER(from)};
  void *const out[] = {JNI_POINTER(to)};
  int64_t *const spent = jni_address(env, buffer);
  for (int32_t i = 0; i < count; ++i) {
    const int64_t start = now();
    if (memory) one->run(state, state + ((one->state_bytes + 15u) & ~15u), in, out);
    spent[i] = now() - start;
  }
}
"""
BENCH = """package edgernn.@NAME@;
import java.io.*;
import java.nio.*;
import java.nio.file.*;
final class Bench {
  static native void timed(long model, int step, long memory, long in, long out, int count,
                           ByteBuffer spent);
  public static void main(String[] args) throws IOException {
    Model model = Model.open();
    System.load(args[0]);
    Stream stream = model.stream(args[1]);
    Step step = stream.getStep();
    int inputs = step.getInputs().get(0).getCount();
    ByteBuffer frame = ByteBuffer.wrap(Files.readAllBytes(Paths.get(args[2])));
    frame.order(ByteOrder.LITTLE_ENDIAN);
    float[] x = new float[inputs], y = new float[step.getOutputs().get(0).getCount()];
    long[] labels = new long[inputs];
    boolean labelled = step.getInputs().get(0).getType().equals("int64");
    if (labelled) frame.asLongBuffer().get(labels); else frame.asFloatBuffer().get(x);
    Object[] in = {labels}, out = {y};
    ByteBuffer memory = Native.aligned(Native.streamBytes(model.at(), step.index));
    ByteBuffer from = Native.aligned(frame.capacity()), to = Native.aligned(4 * y.length);
    from.put(frame.array());
    stream.input(0).put(frame.array());
    BufferedReader asked = new BufferedReader(new InputStreamReader(System.in));
    for (String line = asked.readLine(); line != null; line = asked.readLine()) {
      String[] words = line.split(" ");
      int count = Integer.parseInt(words[1]);
      ByteBuffer spent = Native.direct(8 * count);
      if (words[0].startsWith("c")) {
        timed(model.at(), step.index, words[0].equals("c") ? Native.address(memory) : 0,
              Native.address(from), Native.address(to), count, spent);
      } else {
        boolean steps = words[0].equals("java"), placed = words[0].equals("java-place");
        for (int i = 0; i < count; ++i) {
          long start = System.nanoTime();
          if (steps && labelled) stream.step(in, out); else if (steps) stream.step(x, y);
          else if (placed) stream.step();
          spent.putLong(8 * i, System.nanoTime() - start);
        }
      }
      StringBuilder told = new StringBuilder();
      for (int i = 0; i < count; ++i) told.append(spent.getLong(8 * i)).append(' ');
      System.out.println(told);
    }
  }
}
"""

CLOCKS = {"c": "c-clock", "java": "java-clock", "java-place": "java-clock"}
NAMES = {"java": "arrays", "java-place": "in place"}


def measured(bundle: Bundle, rounds: int = ROUNDS, steps: int = STEPS) -> list[dict[str, Any]]:
    """A row for each step: microseconds in C, and what a call from Java adds to that.

    Raises: ToolError without a Java machine.
    """
    name = java_name(name_of(bundle))
    with tempfile.TemporaryDirectory(prefix="edgernn-") as temporary:
        folder = Path(temporary)
        timed = _prepared(bundle, name, folder)
        rows = []
        for step in bundle.manifest["steps"]:
            (frames,) = golden_of(bundle, step)["in"].values()
            (folder / "frame").write_bytes(np.ascontiguousarray(frames[len(frames) // 2]).tobytes())
            with _machine(name, folder, timed, step) as ask:
                for contender in ("java", "java-place", "java-clock"):
                    ask(contender, WARM)
                names = ("c", "c-clock", "java", "java-place", "java-clock")
                contenders = {each: lambda count, of=each: ask(of, count) for each in names}
                rows.append(added_row(step, interleaved(contenders, rounds, steps), CLOCKS, NAMES))
        return rows


def _prepared(bundle: Bundle, name: str, folder: Path) -> Path:
    """The archive laid out, the benchmark's class beside its own, and the library of its C."""
    files = find_package("android").files(bundle, "android-x86_64", lambda line: None)
    (folder / "package.aar").write_bytes(files[f"{name_of(bundle)}.aar"])
    with zipfile.ZipFile(folder / "package.aar") as archive:
        archive.extractall(folder)
    sources = {
        "jni_table.h": (NATIVE / "jni_table.h").read_text("utf-8"),
        "stream.h": stub("streams/stream.h"),
        "timed.c": TIMED.replace(
            "void timed(", f"void Java_edgernn_{name.replace('_', '_1')}_Bench_timed("
        ),
    }
    symbol = f"Java_edgernn_{name.replace('_', '_1')}_Bench_timed"
    host = find_target("host")
    timed = build_library(sources, host, folder, name="timed", exports=[symbol], alone=True)
    empty = {"empty.c": "void edgernn_nothing(void);\nvoid edgernn_nothing(void) {}\n"}
    # glibc has dlopen in its libc; the name alone is asked for
    build_library(empty, host, folder, name="libdl", exports=["edgernn_nothing"], alone=True)
    (folder / "Bench.java").write_text(BENCH.replace("@NAME@", name))
    command = ["javac", "-cp", "classes.jar", "-d", ".", "Bench.java"]
    subprocess.run(command, cwd=folder, check=True)
    return timed


@contextmanager
def _machine(
    name: str, folder: Path, timed: Path, step: str
) -> Iterator[Callable[[str, int], NDArray[Any]]]:
    """A Java machine that tells how long each of so many steps took, in nanoseconds."""
    java = shutil.which("java")
    if java is None:
        raise ToolError("java is not installed; run: apt-get install openjdk-17-jdk-headless")
    command = [java, f"-Djava.library.path={folder / 'jni/x86_64'}"]
    command += ["-cp", f"{folder}:{folder / 'classes.jar'}", f"edgernn.{name}.Bench"]
    with subprocess.Popen(
        [*command, str(timed), step, str(folder / "frame")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(folder)},
    ) as machine:
        asked, told = machine.stdin, machine.stdout
        if asked is None or told is None:
            raise ToolError("java: no pipes to it")

        def ask(contender: str, count: int) -> NDArray[Any]:
            asked.write(f"{contender} {count}\n")
            asked.flush()
            return np.array(told.readline().split(), np.int64)

        yield ask
        asked.close()


def versions() -> str:
    """What it was measured with."""
    java = shutil.which("java") or "java"
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    return done.stderr.splitlines()[0] if done.stderr else "no Java"
