"""Constants as C: packed for their kernel, exact as literals, each stored once."""

from __future__ import annotations

import re

import numpy as np
import pytest

from edgernn.errors import UnsupportedOp
from edgernn.export.c.weights import Weights, c_number

from ..compiled import noise


def read(text: str) -> np.float32:
    """A C float literal as a compiler reads it."""
    digits = text.removesuffix("f")
    return np.float32(float.fromhex(digits) if "0x" in digits else float(digits))


def test_a_float_literal_reads_back_to_the_bit() -> None:
    bits = np.random.default_rng(0).integers(0, 1 << 32, 5000, dtype=np.uint64).astype(np.uint32)
    numbers = bits.view(np.float32)
    special = np.array([0.0, -0.0, 1.0, -1.0, 1e6, 1e-45, 3.4e38, 0.1, 123456.0], np.float32)
    for number in (*numbers[np.isfinite(numbers)], *special):
        text = c_number(number.item(), "float32")
        assert re.fullmatch(r"-?(0x[0-9a-f.]+p[+-]\d+|\d+\.\d)f", text)
        assert read(text).tobytes() == number.tobytes()


def test_whole_numbers_are_plain() -> None:
    assert c_number(-128, "int8") == "-128"
    assert c_number(-(1 << 31), "int32") == "INT32_MIN"
    assert c_number(3.0, "float32") == "3.0f"


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_a_constant_that_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(UnsupportedOp, match="finite numbers only"):
        c_number(number, "float32")


def test_equal_tables_are_stored_once_and_names_never_meet() -> None:
    weights = Weights()
    first = weights.table("a.b", noise((3,)))
    assert weights.table("other", noise((3,))) == first
    second = weights.table("a-b", noise((3,), 1))
    assert second != first
    assert weights.flash_bytes() == 24
    text = weights.text()
    assert text.count("static const float") == 2
    assert f"{first}[3]" in text
    assert f"{second}[3]" in text


def test_a_table_of_other_type_is_another_table() -> None:
    weights = Weights()
    zeros = [weights.table("z", np.zeros(4, dtype)) for dtype in ("int8", "float32")]
    assert len(set(zeros)) == 2


def test_an_empty_table_is_still_c() -> None:
    weights = Weights()
    symbol = weights.table("none", np.zeros(0, np.float32))
    assert f"{symbol}[1]" in weights.text()
