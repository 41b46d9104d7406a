"""A diagonal linear recurrence between two products of gates: it can be linear attention."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class GatedLinearState(NamedTuple):
    """What a gated linear RNN remembers: its recurrent units."""

    h: Tensor  # (B, N)


class GatedLinear(Streaming):
    """Units that fade each at its rate, with products of two linear maps before and behind them.

        h' = decay * h + (W_m x + b_m) * (W_x x + b_x);  y = D ((U_m h' + c_m) * (U_x h' + c_x))

    units: N, of h. products: behind it; by default N. decay is clamped between 0 and 1, both of
    which it may be: a unit of 1 sums up for ever, one of 0 passes its input on.

    Weights: `input` holds W_m, then W_x, `output` U_m, then U_x, `readout` D. decay begins evenly
    between 0 and 1.

    Shapes: x (B, T, I) -> y (B, T, O); state h (B, N).
    Raises: ShapeError for sizes below 1, or x of another width.
    Source: Zucchet et al. 2023, arXiv:2309.01775. Our choice: the clamp, and where decay begins.
    """

    parallel = "scan"

    def __init__(
        self, input_size: int, output_size: int, units: int, products: int | None = None
    ) -> None:
        super().__init__()
        products = units if products is None else products
        if min(units, products) < 1:
            raise ShapeError(f"GatedLinear: {units} units, {products} products; need at least 1")
        self.input = Linear(input_size, 2 * units)
        self.decay = nn.Parameter(torch.rand(units))
        self.output = Linear(units, 2 * products)
        self.readout = Linear(products, output_size, bias=False)

    def initial_state(self, batch: int) -> State:
        return GatedLinearState(self.new_zeros(batch, len(self.decay)))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        a, b = self.input.step(x, ())[0].chunk(2, dim=-1)
        new = a * b
        hs, h = recur(self.decay.clamp(0, 1).expand_as(new), new, state.h)
        a, b = self.output.step(hs, ())[0].chunk(2, dim=-1)
        return self.readout.step(a * b, ())[0], GatedLinearState(h)


def as_linear_attention(query: Tensor, key: Tensor, value: Tensor) -> GatedLinear:
    """The gated linear RNN that is linear attention, y = sum_s (v_s k_s^T) q.

    It has one unit for each product of a value with a key, which forgets nothing, and one for each
    query, which forgets at once.

    Shapes: query, key (K, I), value (V, I) -> of K (V + 1) units and K V products.
    Raises: ShapeError for maps that do not fit each other.
    """
    keys, values, inputs = len(key), len(value), key.shape[1]
    if query.shape != key.shape or value.shape[1] != inputs:
        shapes = ", ".join(str(tuple(part.shape)) for part in (query, key, value))
        raise ShapeError(f"as_linear_attention: {shapes}; need (K, I), (K, I) and (V, I)")
    pairs = keys * values
    unit = GatedLinear(inputs, values, pairs + keys, pairs).to(key)
    with torch.no_grad():
        for parameter in unit.parameters():
            parameter.zero_()
        unit.decay[:pairs] = 1
        by_value, by_key = unit.input.linear.weight.chunk(2)
        by_value[:pairs], by_key[:pairs] = value.repeat_interleave(keys, 0), key.repeat(values, 1)
        by_key[pairs:] = query
        unit.input.linear.bias[pairs : pairs + keys] = 1
        memory, asked = unit.output.linear.weight.chunk(2)
        memory[:, :pairs] = torch.eye(pairs)
        asked[:, pairs:] = torch.eye(keys).repeat(values, 1)
        unit.readout.linear.weight.copy_(torch.eye(values).repeat_interleave(keys, 1))
    return unit


EXAMPLES = {
    "default": Example(lambda: GatedLinear(8, 5, 32)),
    "products": Example(lambda: GatedLinear(8, 6, 5, 7)),
}
