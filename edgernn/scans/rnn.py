"""The recurrence of a plain RNN with thresholds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from edgernn.layers.hold import hold

ELEMENTWISE = {"tanh": torch.tanh, "relu": torch.relu}


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        h: Tensor,
        held: Tensor,
        nonlinearity: str,
        threshold: float,
        block: int,
    ) -> tuple[Tensor, Tensor]:
        hs, helds = [], []
        for frame in gates:
            held = hold(h, held, threshold, block)
            helds.append(held)
            h = ELEMENTWISE[nonlinearity](frame + F.linear(held, weight, bias))
            hs.append(h)
        ctx.has_bias, ctx.nonlinearity = bias is not None, nonlinearity
        every = torch.stack(hs)
        ctx.save_for_backward(weight, every, torch.stack(helds))
        ctx.mark_non_differentiable(held)
        return every, held

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        weight, hs, helds = ctx.saved_tensors
        slope = 1 - hs * hs if ctx.nonlinearity == "tanh" else (hs > 0).to(hs)
        to_gates, dh = torch.empty_like(hs), torch.zeros_like(hs[0])
        for t in range(len(dy) - 1, -1, -1):
            torch.mul(dh + dy[t], slope[t], out=to_gates[t])
            dh = to_gates[t] @ weight
        flat = to_gates.flatten(0, 1)
        d_bias = flat.sum(0) if ctx.has_bias else None
        return to_gates, flat.t() @ helds.flatten(0, 1), d_bias, dh, None, None, None, None


def scan(
    gates: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    h: Tensor,
    held: Tensor,
    *,
    nonlinearity: str,
    threshold: float,
    block: int,
) -> tuple[Tensor, Tensor]:
    """All frames of a chunk: gates (T, B, H), U (H, H), b_h (H,), h and held_h (B, H).

    Gives h after each frame, (T, B, H), and what is held last, which carries no gradient.
    """
    given = gates, weight, bias, h, held, nonlinearity, threshold, block
    hs, last = _Scan.apply(*given)  # type: ignore[no-untyped-call]
    return hs, last
