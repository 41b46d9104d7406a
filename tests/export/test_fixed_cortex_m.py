"""Roundings and saturations that Cortex-M has its own instructions for, or no float unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.backend import Array, Module
from edgernn.export.c import kernels
from edgernn.export.c.expressions import Term, _shifted_onto
from edgernn.graph import fixed_point as fx
from edgernn.target import find_target
from edgernn.targets.runners.qemu import RUNNER
from edgernn.toolchain import build_firmware

from .strips import ENDS, NAME

FUNCTIONS = {"round": "float", "sat16": "int32_t", "sat8": "int32_t"}
LOOP = """
void all_{name}(const {type} *x, int32_t *y, int n) {{
  for (int i = 0; i < n; ++i) y[i] = edgernn_{name}(x[i]);
}}
"""
MAIN = "\nint main(void);\nint main(void) { return 0; }\n"


def loaded(core: str, folder: Path) -> Module:
    """A chip's own fixed.h, each function in a loop; older cores on a board with more memory."""
    board = find_target("cortex-m55" if core == "cortex-m55" else "cortex-m33").board
    target = replace(find_target(core), board=board)
    parts = ["#include <stdint.h>", kernels.header("prelude"), kernels.header("fixed", *target.isa)]
    parts += [LOOP.format(name=name, type=kind) for name, kind in FUNCTIONS.items()]
    source = "\n".join([*parts, ENDS, MAIN])
    symbols = [f"all_{name}" for name in FUNCTIONS]
    path = build_firmware({"fixed.c": source}, target, folder, name=NAME, exports=symbols)
    return RUNNER.load(path.read_bytes(), target)


def reals() -> Array:
    """Floats of every size, and those next to where a rounding turns."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 32, 2048, dtype=np.uint32)
    bits[(bits & 0x7F800000) == 0x7F800000] |= 0x00400000  # compilers know no signalling NaN
    halves = (np.arange(-40, 41) / 2).astype(np.float32)
    edges = np.array([0.5, 1.5, 2.0**15, 65535.5, 65536, 1 << 24], np.float32)
    edges = np.concatenate([halves, edges, -edges])
    near = [np.nextafter(edges, np.float32(end), dtype=np.float32) for end in (-np.inf, np.inf)]
    some = (rng.standard_normal(1024) * 300).astype(np.float32)
    rest = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan], np.float32)
    return np.concatenate([bits.view(np.float32), edges, *near, some, rest])


def rounded(x: Array) -> Array:
    """What `fixed_point.quantize` rounds to; NaN to the lower bound."""
    bounded = np.clip(np.nan_to_num(x, nan=-65536.0), np.float32(-65536), np.float32(65536))
    half = np.where(bounded >= 0, np.float32(0.5), np.float32(-0.5))
    return np.asarray(np.trunc(bounded + half), np.int32)


def words() -> Array:
    rng = np.random.default_rng(1)
    ends = [e + d for e in (-32768, -128, 0, 127, 32767) for d in (-2, -1, 0, 1, 2)]
    far = rng.integers(-(1 << 31), 1 << 31, 512)
    return np.concatenate([ends, [-(1 << 31), (1 << 31) - 1], far, far >> 15, far >> 23])


@pytest.mark.cc
@pytest.mark.emulator
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55"])
def test_every_core_rounds_and_saturates_alike(core: str, tmp_path: Path) -> None:
    if missing := RUNNER.missing():
        pytest.skip(missing)
    module = loaded(core, tmp_path)
    x, ints = reals(), words().astype(np.int32)
    cases = {
        "round": (x, rounded(x)),
        "sat16": (ints, np.clip(ints, -32768, 32767)),
        "sat8": (ints, np.clip(ints, -127, 127)),
    }
    source, target = module.alloc(1 << 14), module.alloc(1 << 14)
    for name, (given, wanted) in cases.items():
        module.write(source, given.tobytes())
        module.call(f"all_{name}", source, target, len(given))
        got = np.frombuffer(module.read(target, 4 * len(given)), np.int32)
        np.testing.assert_array_equal(got, wanted, name)


def test_a_zero_point_joins_the_rounding_where_32_bits_hold_it() -> None:
    joined = _shifted_onto(Term("v", -(1 << 30), 1 << 30), 22, 9)
    assert "edgernn_shr" not in joined.text
    for v in (-(1 << 30), -1, 0, 1 << 21, (1 << 21) - 1, 1 << 30):
        assert eval(joined.text, {"v": v}) == fx.shift_right(np.array(v), 22) + 9
    assert (joined.low, joined.high) == (-256 + 9, 256 + 9)
    wide = _shifted_onto(Term("v", -(1 << 30), (1 << 31) - 1), 22, 9)
    assert wide.text == "edgernn_shr_wide(v, 22) + 9"
    assert _shifted_onto(Term("v", 0, 99), 3, 0).text == "edgernn_shr(v, 3)"
