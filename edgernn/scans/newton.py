"""A recurrence that is not linear, s_t = f(x_t, s_{t-1}), solved for all frames at once.

All frames are one system of equations, whose solution Newton's method finds by linear recurrences:
with J_t how f follows s_{t-1} at the guess,

    d_t = J_t d_{t-1} + f(x_t, s_{t-1}) - s_t;  s <- s + d

Each round is one scan. One more from the solution carries the gradient, which there is that of the
frames one after the other. After n rounds the first n frames are right whatever f is; where gates
keep memories short, a few rounds suffice for all. Where they do not, the frames are computed one
after the other after all.

Source: Danieli et al. 2025, arXiv:2510.21450. Differs: rounds end when nothing is left to correct,
not after three; J is read from f by autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.frames import join_frames, split_frames
from edgernn.scans.linear import at_once, scan

Parts = tuple[Tensor, ...]
Cell = Callable[[Tensor, Parts], Parts]

ROUNDS = 30  # after which frames go one after the other; our choice
CLOSE = 32.0  # units in the last place: what is off by so few is solved


class Linearised(NamedTuple):
    """The states after a guess, and how each part of them follows each part before."""

    made: Parts
    slopes: list[Parts]


def recur(cell: Cell, given: Tensor, state: Sequence[Tensor]) -> tuple[Parts, Parts]:
    """Each frame's state, part by part, and the last; one frame as it is written.

    cell: (x, parts of a state) -> its parts after x, each unit by itself. It is called with one
    frame, (B, C) and (B, H), and with all of them, (B, T, C) and (B, T, H).

    Shapes: given (B, T, C), parts of the state (B, H) -> parts (B, T, H), parts (B, H).
    """
    parts = tuple(state)
    if at_once(given.shape[1]):
        every = _solved(cell, given, parts)
        if every is not None:
            return every, tuple(part[:, -1] for part in every)
    made = []
    for x in split_frames(given):
        parts = cell(x, parts)
        made.append(parts)
    return tuple(join_frames(part) for part in zip(*made, strict=True)), parts


def _solved(cell: Cell, given: Tensor, begin: Parts) -> Parts | None:
    """The states of all frames, with their gradient; None if they are not found."""
    fixed = tuple(part.detach() for part in begin)
    with torch.no_grad():
        none = tuple(torch.zeros_like(part).unsqueeze(1) for part in begin)
        every = cell(given, tuple(part.expand(-1, given.shape[1], -1) for part in none))
        for _ in range(ROUNDS):
            at = _linearised(cell, given, _before(fixed, every))
            size = max(1.0, *(float(part.abs().max()) for part in every))
            off = _less(at.made, every)
            far = max(float(part.abs().max()) for part in off)
            if not far < float("inf"):
                return None
            if far <= CLOSE * torch.finfo(given.dtype).eps * size:
                break
            every = _round(every, off, at.slopes, _less(fixed, fixed))
        else:
            return None
    off = _less(cell(given, _before(fixed, every)), every)
    return _round(every, off, at.slopes, _less(begin, fixed))


def _round(every: Parts, off: Parts, slopes: list[Parts], first: Parts) -> Parts:
    """One correction of all frames; first: of what lies before them. Its gradient is that of d."""
    if len(every) == 1:
        return (every[0] + scan(slopes[0][0], off[0], first[0]),)
    blocks = torch.stack([torch.stack(row, dim=-1) for row in slopes], dim=-2)
    d = scan(blocks, torch.stack(off, dim=-1), torch.stack(first, dim=-1))
    return tuple(part + change for part, change in zip(every, d.unbind(-1), strict=True))


def _linearised(cell: Cell, given: Tensor, before: Parts) -> Linearised:
    with torch.inference_mode(False), torch.enable_grad():
        inputs = tuple(_plain(part).requires_grad_() for part in before)
        made = cell(_plain(given), inputs)
        slopes = [torch.autograd.grad(part.sum(), inputs, retain_graph=True) for part in made]
    return Linearised(tuple(part.detach() for part in made), slopes)


def _plain(made: Tensor) -> Tensor:
    """Without its history; a copy of what was made under inference_mode, as gradients need one."""
    return (made.clone() if made.is_inference() else made).detach()


def _before(begin: Parts, every: Parts) -> Parts:
    """The state that each frame starts from."""
    pairs = zip(begin, every, strict=True)
    return tuple(torch.cat([first.unsqueeze(1), part[:, :-1]], dim=1) for first, part in pairs)


def _less(these: Parts, those: Parts) -> Parts:
    return tuple(a - b for a, b in zip(these, those, strict=True))
