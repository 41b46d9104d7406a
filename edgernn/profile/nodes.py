"""Where a step's instructions go on a chip, by node of the step graph: counted, by QEMU.

The step's own source is built anew with a label before each node, so that what is counted between
two labels is a node's. The labels keep the compiler from moving code across them, which may cost an
instruction here and there: both sums are told.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import find_runner
from edgernn.bundle import Bundle
from edgernn.errors import ToolError
from edgernn.firmware import IMAGE_FRAMES, GoldenRun, golden_header
from edgernn.profile.frames import frames
from edgernn.profile.program import split_nodes
from edgernn.profile.timed import BEFORE
from edgernn.runtime import open_program
from edgernn.step_code import step_files
from edgernn.target import find_target
from edgernn.toolchain import build_firmware
from edgernn.verify import golden_run

LABEL = "edgernn_node_"


def by_node(bundle: Bundle, step: str, entry: dict[str, Any]) -> dict[str, float]:
    """Mean instructions of each node, and of the kernels that nodes call, most first.

    Raises: DataError if the bundle is slim, ToolError without QEMU, or for what is no firmware.
    """
    target, runner = find_target(entry["target"]), find_runner("qemu")
    if target.kind != "firmware" or runner.missing():
        raise ToolError(runner.missing() or f"{target.name}: nodes are counted in firmware alone")
    symbol = entry["facts"]["symbol"]
    every = step_files(bundle, target.name)
    files = {name: every[name] for name in (f"{symbol}.c", f"{symbol}.h")}
    files[f"{symbol}.c"], labels = labelled(files[f"{symbol}.c"], symbol)
    files["golden.h"] = golden_header(symbol, _golden(bundle, step))
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        image = build_firmware(files, target, Path(folder), name=symbol).read_bytes()
    counting: Any = runner
    found: Counter[str] = Counter()
    for name, count in counting.count(image, target).by_function.items():
        at = name.removeprefix(LABEL) if name.startswith(LABEL) else ""
        own = BEFORE if name == f"{symbol}_step" else name
        found[labels[int(at)] if at and int(at) < len(labels) else own] += count
    return dict(found.most_common())


def labelled(source: str, symbol: str) -> tuple[str, list[str]]:
    """The source with a label before each node of the step, and the nodes' names."""

    def mark(at: int) -> str:
        ends = f".size {LABEL}{at - 1}, . - {LABEL}{at - 1}\\n" if at else ""
        begins = f".type {LABEL}{at}, %%function\\n{LABEL}{at}:"
        return f'  __asm__ volatile("{ends}{begins}" ::: "memory");'

    return split_nodes(source, symbol, mark)


def _golden(bundle: Bundle, step: str) -> GoldenRun:
    """What the image runs when it boots, by the C of this machine, which gives the same bits."""
    row = bundle.manifest["steps"][step]
    here = [one for one in row["artifacts"] if (one["backend"], one["target"]) == ("c", "host")]
    if not here:
        raise ToolError(f"{bundle.path}: has no twin for this machine, which says what is expected")
    given = frames(bundle, step, IMAGE_FRAMES)
    stacked = {name: np.stack([one[name] for one in given]) for name in given[0]}
    return golden_run(open_program(bundle, here[0], step), row, stacked)
