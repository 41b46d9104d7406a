"""The recurrence of a GRU with thresholds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from edgernn.layers.hold import hold
from edgernn.layers.ramp import EXACT, GateFunctions


def gated(gates: Tensor, h: Tensor, past: Tensor, functions: GateFunctions = EXACT) -> Tensor:
    """The next h from W x + b_i, h and U h + b_h: (B, 3H), (B, H), (B, 3H) -> (B, H)."""
    n = h.shape[1]
    r = functions.sigmoid(gates[:, :n] + past[:, :n])
    z = functions.sigmoid(gates[:, n : 2 * n] + past[:, n : 2 * n])
    new = functions.tanh(gates[:, 2 * n :] + r * past[:, 2 * n :])
    return new + z * (h - new)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        h: Tensor,
        held: Tensor,
        threshold: float,
        block: int,
    ) -> tuple[Tensor, Tensor]:
        hs, pasts, helds = [h], [], []
        for frame in gates:
            held = hold(hs[-1], held, threshold, block)
            helds.append(held)
            pasts.append(F.linear(held, weight, bias))
            hs.append(gated(frame, hs[-1], pasts[-1]))
        every = torch.stack(hs)
        ctx.has_bias = bias is not None
        ctx.save_for_backward(gates, weight, every, torch.stack(pasts), torch.stack(helds))
        ctx.mark_non_differentiable(held)
        return every[1:], held

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        gates, weight, hs, pasts, helds = ctx.saved_tensors
        n = hs.shape[2]
        r, z = torch.sigmoid(gates[..., : 2 * n] + pasts[..., : 2 * n]).chunk(2, dim=2)
        past = pasts[..., 2 * n :]
        new = torch.tanh(gates[..., 2 * n :] + r * past)
        by_new = (1 - z) * (1 - new * new)  # of h, to the sum that the candidate is the tanh of
        by_update = (hs[:-1] - new) * z * (1 - z)
        by_reset = past * r * (1 - r)  # of that sum
        to_gates, to_past = torch.empty_like(gates), torch.empty_like(gates)
        dh = torch.zeros_like(hs[0])
        for t in range(len(dy) - 1, -1, -1):
            dh = dh + dy[t]
            candidate = torch.mul(dh, by_new[t], out=to_gates[t, :, 2 * n :])
            torch.mul(candidate, by_reset[t], out=to_gates[t, :, :n])
            torch.mul(dh, by_update[t], out=to_gates[t, :, n : 2 * n])
            to_past[t, :, : 2 * n] = to_gates[t, :, : 2 * n]
            torch.mul(candidate, r[t], out=to_past[t, :, 2 * n :])
            dh = torch.addmm(dh * z[t], to_past[t], weight)
        flat = to_past.flatten(0, 1)
        d_bias = flat.sum(0) if ctx.has_bias else None
        return to_gates, flat.t() @ helds.flatten(0, 1), d_bias, dh, None, None, None


def scan(
    gates: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    h: Tensor,
    held: Tensor,
    threshold: float,
    block: int,
) -> tuple[Tensor, Tensor]:
    """All frames of a chunk: gates (T, B, 3H), U (3H, H), b_h (3H,), h and held_h (B, H).

    Gives h after each frame, (T, B, H), and what is held last, which carries no gradient.
    """
    hs, last = _Scan.apply(gates, weight, bias, h, held, threshold, block)  # type: ignore[no-untyped-call]
    return hs, last
