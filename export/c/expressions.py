"""The C expression of each elementwise op, float and fixed point."""

from __future__ import annotations

from typing import Any

from edgernn.export.c.weights import C_TYPES, c_number
from edgernn.graph import fixed_point as fx
from edgernn.graph.ir import Graph, Quant

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
MATH = ("sigmoid", "tanh", "exp", "log", "sqrt")


def _shifted(text: str, bits: int) -> str:
    """`fixed_point.shift_right` in C."""
    if bits > 0:
        return f"edgernn_shr({text}, {bits})"
    whole = f"({text})" if " " in text else text
    return f"{whole} * {1 << -bits}" if bits else text


def _float(op: str, x: list[str]) -> str:
    if op in INFIX:
        return f"{x[0]} {INFIX[op]} {x[1]}"
    if op in MATH:
        return f"edgernn_{op}_f32({x[0]})"
    if op in ("maximum", "minimum"):
        return f"{x[0]} {'>' if op == 'maximum' else '<'} {x[1]} ? {x[0]} : {x[1]}"
    return {
        "relu": f"{x[0]} > 0.0f ? {x[0]} : 0.0f",
        "neg": f"-{x[0]}",
        "abs": f"{x[0]} < 0.0f ? -{x[0]} : {x[0]}",
    }[op]


def _fixed(op: str, x: list[str], fracs: list[int], out: int) -> str:
    if op == "sigmoid":
        return f"edgernn_sigmoid_q({_shifted(x[0], fracs[0] - fx.SIGMOID_FRAC)})"
    if op == "tanh":
        return f"edgernn_tanh_q({_shifted(x[0], fracs[0] - 1 - fx.SIGMOID_FRAC)})"
    if op == "mul":
        return f"edgernn_sat16({_shifted(f'{x[0]} * {x[1]}', fracs[0] + fracs[1] - out)})"
    if op in ("relu", "neg"):
        value = f"({x[0]} > 0 ? {x[0]} : 0)" if op == "relu" else f"-{x[0]}"
        return f"edgernn_sat16({_shifted(value, fracs[0] - out)})"
    top = max(fracs)
    a, b = (_shifted(name, frac - top) for name, frac in zip(x, fracs, strict=True))
    if op in ("add", "sub"):
        wide = f"{a} {INFIX[op]} {b}"
    else:
        wide = f"({a} {'>' if op == 'maximum' else '<'} {b} ? {a} : {b})"
    return f"edgernn_sat16({_shifted(wide, top - out)})"


def _convert(op: str, x: str, source: Quant | None, quant: Quant | None, attrs: Any) -> str:
    if op == "quantize":
        assert quant
        whole = f"edgernn_round({x} * {c_number(1.0 / quant.scale, 'float32')})"
        return _offset(whole, quant.zero_point)
    if op == "dequantize":
        assert source
        whole = _offset(x, -source.zero_point)
        return f"(float)({whole}) * {c_number(source.scale, 'float32')}"
    assert quant
    scaled = x if attrs["mult"] == 1 else f"{x} * {attrs['mult']}"
    return _offset(_shifted(scaled, attrs["shift"]), quant.zero_point)


def _offset(text: str, by: int) -> str:
    return f"{text} {'+' if by > 0 else '-'} {abs(by)}" if by else text


def expression(
    graph: Graph, op: str, value: str, inputs: list[str], x: list[str], attrs: Any
) -> str:
    """C for one element of `op`; `x` are the C names of the operands."""
    out = graph.values[value]
    quants = [graph.values[name].quant for name in inputs]
    if op in ("quantize", "dequantize", "requantize"):
        text = _convert(op, x[0], quants[0], out.quant, attrs)
        if op == "dequantize":
            return text
        return f"edgernn_sat{8 if out.dtype == 'int8' else 16}({text})"
    if op.startswith("q"):
        assert out.quant
        fracs = [q.frac for q in quants if q]
        return _fixed(op[1:], x, fracs, out.quant.frac)
    return _float(op, x)


def local_type(dtype: str) -> str:
    """Integers widen to int32 inside a loop, so that no product wraps."""
    return "int32_t" if dtype in ("int8", "int16") else C_TYPES[dtype]
