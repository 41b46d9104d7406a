"""Rotary positions: pairs of channels turn with time, so that products tell how far apart."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.scans.linear import at_once
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class RotaryState(NamedTuple):
    """How far the next frame is turned: the cosine and sine of each angle."""

    cos: Tensor  # (B, width / 2)
    sin: Tensor  # (B, width / 2)


class Rotary(Streaming):
    """Each of `heads` rows of channels, its halves taken as complex numbers, times exp(i t theta).

        y[t] = (a cos - b sin, a sin + b cos);  theta_k = 10000^(-2k / width)

    a, b: the halves of a head. The state is turned by theta a frame and kept at length 1, so that
    a stream has no end: what products of two frames see is the turn between them alone.

    Shapes: x (B, T, heads * width) -> y of the same; state cos, sin (B, width / 2).
    Raises: ShapeError for no heads, an odd width, or x of another width.
    Source: Su et al. 2021, arXiv:2104.09864. Differs: pairs are a channel of each half.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        if heads < 1 or width < 2 or width % 2:
            raise ShapeError(f"Rotary: {heads} heads of {width}; need at least 1 of an even width")
        self.heads, self.width = heads, width
        theta = 10_000.0 ** (-2 * torch.arange(width / 2) / width)
        self.register_buffer("cos", torch.cos(theta))
        self.register_buffer("sin", torch.sin(theta))

    def initial_state(self, batch: int) -> State:
        zeros = self.new_zeros(batch, self.width // 2)
        return RotaryState(torch.ones_like(zeros), zeros)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.heads * self.width)
        frames, half = x.shape[1], self.width // 2
        if at_once(frames):
            angle = self._angles(frames + 1)
            cos, sin = _turned(state.cos[:, None], state.sin[:, None], angle.cos(), angle.sin())
            cos, sin = cos.to(x.dtype), sin.to(x.dtype)
            after = RotaryState(*_kept(cos[:, -1], sin[:, -1]))
            cos, sin = cos[:, :-1], sin[:, :-1]
        else:
            turns = [state]
            for _ in range(frames):
                turn = _turned(turns[-1].cos, turns[-1].sin, self.cos, self.sin)
                turns.append(RotaryState(*_kept(*turn)))
            after = turns.pop()
            cos, sin = (torch.stack(parts, dim=1) for parts in zip(*turns, strict=True))
        cos, sin = cos[:, :, None], sin[:, :, None]
        halves = x.reshape(*x.shape[:2], self.heads, self.width)
        a, b = halves[..., :half], halves[..., half:]
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1).reshape(x.shape), after

    def _angles(self, frames: int) -> Tensor:
        """What so many frames are turned by, (frames, width / 2).

        In double, and of theta as its cosine and sine are rounded, for these add up as well.
        """
        theta = torch.atan2(self.sin.double(), self.cos.double())
        return theta * torch.arange(frames, device=theta.device)[:, None]


def _turned(cos: Tensor, sin: Tensor, by_cos: Tensor, by_sin: Tensor) -> tuple[Tensor, Tensor]:
    return cos * by_cos - sin * by_sin, cos * by_sin + sin * by_cos


def _kept(cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """At length 1, to which this is one step of Newton's."""
    factor = 1.5 - 0.5 * (cos * cos + sin * sin)
    return cos * factor, sin * factor


EXAMPLES = {
    "rotary": Example(lambda: Rotary(2, 4)),
    "one_pair": Example(lambda: Rotary(4, 2)),
}
