"""The shape that each op of the intermediate representation gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgernn.errors import ShapeError
from edgernn.graph.ir import BINARY, ELEMENTWISE, UNARY

Shape = tuple[int, ...]


def conv_frames(frames: int, kernel: int, stride: int, dilation: int) -> int:
    """Output frames of an unpadded convolution over time."""
    return (frames - (kernel - 1) * dilation - 1) // stride + 1


def result_shape(op: str, shapes: list[Shape], attrs: dict[str, Any]) -> Shape:
    """Shape of `op`'s output. Raises: ShapeError if the inputs do not fit together."""
    try:
        return _result_shape(op, shapes, attrs)
    except (ValueError, IndexError) as cause:
        raise ShapeError(f"{op} cannot take shapes {shapes}: {cause}") from cause


def _result_shape(op: str, shapes: list[Shape], attrs: dict[str, Any]) -> Shape:
    first = shapes[0]
    if op in BINARY or op.removeprefix("q") in BINARY or op == "where":
        return np.broadcast_shapes(*shapes)
    if op in ELEMENTWISE or op.removeprefix("q") in UNARY or op == "softmax":
        return first
    if op == "hold":
        return _same(first, shapes[1])
    if op == "layernorm":
        return (*first[:-1], *_same(first[-1:], _same(shapes[1], shapes[2])))
    if op in ("linear", "qlinear"):
        return (*first[:-1], shapes[1][0])
    if op in ("conv1d", "qconv1d"):
        frames = conv_frames(first[1], shapes[1][1], attrs["stride"], attrs["dilation"])
        return (first[0], frames, shapes[1][0])
    if op == "matmul":
        batch = np.broadcast_shapes(first[:-2], shapes[1][:-2])
        return (*batch, first[-2], shapes[1][-1])
    if op == "reshape":
        return _reshape(first, attrs["shape"])
    if op == "transpose":
        return tuple(first[axis] for axis in attrs["perm"])
    if op == "slice":
        return tuple(len(range(n)[s]) for n, s in zip(first, slices(attrs), strict=True))
    if op == "concat":
        axis = attrs["axis"]
        return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])
    if op == "expand":
        return np.broadcast_shapes(first, attrs["shape"])
    if op in ("gather", "qgather"):
        return (*shapes[1], *first[1:])
    if op in ("reduce_sum", "reduce_max"):
        return tuple(1 if i in attrs["axes"] else n for i, n in enumerate(first))
    raise ValueError(f"no shape rule for {op}")


def _reshape(old: Shape, wanted: Shape) -> Shape:
    shape = list(wanted)
    if -1 in shape:
        rest = int(np.prod([n for n in shape if n != -1], dtype=np.int64))
        shape[shape.index(-1)] = int(np.prod(old, dtype=np.int64)) // max(rest, 1)
    if np.prod(shape, dtype=np.int64) != np.prod(old, dtype=np.int64):
        raise ValueError(f"{old} does not reshape to {wanted}")
    return tuple(shape)


def _same(first: Shape, second: Shape) -> Shape:
    if first != second:
        raise ValueError("the two differ")
    return first


def slices(attrs: dict[str, Any]) -> tuple[slice, ...]:
    """The `slice` op's attributes as Python slices, one an axis."""
    return tuple(slice(*bounds) for bounds in attrs["bounds"])
