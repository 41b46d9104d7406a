"""Weights of fewer bits, by LiteRT's own quantizer; only products become integers.

int8-dynamic and int4 round what a product reads as it comes; int8 does so by the ranges that the
model's own frames have, which are those of our quantizer (see graph/calibrate.py). States, tables
of front ends and all that is element by element stay float32.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.errors import UnsupportedOp
from edgernn.export.litert.operators import Product
from edgernn.graph.calibrate import Range, calibrate, eight_bit
from edgernn.graph.ir import Graph
from edgernn.quiet import first_line, quiet

GROUP = 32  # columns that share a scale in 4 bits; all of a row where they are no multiple
MOST, TINY = 7, 1e-30  # of 4 bits; of a scale
ON_GRID = 0.05  # rms that rounding to a grid costs weights that lie on it; others lose about 0.1
PACKED = "FULLY_CONNECTED"  # the one that has kernels for 4 bits


def rounded(
    model: bytes,
    products: Sequence[Product],
    number_type: str,
    graph: Graph,
    frames: Iterable[Mapping[str, Array]],
) -> bytes:
    """The explicit form with such weights. Raises: DataError, UnsupportedOp.

    A model without products stays as it is.
    """
    if not products:
        return model
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    by_row, by_group = qtyping.QuantGranularity.CHANNELWISE, qtyping.QuantGranularity.BLOCKWISE_32
    as_they_are, clipped = AlgorithmName.MIN_MAX_UNIFORM_QUANT, AlgorithmName.OCTAV
    ranges = calibrate(graph, frames) if number_type == "int8" else {}
    with quiet():
        work = quantizer.Quantizer(bytearray(model))
        for one in products:
            where, kind = _only(one.result), qtyping.TFLOperationName(one.kind)
            if number_type == "int8":
                work.add_static_config(where, kind, activation_num_bits=8, weight_num_bits=8)
            elif number_type == "int4" and _packed(one, graph.constants[one.weight]):
                weight = graph.constants[one.weight]
                shared = by_group if weight.shape[1] % GROUP == 0 else by_row
                how = as_they_are if _on_grid(weight) else clipped
                work.add_dynamic_config(where, kind, 4, shared, how)
            else:
                work.add_dynamic_config(where, kind, 8)
        try:
            told = _statistics(products, ranges) if ranges else None
            return bytes(work.quantize(told, enable_progress_report=False).quantized_model)
        except Exception as cause:  # it raises many unrelated classes
            raise UnsupportedOp(
                f"{graph.name}: LiteRT's quantizer cannot make {number_type} of it: "
                f"{first_line(cause)}"
            ) from cause


def _packed(product: Product, weight: Array) -> bool:
    """Whether it has a kernel for 4 bits, and rows enough to gain by it: a single one keeps 8."""
    return product.kind == PACKED and len(weight) > 1


def _only(tensor: str) -> str:
    """What matches an operator by the tensor that it makes, and no other."""
    return f"^{re.escape(tensor)};?$"


def _on_grid(weight: Array) -> bool:
    """Whether 4 bits by the largest of each group hold the weights, as trained for them.

    Others are better off with their largest ones clipped (OCTAV, 2206.06501).
    """
    groups = weight.reshape(-1, GROUP if weight.shape[1] % GROUP == 0 else weight.shape[1])
    scale = np.maximum(np.abs(groups).max(axis=1, keepdims=True), TINY) / MOST
    lost = groups - np.rint(groups / scale) * scale
    return bool(np.square(lost).mean() <= ON_GRID**2 * np.square(groups).mean())


def _statistics(products: Sequence[Product], ranges: Mapping[str, Range]) -> dict[str, Any]:
    """Ranges of what products read and give, as its calibration would tell them."""
    found = {}
    for one in products:
        for tensor, value in ((one.source, one.read), (one.result, one.made)):
            ends = np.array(eight_bit([ranges[value]]), np.float32)
            found[tensor] = {"min": ends[:1, None], "max": ends[1:, None]}
    return found
