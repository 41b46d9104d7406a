"""The C itself: the same bytes everywhere, no library, no warning, nothing undefined."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import Array, find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.compilers import compiler
from edgernn.export.c.source import RESERVED, CSource, compile_step, symbol_of
from edgernn.frontend.logmel import LogMel
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.passes import dead_code
from edgernn.graph.step_graph import StepGraph
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.streaming import Residual, Sequential, Streaming
from edgernn.target import find_target

from ..compiled import compiled, noise, step_of
from .graphs import GRAPHS

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-O2")
SAME_BITS = ("-ffp-contract=off", "-fno-strict-aliasing")
SANITIZED = (*STRICT, *SAME_BITS, "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
GCC = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")


def ears() -> Streaming:
    return Sequential(mel=LogMel(mels=8), rnn=GRU(8, 6), out=Linear(6, 3))


def deep() -> Streaming:
    body = Sequential(b=Conv1d(5, 5, 3), c=LSTM(5, 7, proj_size=5))
    return Sequential(a=Conv1d(1, 5, 3), r=Residual(body, 5), out=GRU(5, 3, reset_after=False))


MODELS: dict[str, Callable[[], Streaming]] = {"ears": ears, "deep": deep}
Made = tuple[StepGraph, Graph, CSource, Array]


@pytest.fixture(scope="module")
def make() -> Callable[[str, str], Made]:
    """make(model, number type) -> step, graph, C, frames; each made once."""
    known: dict[tuple[str, str], Made] = {}

    def build(name: str, number_type: str) -> Made:
        if (name, number_type) not in known:
            torch.manual_seed(0)
            layer = MODELS[name]()
            x = noise((30, 1, layer.timing.block, 1))
            step = capture(layer, torch.from_numpy(x[0]), name)
            backend: Any = find_backend("c")
            typed = backend.typed(step, number_type, [{"x": frame} for frame in x])[0]
            known[name, number_type] = step, typed, compile_step(step, typed, number_type), x
        return known[name, number_type]

    return build


every = pytest.mark.parametrize(
    ("name", "number_type"), [(n, t) for n in MODELS for t in ("fp32", "w8a8")]
)


@every
def test_the_c_includes_nothing_but_stdint_and_calls_nobody(
    name: str, number_type: str, make: Callable[[str, str], Made]
) -> None:
    source = make(name, number_type)[2]
    text = re.sub(r"/\*.*?\*/", "", source.source + source.header, flags=re.DOTALL)
    assert set(re.findall(r"#include (.*)", text)) == {"<stdint.h>", f'"{name}.h"'}
    words = r"malloc|free|memcpy|memset|printf|expf|tanhf|sqrtf|double|long"
    assert not re.findall(rf"\b({words})\b", text)
    # no variable outside a function that is not const
    outside = [line for line in text.splitlines() if line.startswith("static ")]
    assert all("const" in line or "(" in line for line in outside)
    assert re.findall(rf"^\w[\w ]*\b({name}_\w+)\(", text, re.MULTILINE)


@every
def test_the_header_says_what_the_step_costs(
    name: str, number_type: str, make: Callable[[str, str], Made]
) -> None:
    step, typed, source, _ = make(name, number_type)
    facts = source.facts
    for key in ("STATE_BYTES", "SCRATCH_BYTES", "MACS"):
        assert f"#define {name.upper()}_{key} {facts[key.lower()]}u" in source.header
    assert facts["macs"] == typed.macs()
    for row in facts["states"]:
        assert re.search(rf"{row['offset_bytes']} +{re.escape(row['in'])}: ", source.header)
        assert row["offset_bytes"] % 4 == 0
    assert [row["in"] for row in facts["states"]] == [s.name for s in step.states]


SAME = """
import sys, hashlib, numpy as np, torch
torch.manual_seed(0)
from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.layers.conv import Conv1d
from edgernn.streaming import Sequential
from edgernn.graph.capture import capture
from edgernn.export.c.source import compile_step
net = Sequential(a=Conv1d(3, 5, 4), b=GRU(5, 6))
x = np.random.default_rng(0).standard_normal((20, 1, 1, 3)).astype(np.float32)
step = capture(net, torch.from_numpy(x[0]), "net")
print(hashlib.sha256(step.model.SerializeToString(deterministic=True)).hexdigest())
for kind in ("fp32", "w8a8"):
    typed, notes = find_backend("c").typed(step, kind, [{"x": f} for f in x])
    made = compile_step(step, typed, kind, isas=("neon",))
    print(hashlib.sha256((made.source + made.header + repr(notes)).encode()).hexdigest())
"""


def test_two_processes_with_other_hash_seeds_write_the_same_bytes() -> None:
    texts = []
    for seed in ("1", "77"):
        done = subprocess.run(
            [sys.executable, "-c", SAME],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        texts.append(done.stdout)
    assert texts[0] == texts[1]
    assert len(set(texts[0].split())) == 3


MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "NAME.h"
static unsigned char own[NAME_STATE_BYTES + !NAME_STATE_BYTES] __attribute__((aligned(16)));
static unsigned char scratch[NAME_SCRATCH_BYTES + !NAME_SCRATCH_BYTES] __attribute__((aligned(16)));
int main(void) {
  IN *const in = malloc(sizeof(IN) * IN_SIZE);
  OUT *const out = malloc(sizeof(OUT) * OUT_SIZE);
  if (NAME_init(own + 1, NAME_STATE_BYTES) != -1) return 2;
  if (NAME_STATE_BYTES && NAME_init(own, NAME_STATE_BYTES - 1) != -1) return 3;
  if (NAME_init(own, NAME_STATE_BYTES) != 0) return 4;
  while (fread(in, sizeof(IN), IN_SIZE, stdin) == IN_SIZE) {
    for (unsigned i = 0; i < sizeof scratch; ++i) scratch[i] = (unsigned char)(i * 37u);
    NAME_step(own, scratch, in, out);
    fwrite(out, sizeof(OUT), OUT_SIZE, stdout);
  }
  fwrite(own, 1, NAME_STATE_BYTES, stdout);
  free(in);
  free(out);
  return 0;
}
"""


def program(step: StepGraph, source: CSource) -> dict[str, str]:
    """The C with a main that steps frames from stdin; every buffer is as large as promised."""
    main = MAIN.replace("NAME.h", f"{source.symbol}.h")
    for macro in ("STATE_BYTES", "SCRATCH_BYTES"):
        main = main.replace(f"NAME_{macro}", f"{source.symbol.upper()}_{macro}")
    sizes = [int(np.prod(port.shape)) for port in (step.inputs[0], step.outputs[0])]
    main = main.replace("NAME_", f"{source.symbol}_")
    main = main.replace("IN_SIZE", str(sizes[0])).replace("OUT_SIZE", str(sizes[1]))
    main = re.sub(r"\bIN\b", "float", re.sub(r"\bOUT\b", "float", main))
    return {**source.files(), "main.c": main}


def run_c(files: dict[str, str], folder: Path, data: bytes) -> bytes:
    for name, text in files.items():
        (folder / name).write_text(text)
    units = [name for name in files if name.endswith(".c")]
    built = subprocess.run(
        [*compiler("gcc").command(find_target("host")), *SANITIZED, *units, "-o", "run"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    done = subprocess.run(["./run"], cwd=folder, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.cc
@GCC
@every
@pytest.mark.parametrize("isa", ["portable", "scalar", *find_target("host").isa])
def test_gcc_and_its_sanitizers_find_nothing_and_give_zig_s_bits(
    name: str,
    number_type: str,
    isa: str,
    make: Callable[[str, str], Made],
    tmp_path: Path,
) -> None:
    step, typed, _, x = make(name, number_type)
    source = compile_step(step, typed, number_type, isas=(isa,))
    loud = np.concatenate([x, 1e4 * x[:5], np.zeros_like(x[:5])])
    raw = run_c(program(step, source), tmp_path, loud.tobytes())
    twin = compiled(step, typed, number_type)
    outputs = [twin.step({"x": frame})["y"] for frame in loud]
    want = np.concatenate(outputs).tobytes() + twin.blob_bytes()
    assert raw == want


@pytest.mark.cc
@every
@pytest.mark.parametrize("cc", ["zig", pytest.param("gcc", marks=GCC)])
@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_no_compiler_warns_at_any_level(
    name: str,
    number_type: str,
    cc: str,
    level: str,
    make: Callable[[str, str], Made],
    tmp_path: Path,
) -> None:
    source = make(name, number_type)[2]
    for file, text in source.files().items():
        (tmp_path / file).write_text(text)
    words = compiler(cc).command(find_target("host"))
    extra = ["-Wpedantic", "-Wshadow", "-Wstrict-prototypes", "-Wundef"]
    done = subprocess.run(
        [*words, *STRICT, level, *extra, "-c", f"{source.symbol}.c", "-o", "x.o"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.cc
@GCC
@pytest.mark.parametrize("graph", [g for g in GRAPHS if g != "two_outputs_of_one_value"])
def test_every_small_graph_is_clean_under_the_sanitizers(graph: str, tmp_path: Path) -> None:
    made = GRAPHS[graph]()
    made.outputs = made.outputs[:1]
    made = dead_code.run(made).graph
    step = step_of(made)
    data = noise((5, made.values["x"].size)).tobytes()
    assert run_c(program(step, compile_step(step, made, "fp32")), tmp_path, data)


def test_names_become_c_names() -> None:
    from edgernn.export.c.emit import c_name

    assert c_name("encoder.rnn.h") == "encoder_rnn_h"
    assert c_name("2nd step") == "_2nd_step"


def test_no_step_takes_the_name_of_a_file_that_it_is_built_with(root: Path) -> None:
    built_with = ("startup", "recognition", "spotting", "streams", "loops")
    folders = [root / "firmware_stubs" / name for name in built_with]
    files = {path.stem for folder in folders for path in folder.iterdir()}
    made = {"golden", "built_for", "recognizer_model", "spotter_model", "opened"}
    assert files | made | {"stdint"} <= set(RESERVED)
    assert symbol_of("memory") == "memory_net"
    assert symbol_of("my.step") == "my_step"
    graph = GRAPHS["delay_line"]()
    graph.name = "memory"
    source = compile_step(step_of(graph), graph, "fp32")
    assert set(source.files()) == {"memory_net.c", "memory_net.h"}
    assert "void memory_net_step(" in source.source
