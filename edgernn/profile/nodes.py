"""Where a step's instructions go on a chip, by node of the step graph: counted, by QEMU.

The step's own source is built anew with a label before each node, so that what is counted between
two labels is a node's. The labels keep the compiler from moving code across them, which may cost an
instruction here and there: both sums are told.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from edgernn.bundle import Bundle
from edgernn.errors import ToolError
from edgernn.profile.image import counter, image, runs_in_qemu, step_source
from edgernn.profile.program import split_nodes
from edgernn.profile.timed import BEFORE
from edgernn.target import find_target

LABEL = "edgernn_node_"


def by_node(bundle: Bundle, step: str, entry: dict[str, Any], core: str = "") -> dict[str, float]:
    """Mean instructions of each node, and of the kernels that nodes call, most first.

    Raises: DataError if the bundle is slim, ToolError without QEMU, or for what it does not run.
    """
    target = find_target(entry["target"])
    if not runs_in_qemu(target):
        raise ToolError(f"{target.name}: nodes are counted by QEMU alone, which does not run it")
    symbol, files = entry["facts"]["symbol"], step_source(bundle, entry)
    files[f"{symbol}.c"], labels = labelled(files[f"{symbol}.c"], symbol)
    counts = counter(core).count(image(bundle, step, entry, files), target)
    found: Counter[str] = Counter()
    for name, count in counts.by_function.items():
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
