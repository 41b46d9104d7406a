"""Linear attention with a state that is a matrix and fades: S' = a * S + k v^T, y = q S'.

Frames are cut into chunks. Within a chunk products of matrices weigh all pairs of frames; from
chunk to chunk the state goes by the linear scan. How much is left of a frame is the exponential of
the sum of the logarithms of just those a that lie in between: of numbers below 0, and nothing is
divided, so nothing overflows and memory may end at once (a = 0, a logarithm of -inf).

Source: chunks: Yang et al. 2023, arXiv:2312.06635; sums of segments: Dao and Gu 2024,
arXiv:2405.21060. Our choice: decays of channels are split by halves of halves of a chunk.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.frames import join_frames
from edgernn.scans.linear import at_once, scan

CHUNK = 32  # frames that meet in pairs; of 16 to 64 the fastest, with heads of 16 channels


def linear_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor,
    state: Tensor,
    *,
    bonus: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Each frame's y, and the last S; one frame as it is written, many in chunks.

        S' = exp(log_decay) * S + k v^T;  y = q S'
        with a bonus:  y = q (S + (bonus * k) v^T)

    log_decay: 0 or below, with axes of size 1 where it is the same for all batches, frames, heads
    or channels. bonus: what a frame weighs when it comes, before anything fades, (H, K).

    Shapes: q, k (B, T, H, K), v (B, T, H, V), log_decay (B, T, H, K), state S (B, H, K, V) ->
        y (B, T, H, V), S (B, H, K, V).
    """
    frames = q.shape[1]
    log_decay = log_decay.expand(-1, frames, -1, -1)
    if at_once(frames):
        return _chunks(q, k, v, log_decay, state, bonus)
    ys, fade = [], torch.exp(log_decay).unsqueeze(-1)
    for t in range(frames):
        after = fade[:, t] * state + k[:, t].unsqueeze(-1) * v[:, t].unsqueeze(-2)
        read = torch.matmul(q[:, t].unsqueeze(2), after if bonus is None else state).squeeze(2)
        own = 0 if bonus is None else _own(q[:, t], k[:, t], bonus) * v[:, t]
        ys.append(read + own)
        state = after
    return join_frames(ys), state


def _own(q: Tensor, k: Tensor, bonus: Tensor | None) -> Tensor:
    """What each frame weighs in its own y: (..., 1)."""
    return (q * k if bonus is None else q * bonus * k).sum(-1, keepdim=True)


def _chunks(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, state: Tensor, bonus: Tensor | None
) -> tuple[Tensor, Tensor]:
    frames, alike, late = q.shape[1], log_decay.shape[3] == 1, int(bonus is not None)
    size = min(CHUNK, 1 << (frames - 1).bit_length())
    own = _own(q, k, bonus) * v
    q, k, v, log_decay = (cut(x, size) for x in (q, k, v, log_decay))
    fade = torch.exp(log_decay.sum(-2)).unsqueeze(-1)
    heard = (k * until_end(log_decay)).transpose(-1, -2) @ v
    states = scan(fade, heard, state)
    before = torch.cat([state.unsqueeze(1), states[:, :-1]], dim=1)
    within = _of_pairs if alike else _by_halves
    y = (q * since_start(log_decay, late)) @ before + within(q, k, v, log_decay, late)
    return y.transpose(2, 3).flatten(1, 2)[:, :frames] + own, states[:, -1]


def cut(x: Tensor, size: int) -> Tensor:
    """(B, T, H, D) -> (B, chunks, H, size, D), zeros behind the last frame."""
    x = F.pad(x, (0, 0, 0, 0, 0, -x.shape[1] % size))
    return x.reshape(x.shape[0], -1, size, *x.shape[2:]).transpose(2, 3)


def since_start(log_decay: Tensor, late: int) -> Tensor:
    """What is left at each frame (axis -2) of what came before the first.

    late: 1 where it is read before it fades by the frame's own decay, else 0.
    """
    total = log_decay.cumsum(-2)
    return torch.exp(F.pad(total, (0, 0, late, -late)))


def until_end(log_decay: Tensor) -> Tensor:
    """What is left of each frame (axis -2) after the last."""
    later = F.pad(log_decay[..., 1:, :], (0, 0, 0, 1))
    return torch.exp(later.flip(-2).cumsum(-2).flip(-2))


def _of_pairs(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, late: int) -> Tensor:
    """What frames of a chunk read of earlier ones, one decay a head: (..., size, V)."""
    size = q.shape[-2]
    earlier = torch.ones(size, size, dtype=torch.bool, device=q.device).tril(-1)
    between = log_decay.expand(*log_decay.shape[:-1], size).masked_fill(~earlier, 0.0)
    left = since_start(between, late).masked_fill(~earlier, 0.0)
    return (q @ k.transpose(-1, -2) * left) @ v


def _by_halves(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, late: int) -> Tensor:
    """The same with one decay a channel: the second half reads the first, and so on in halves.

    What a frame of the first half leaves to one of the second is what is left of it in the middle,
    by what is left of that: a product of matrices.
    """
    y, half = torch.zeros_like(v), q.shape[-2] // 2
    while half:
        parts = [x.reshape(*x.shape[:-2], -1, 2, half, x.shape[-1]) for x in (q, k, v, log_decay)]
        (_, k1, v1, fade1), (q2, _, _, fade2) = zip(*(x.unbind(-3) for x in parts), strict=True)
        asked = q2 * since_start(fade2, late)
        weight = asked @ (k1 * until_end(fade1)).transpose(-1, -2)
        y = y + F.pad(weight @ v1, (0, 0, half, 0)).flatten(-3, -2)
        half //= 2
    return y
