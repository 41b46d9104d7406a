"""Adaptive computation time: each frame is revised until it says that it is done.

Source: Graves 2016, arXiv:1603.08983; as a Universal Transformer has it: Dehghani et al. 2018,
arXiv:1807.03819.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Frames = Tensor  # (B, T, C)


class Halted(NamedTuple):
    """What was revised, weighed by when it halted, and what the revisions of each frame cost."""

    y: Tensor  # (B, T, C)
    ponder: Tensor  # (B, T, 1): how many revisions, and what the last of them weighs


def revised(
    x: Frames,
    probability: Callable[[Frames], Tensor],
    revise: Callable[[Frames, int], Frames],
    *,
    most: int,
    threshold: float,
) -> Halted:
    """Revise frames `most` times and weigh each revision by the chance of halting there.

        p_n = probability(h_n);  h_{n+1} = revise(h_n, n)
        y = sum_n w_n h_{n+1};  w_n = p_n while their sum stays below the threshold

    The revision that reaches the threshold, or the last of all, weighs what is left of 1; those
    behind it weigh nothing. So all frames are revised alike, for others may look at them.
    """
    h, y = x, torch.zeros_like(x)
    done = torch.zeros_like(x[..., :1])  # the weight given so far
    ponder, running = done, torch.ones_like(done)
    for n in range(most):
        p, left = probability(h), 1 - done
        ends = done + p > threshold
        halts = torch.where(ends, running, 0 * running) if n < most - 1 else running
        goes = running - halts
        h = revise(h, n)
        weight = halts * left + goes * p
        y = y + weight * h
        ponder = ponder + running + halts * left
        done, running = done + weight, goes
    return Halted(y, ponder)
