"""How often `profile --compare` is right: `python -m benchmarks.verdicts`.

The same step measured twice, and beside it one whose largest product is computed twice, trial by
trial on this machine, through the static program. `--write` puts the counts into docs/profile.md.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.document import table, write_section
from edgernn.bundle import Bundle, open_bundle
from edgernn.exporting import export
from edgernn.profile import program
from edgernn.profile.compare import FASTER, SAME, SLOWER, UNSURE, compare
from edgernn.profile.device import DeviceLatency, on_device
from edgernn.profile.latency import machine
from edgernn.profile.report import Profile, document
from edgernn.step_code import step_files

PAGE = Path("docs/profile.md")
MODEL, STEP, DEVICE = "kws", "kws", "local"
TWICE = r"(?m)^(  edgernn_matmul_f32\(.*;)$"  # the front end's first product
VERDICTS = (SAME, UNSURE, SLOWER, FASTER)


def slowed(bundle: Bundle, target: str) -> dict[str, str]:
    """The step's C, its first product twice."""
    files = step_files(bundle, target)
    source, count = re.subn(TWICE, r"\1\n\1", files[f"{STEP}.c"], count=1)
    assert count == 1
    return {**files, f"{STEP}.c": source}


def measured(bundle: Bundle, seconds: float) -> DeviceLatency:
    """The step, by itself."""
    (one,) = on_device([(bundle, STEP)], DEVICE, seconds)
    assert one is not None
    assert one.partial is None
    return one


def told(one: DeviceLatency) -> dict[str, Any]:
    """As a file of `--json` has it."""
    made = document([Profile("", MODEL, STEP, 20.0, "", devices=(one,))])
    made["profiles"][0]["devices"] = [asdict(one)]
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    found: dict[str, Counter[str]] = {"the same step": Counter(), "one product twice": Counter()}
    cost = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.edgernn"
        export(MODEL, "host", "w8a8", path)
        bundle = open_bundle(path)
        for _ in range(given.trials):
            first, again = (measured(bundle, given.seconds) for _ in range(2))
            with mock.patch.object(program, "step_files", slowed):
                slow = measured(bundle, given.seconds)
            for name, other in zip(found, (again, slow), strict=True):
                (verdict,) = compare(told(first), told(other))
                found[name][verdict.verdict] += 1
            cost.append(slow.p50_us / first.p50_us - 1)
    rows = [[name, *(str(counts[v]) for v in VERDICTS)] for name, counts in found.items()]
    made = [
        f"{given.trials} trials on {machine()}; the product costs {np.median(cost):+.0%} "
        "(`python -m benchmarks.verdicts --write`):",
        "",
        *table(["", *VERDICTS], rows),
    ]
    print("\n".join(made))
    if given.write:
        write_section("verdicts", made, PAGE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
