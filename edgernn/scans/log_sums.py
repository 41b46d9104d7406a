"""Running sums of exponentials, kept as their logarithms: what attention as a recurrence rests on.

    c' = log(exp(c + fade) + exp(score))

Nothing overflows, however large the scores. With a fade, whole sequences are solved as `linear`
solves its recurrence, by pairs of frames: no sum reaches further than what it tells.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edgernn.frames import join_frames, split_frames
from edgernn.scans.linear import at_once

NOTHING = -1e4  # logarithm of the sum before the first frame: beside any score it is no share


def log_sums(scores: Tensor, before: Tensor, fade: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The logarithms before and behind each frame: scores (B, T, ...), before (B, ...).

    fade: of each channel in every frame, 0 or below, (...); None where nothing fades.
    """
    if at_once(scores.shape[1]):
        if fade is None:
            sums = torch.cat([before.unsqueeze(1), scores], dim=1).logcumsumexp(1)
            return sums[:, :-1], sums[:, 1:]
        first = torch.logaddexp(before.unsqueeze(1) + fade, scores[:, :1])
        sums = _solved(fade.expand_as(scores), torch.cat([first, scores[:, 1:]], dim=1))
        return torch.cat([before.unsqueeze(1), sums[:, :-1]], dim=1), sums
    each = [before]
    for score in split_frames(scores):
        old = each[-1] if fade is None else each[-1] + fade
        top = torch.maximum(old, score)
        each.append(top + torch.log(torch.exp(old - top) + torch.exp(score - top)))
    return join_frames(each[:-1]), join_frames(each[1:])


def _solved(fade: Tensor, scores: Tensor) -> Tensor:
    """Each frame's logarithm, from that of the first, which is its score, on: (B, T, ...)."""
    frames = scores.shape[1]
    if frames == 1:
        return scores
    even, odd, rest = slice(0, frames - 1, 2), slice(1, frames, 2), slice(2, frames, 2)
    joined = torch.logaddexp(fade[:, odd] + scores[:, even], scores[:, odd])
    late = _solved(fade[:, odd] + fade[:, even], joined)
    early = torch.logaddexp(fade[:, rest] + late[:, : (frames - 1) // 2], scores[:, rest])
    early = torch.cat([scores[:, :1], early], dim=1)
    pairs = torch.stack([early[:, : frames // 2], late], dim=2).flatten(1, 2)
    return torch.cat([pairs, early[:, frames // 2 :]], dim=1)
