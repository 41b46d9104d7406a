"""The three forms of sigmoid, tanh and exp in float steps: exact, by table, by polynomial.

    exact        within 2 units of the last place; branches, so one element at a time
    table        linear interpolation, error up to 2.4e-5: least work for a CPU without float unit
    polynomial   error up to 5e-7, without a branch: several elements at once

`firmware_stubs/kernels/portable/{math,table,poly}_f32.h` state each bound and what happens at the
ends. All give the same bits on every CPU. Integer steps always use the 16-bit table of
`edgernn/graph/fixed_point.py`; in them a form concerns the float parts only.
"""

from __future__ import annotations

import re

import numpy as np

from edgernn.backend import Array
from edgernn.errors import UnknownName
from edgernn.export.c.kernels import header
from edgernn.export.c.weights import c_number

FORMS = ("exact", "table", "polynomial")
MATH = ("sigmoid", "tanh", "exp", "log", "sqrt")
FORMED = ("sigmoid", "tanh", "exp")
SUFFIX = {"exact": "f32", "table": "lookup", "polynomial": "poly"}
_FORMED_CALL = re.compile(r"\bedgernn_(sigmoid|tanh|exp)_f32\(")


def check_form(form: str) -> None:
    """Raises: UnknownName with the nearest forms."""
    if form not in FORMS:
        raise UnknownName("activation form", form, FORMS)


def in_form(text: str, form: str) -> str:
    """C text that calls sigmoid, tanh and exp in this form."""
    return _FORMED_CALL.sub(rf"edgernn_\1_{SUFFIX[form]}(", text)


def sigmoid_points() -> Array:
    """Sigmoid at 0, 1/32, ..., 16, and once more for the piece that begins there."""
    points = 1.0 / (1.0 + np.exp(-np.arange(513) / 32))
    return np.append(points, points[-1]).astype(np.float32)


def exp_points() -> Array:
    """2 to the power of 0, 1/64, ..., 1."""
    return np.exp2(np.arange(65) / 64).astype(np.float32)


def activation_headers(body: str) -> list[str]:
    """The texts that define what `body` calls, tables included."""
    parts = []
    if any(f"edgernn_{op}_f32(" in body for op in MATH):
        parts.append(header("math_f32"))
    if any(f"edgernn_{op}_poly(" in body for op in FORMED):
        parts.append(header("poly_f32"))
    if any(f"edgernn_{op}_lookup(" in body for op in FORMED):
        tables = {"sigmoid": sigmoid_points(), "exp": exp_points()}
        parts += [_table(f"edgernn_{op}_points", points) for op, points in tables.items()]
        parts.append(header("table_f32"))
    return parts


def _table(name: str, points: Array) -> str:
    numbers = [c_number(float(point), "float32") for point in points]
    rows = [", ".join(numbers[k : k + 6]) for k in range(0, len(numbers), 6)]
    return f"static const float {name}[{len(points)}] = {{\n  " + ",\n  ".join(rows) + "};\n"
