"""A linear recurrence that is the same at every frame, by chunks of matrix products.

Within a chunk it is a convolution, one matrix a channel; between chunks the state goes on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 64  # frames that are computed at once; powers stay exact to float32 over so many


def by_chunks(
    x: Tensor,
    state: Tensor,
    kernel: Tensor,
    *,
    said: Tensor,
    heard: Tensor,
    kept: Callable[[Tensor, int], Tensor],
) -> tuple[Tensor, Tensor]:
    """All frames of x (B, T, C) from a state (B, C, S): y (B, T, C), and the state after them.

    kernel: (C, n), what is said of a frame so many frames later. said: (C, S, n + 1), what is said
    of a state so many frames later. heard: (C, n or more, S), what a frame leaves in the state so
    many frames later. kept: what so many frames leave of a state (C, B, S). n: frames of a chunk.
    """
    size = kernel.shape[1]
    shifted = F.pad(kernel, (size - 1, 0)).unfold(1, size, 1).flip(1)  # (C, from, to)
    s, ys = state.transpose(0, 1), []
    for part in torch.split(x, size, dim=1):
        n, u = part.shape[1], part.permute(2, 0, 1)  # (C, B, n)
        ys.append(u @ shifted[:, :n, :n] + s @ said[..., 1 : n + 1])
        s = kept(s, n) + u @ heard[:, :n].flip(1)
    return torch.cat(ys, dim=2).permute(1, 2, 0), s.transpose(0, 1)
