"""The delta rule over whole chunks: a matrix state that fades, is corrected, and is written.

    S' = (diag(w) + b^T a) S + k^T v;  y = q S'

S maps keys to values, the transpose of what papers write as S (diag(w) + a^T b) + v^T k. What a
finds in S comes back along b: the plain rule has w = 1, a = k, b = -beta k, and writes beta k.

Within a chunk u = a S, of the S that each frame finds, solves one triangular system (the WY form);
all else is products of matrices. What lies between two frames fades by the exponential of sums of
the logarithms of just their w, half of a chunk by half: nothing is divided, nothing overflows.

Source: Yang et al. 2024, arXiv:2406.06484; with decays: Peng et al. 2025, arXiv:2503.14456.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edgernn.frames import join_frames
from edgernn.scans.chunkwise import cut, since_start, until_end
from edgernn.scans.linear import at_once

CHUNK = 16  # frames, a power of two; the fastest of 16, 32 and 64 on a CPU; our choice


def delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    state: Tensor,
    *,
    a: Tensor,
    b: Tensor,
) -> tuple[Tensor, Tensor]:
    """Each frame's y, and the last S; one frame as it is written, many in chunks.

    log_decay: of w, 0 or below; its last axis may be 1; None where nothing fades.

    Shapes: q, k, a, b (B, T, H, K), v (B, T, H, V), log_decay (B, T, H, K), state S (B, H, K, V) ->
        y (B, T, H, V), S (B, H, K, V).
    """
    if at_once(q.shape[1]):
        return chunks((q, k, v, a, b), log_decay, state)
    ys = []
    for t in range(q.shape[1]):
        found = torch.matmul(a[:, t].unsqueeze(2), state)
        left = state if log_decay is None else torch.exp(log_decay[:, t]).unsqueeze(-1) * state
        state = left + b[:, t].unsqueeze(-1) * found + k[:, t].unsqueeze(-1) * v[:, t].unsqueeze(2)
        ys.append(torch.matmul(q[:, t].unsqueeze(2), state).squeeze(2))
    return join_frames(ys), state


def chunks(
    given: tuple[Tensor, Tensor, Tensor, Tensor, Tensor],
    log_decay: Tensor | None,
    state: Tensor,
    size: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    """The same of (q, k, v, a, b) by chunks of `size` frames, a power of two."""
    frames = given[0].shape[1]
    log_decay = torch.zeros_like(given[0][..., :1]) if log_decay is None else log_decay
    size = min(size, 1 << (frames - 1).bit_length())
    q, k, v, a, b, log_w = (cut(part, size) for part in (*given, log_decay))
    asks, tells = torch.stack([a, q * log_w.exp()]), torch.stack([b, k])
    (a_b, a_k), (q_b, q_k) = (of.unbind(0) for of in _earlier(asks.unsqueeze(1), tells, log_w))
    left = until_end(log_w)
    eye = torch.eye(size, dtype=q.dtype, device=q.device)
    known = torch.cat([a * since_start(log_w, 1), a_k @ v], dim=-1)
    solved = torch.linalg.solve_triangular(eye - a_b, known, upper=False, unitriangular=True)
    by_state, own = solved[..., : q.shape[-1]], solved[..., q.shape[-1] :]
    fade, back = log_w.sum(-2).exp().unsqueeze(-1), (b * left).transpose(-1, -2)
    heard = (k * left).transpose(-1, -2) @ v
    states, us = [state], []
    for n in range(fade.shape[1]):
        us.append(own[:, n] + by_state[:, n] @ states[-1])
        states.append(fade[:, n] * states[-1] + back[:, n] @ us[-1] + heard[:, n])
    u, found = torch.stack(us, dim=1), torch.stack(states[:-1], dim=1)
    y = (q * since_start(log_w, 0)) @ found + q_b @ u + q_k @ v
    y = y + (q * b).sum(-1, keepdim=True) * u + (q * k).sum(-1, keepdim=True) * v
    return y.transpose(2, 3).flatten(1, 2)[:, :frames], states[-1]


def _earlier(q: Tensor, k: Tensor, log_w: Tensor) -> Tensor:
    """q_t . (k_j * w_{j+1} ... w_{t-1}) for j < t, else 0: (..., size, D) each to (..., t, j)."""
    size = q.shape[-2]
    if size == 1:
        return torch.zeros_like((q * k)[..., :1])
    (q_0, q_1), (k_0, k_1), (log_0, log_1) = (x.tensor_split(2, dim=-2) for x in (q, k, log_w))
    corner = (q_1 * since_start(log_1, 1)) @ (k_0 * until_end(log_0)).transpose(-1, -2)
    top = torch.cat([_earlier(q_0, k_0, log_0), torch.zeros_like(corner)], dim=-1)
    return torch.cat([top, torch.cat([corner, _earlier(q_1, k_1, log_1)], dim=-1)], dim=-2)
