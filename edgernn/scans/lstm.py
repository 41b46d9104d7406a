"""The recurrence of an LSTM with thresholds, projected or not."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from edgernn.layers.hold import hold
from edgernn.layers.ramp import EXACT, GateFunctions


class Holds(NamedTuple):
    """How h is held, and m, the input of the projection, if it is."""

    threshold: float
    block: int
    projection: float | None = None


class Last(NamedTuple):
    """The cell after the last frame, and what is held then, which carries no gradient."""

    c: Tensor
    held_h: Tensor
    held_m: Tensor | None


def gated(total: Tensor, c: Tensor, functions: GateFunctions = EXACT) -> tuple[Tensor, Tensor]:
    """The next h, before a projection, and c from the sums of all gates: (B, 4H), (B, H)."""
    n = c.shape[1]
    i = functions.sigmoid(total[:, :n])
    f = functions.sigmoid(total[:, n : 2 * n])
    g = functions.tanh(total[:, 2 * n : 3 * n])
    o = functions.sigmoid(total[:, 3 * n :])
    c = f * c + i * g
    return o * functions.tanh(c), c


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        projection: Tensor | None,
        h: Tensor,
        c: Tensor,
        held: Tensor,
        held_m: Tensor | None,
        holds: Holds,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        hs, cs, totals, helds, ms = [], [c], [], [], []
        for frame in gates:
            held = hold(h, held, holds.threshold, holds.block)
            helds.append(held)
            totals.append(frame + F.linear(held, weight, bias))
            h, c = gated(totals[-1], c)
            cs.append(c)
            if held_m is not None and holds.projection is not None:
                h = held_m = hold(h, held_m, holds.projection, holds.block)
            if projection is not None:
                ms.append(h)
                h = F.linear(h, projection)
            hs.append(h)
        ctx.has_bias = bias is not None
        kept = [torch.stack(each) for each in (cs, totals, helds)]
        read = torch.stack(ms) if ms else None
        ctx.save_for_backward(weight, projection, read, *kept)
        ctx.mark_non_differentiable(*(one for one in (held, held_m) if one is not None))
        return torch.stack(hs), c, held, held_m

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, dc: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        weight, projection, read, cs, totals, helds = ctx.saved_tensors
        n = cs.shape[2]
        i, f, g, o = totals.split(n, dim=2)
        i, f, o, g = i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh()
        curve = torch.tanh(cs[1:])
        by_cell = o * (1 - curve * curve)  # of m, to c
        by_output = curve * o * (1 - o)  # of m, to the gate's sum
        inner = torch.cat([g * i * (1 - i), cs[:-1] * f * (1 - f), i * (1 - g * g)], dim=2)
        to_gates, dh = torch.empty_like(totals), torch.zeros_like(helds[0])
        every_dh = torch.empty_like(dy)
        for t in range(len(dy) - 1, -1, -1):
            dh = torch.add(dh, dy[t], out=every_dh[t])
            dm = dh if projection is None else dh @ projection
            dc = torch.addcmul(dc, dm, by_cell[t])
            torch.mul(dc.repeat(1, 3), inner[t], out=to_gates[t, :, : 3 * n])
            torch.mul(dm, by_output[t], out=to_gates[t, :, 3 * n :])
            dc = dc * f[t]
            dh = to_gates[t] @ weight
        flat = to_gates.flatten(0, 1)
        d_projection = None if read is None else every_dh.flatten(0, 1).t() @ read.flatten(0, 1)
        d_bias = flat.sum(0) if ctx.has_bias else None
        d_weight = flat.t() @ helds.flatten(0, 1)
        return to_gates, d_weight, d_bias, d_projection, dh, dc, None, None, None


def scan(
    gates: Tensor,
    weights: tuple[Tensor, Tensor | None, Tensor | None],
    h: Tensor,
    c: Tensor,
    held: tuple[Tensor, Tensor | None],
    holds: Holds,
) -> tuple[Tensor, Last]:
    """All frames of a chunk: gates (T, B, 4H); U (4H, P), b_h (4H,), W_hr (P, H); h (B, P).

    held: held_h (B, P), and held_m (B, H) where the projection's input is held too.
    Gives h after each frame, (T, B, P), and what the state needs beside it.
    """
    hs, *last = _Scan.apply(gates, *weights, h, c, *held, holds)  # type: ignore[no-untyped-call]
    return hs, Last(*last)
