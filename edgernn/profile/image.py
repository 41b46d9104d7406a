"""A bundle's golden steps as what an emulator runs: an image of a chip, a program of 64-bit ARM."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import find_runner
from edgernn.bundle import Bundle
from edgernn.errors import ToolError
from edgernn.firmware import IMAGE_FRAMES, GoldenRun, golden_header
from edgernn.profile.frames import frames
from edgernn.runtime import open_program
from edgernn.step_code import step_files
from edgernn.target import Target, find_target
from edgernn.toolchain import build_firmware, build_program
from edgernn.verify import golden_run


def runs_in_qemu(target: Target) -> bool:
    """Whether QEMU runs and counts what is built for it."""
    return target.board is not None or target.zig_target.startswith("aarch64-linux")


def counter(core: str) -> Any:
    """QEMU as a runner that counts, playing this core where programs have several to run on."""
    runner: Any = find_runner("qemu")
    return replace(runner, user_cpu=core) if core else runner


def step_source(bundle: Bundle, entry: Mapping[str, Any]) -> dict[str, str]:
    """The C of an artifact's own step. Raises: DataError if the bundle is slim."""
    symbol, every = entry["facts"]["symbol"], step_files(bundle, entry["target"])
    return {name: every[name] for name in (f"{symbol}.c", f"{symbol}.h")}


def image(bundle: Bundle, step: str, entry: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    """The step's C, which the golden steps are run through. Raises: ToolError, DoesNotFit."""
    symbol, target = entry["facts"]["symbol"], find_target(entry["target"])
    sources = {**files, "golden.h": golden_header(symbol, _golden(bundle, step))}
    build = build_firmware if target.board else build_program
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        return build(sources, target, Path(folder), name=symbol).read_bytes()


def _golden(bundle: Bundle, step: str) -> GoldenRun:
    """What the image runs when it boots, by the C of this machine, which gives the same bits."""
    row = bundle.manifest["steps"][step]
    here = [one for one in row["artifacts"] if (one["backend"], one["target"]) == ("c", "host")]
    if not here:
        raise ToolError(f"{bundle.path}: has no twin for this machine, which says what is expected")
    given = frames(bundle, step, IMAGE_FRAMES)
    stacked = {name: np.stack([one[name] for one in given]) for name in given[0]}
    return golden_run(open_program(bundle, here[0], step), row, stacked)
