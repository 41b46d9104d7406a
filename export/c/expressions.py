"""The C expression of each elementwise op, float and fixed point.

Integer expressions carry the interval of their values, so that a saturation which can never
happen is not written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.export.c.activations import MATH
from edgernn.export.c.weights import C_TYPES, c_number
from edgernn.graph import fixed_point as fx
from edgernn.graph.ir import Graph, Quant

MASKS = {"greater": ">", "greater_equal": ">="}
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
WIDE = (-(1 << 31), (1 << 31) - 1)


@dataclass(frozen=True, slots=True)
class Term:
    """C text and the interval of its values; the interval means nothing for floats."""

    text: str
    low: int = WIDE[0]
    high: int = WIDE[1]

    def named(self, name: str) -> Term:
        """The same values under a local's name."""
        return Term(name, self.low, self.high)

    def bare(self) -> str:
        """The text as an operand of `*` or a call."""
        return f"({self.text})" if " " in self.text else self.text

    def shifted(self, bits: int) -> Term:
        """`fixed_point.shift_right`: a rounding shift right, or a product for a shift left.

        What could leave 32 bits on the way is computed in 64.
        """
        if bits == 0:
            return self
        low, high = (_shifted(end, bits) for end in (self.low, self.high))
        if bits < 0:
            cast = "" if _in_word(low, high) else "(int64_t)"
            return Term(f"{cast}{self.bare()} * {_whole(1 << -bits)}", low, high)
        if bits < 31 and _in_word(self.low, self.high + (1 << (bits - 1))):
            return Term(f"edgernn_shr({self.text}, {bits})", low, high)
        return Term(f"edgernn_shr_wide({self.text}, {bits})", *_in_word_ends(low, high))

    def plus(self, by: int) -> Term:
        """The term and a constant."""
        low, high = self.low + by, self.high + by
        whole = self.text if _in_word(low, high) else f"(int64_t){self.bare()}"
        text = f"{whole} {'+' if by > 0 else '-'} {abs(by)}" if by else self.text
        return Term(text, low, high)

    def fitted(self, dtype: str) -> Term:
        """Saturated to an integer type, if it can leave it."""
        lowest, highest = fx.LIMITS[dtype]
        if lowest <= self.low and self.high <= highest:
            return self
        if not _in_word(self.low, self.high):
            ends = _in_word_ends(self.low, self.high)
            return Term(f"edgernn_shr_wide({self.text}, 0)", *ends).fitted(dtype)
        low, high = max(self.low, lowest), min(self.high, highest)
        return Term(f"edgernn_sat{dtype.removeprefix('int')}({self.text})", low, high)


def _shifted(value: int, bits: int) -> int:
    return (value + (1 << (bits - 1))) >> bits if bits > 0 else value << -bits


def _in_word(low: int, high: int) -> bool:
    return WIDE[0] <= low and high <= WIDE[1]


def _in_word_ends(low: int, high: int) -> tuple[int, int]:
    return min(max(low, WIDE[0]), WIDE[1]), min(max(high, WIDE[0]), WIDE[1])


def _whole(value: int) -> str:
    """A C literal of 32 or 64 bits."""
    return str(value) if value < 1 << 31 else f"INT64_C({value})"


def _combine(op: str, a: Term, b: Term) -> Term:
    """add, sub, mul, maximum or minimum of two integer terms."""
    if op in ("maximum", "minimum"):
        sign = ">" if op == "maximum" else "<"
        best = max if op == "maximum" else min
        text = f"({a.bare()} {sign} {b.bare()} ? {a.bare()} : {b.bare()})"
        return Term(text, best(a.low, b.low), best(a.high, b.high))
    if op == "mul":
        ends = [p * q for p in (a.low, a.high) for q in (b.low, b.high)]
        low, high = min(ends), max(ends)
    else:
        low, high = (b.low, b.high) if op == "add" else (-b.high, -b.low)
        low, high = a.low + low, a.high + high
    left = a.text if op != "mul" else a.bare()
    if not _in_word(low, high):
        left = f"(int64_t){a.bare()}"
    right = b.text if op == "add" else b.bare()
    return Term(f"{left} {INFIX[op]} {right}", low, high)


def _float(op: str, x: list[str]) -> str:
    if op in INFIX:
        return f"{x[0]} {INFIX[op]} {x[1]}"
    if op in MATH:
        return f"edgernn_{op}_f32({x[0]})"
    if op in ("maximum", "minimum"):
        return f"{x[0]} {'>' if op == 'maximum' else '<'} {x[1]} ? {x[0]} : {x[1]}"
    if op in MASKS:
        return f"{x[0]} {MASKS[op]} {x[1]} ? 1.0f : 0.0f"
    if op == "where":
        return f"{x[0]} != 0.0f ? {x[1]} : {x[2]}"
    return {
        "relu": f"{x[0]} > 0.0f ? {x[0]} : 0.0f",
        "neg": f"-{x[0]}",
        "abs": f"{x[0]} < 0.0f ? -{x[0]} : {x[0]}",
        "round": f"edgernn_rint_f32({x[0]})",
        "floor": f"edgernn_floor_f32({x[0]})",
    }[op]


def table_argument(op: str, x: Term, frac: int) -> Term:
    """What the sigmoid is looked up of: Q3.12 in 16 bits, twice the value for a tanh."""
    return x.shifted(frac - (op == "tanh") - fx.SIGMOID_FRAC).fitted("int16")


def table_result(op: str, place: str) -> Term:
    """A sigmoid or tanh from the sigmoid that was looked up."""
    return Term(place, 0, 32767) if op == "sigmoid" else Term(f"2 * {place} - 32768", -32768, 32767)


def _whole_number(op: str, x: Term, frac: int) -> Term:
    """`fixed_point.whole`, still with the fraction bits of x, all zero."""
    if frac <= 0:
        return x
    one, ends = 1 << frac, (x.low, x.high)
    if op == "floor":
        low, high = (end >> frac << frac for end in ends)
        return Term(f"({x.bare()} & -{one})", low, high)
    low, high = ((end + (one >> 1)) >> frac << frac for end in ends)
    raised = f"({x.bare()} + {(one >> 1) - 1} + (({x.bare()} >> {frac}) & 1))"
    return Term(f"({raised} & -{one})", low - one, high)


def _fixed(op: str, x: list[Term], fracs: list[int], out: int) -> Term:
    if op in ("sigmoid", "tanh"):
        q12 = table_argument(op, x[0], fracs[0])
        return Term(f"edgernn_{op}_q({q12.text})", 0 if op == "sigmoid" else -32768, 32767)
    if op == "mul":
        return _combine(op, *x).shifted(fracs[0] + fracs[1] - out).fitted("int16")
    if op in ("round", "floor"):
        return _whole_number(op, x[0], fracs[0]).shifted(fracs[0] - out).fitted("int16")
    if op in ("relu", "neg"):
        text = f"({x[0].text} > 0 ? {x[0].text} : 0)" if op == "relu" else f"-{x[0].bare()}"
        ends = (max(x[0].low, 0), max(x[0].high, 0)) if op == "relu" else (-x[0].high, -x[0].low)
        return Term(text, *ends).shifted(fracs[0] - out).fitted("int16")
    top = max(fracs)
    a, b = (term.shifted(frac - top) for term, frac in zip(x, fracs, strict=True))
    return _combine(op, a, b).shifted(top - out).fitted("int16")


def _convert(op: str, x: Term, source: Quant | None, quant: Quant | None, attrs: Any) -> Term:
    if op == "quantize":
        assert quant
        scaled = f"{x.text} * {c_number(1.0 / quant.scale, 'float32')}"
        return Term(f"edgernn_round({scaled})", -65536, 65536).plus(quant.zero_point)
    if op == "dequantize":
        assert source
        whole = x.plus(-source.zero_point)
        return Term(f"edgernn_real({whole.text}) * {c_number(source.scale, 'float32')}")
    assert source
    assert quant
    by, x = attrs["mult"], x.plus(-source.zero_point)
    product = x if by == 1 else _combine("mul", x, Term(str(by), by, by))
    return _shifted_onto(product, attrs["shift"], quant.zero_point)


def _shifted_onto(x: Term, bits: int, zero: int) -> Term:
    """A rounding shift right plus a zero point, which joins the rounding where 32 bits hold it."""
    add = (1 << (bits - 1)) + (zero << bits) if 0 < bits < 31 else 0
    apart = x.shifted(bits).plus(zero)
    if not zero or not add or not _in_word(x.low + add, x.high + add):
        return apart
    return Term(f"(({x.plus(add).text}) >> {bits})", apart.low, apart.high)


def expression(
    graph: Graph, op: str, value: str, inputs: list[str], x: list[Term], attrs: Any
) -> Term:
    """C for one element of `op`; `x` are the operands."""
    out = graph.values[value]
    quants = [graph.values[name].quant for name in inputs]
    if op == "dequantize":
        return _convert(op, x[0], quants[0], out.quant, attrs)
    if op in ("quantize", "requantize"):
        return _convert(op, x[0], quants[0], out.quant, attrs).fitted(out.dtype)
    if op == "tick":
        return Term(f"{x[0].text} < {attrs['period'] - 1} ? {x[0].text} + 1 : 0")
    if op.startswith("q"):
        assert out.quant
        return _fixed(op[1:], x, [q.frac for q in quants if q], out.quant.frac)
    if op == "hold":
        (new, held), bound = (term.text for term in x), c_number(attrs["threshold"], "float32")
        return Term(f"{new} - {held} > {bound} || {held} - {new} > {bound} ? {new} : {held}")
    return Term(_float(op, [term.text for term in x]))


def loaded(name: str, dtype: str) -> Term:
    """A local that was read from memory."""
    if dtype in ("int8", "int16"):
        limits = np.iinfo(dtype)
        return Term(name, int(limits.min), int(limits.max))
    return Term(name)


def local_type(dtype: str) -> str:
    """Integers widen to int32 inside a loop, so that no product wraps."""
    return "int32_t" if dtype in ("int8", "int16") else C_TYPES[dtype]
