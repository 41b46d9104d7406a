"""The linear recurrence h_t = a_t h_{t-1} + b_t, by elements or by blocks, over whole chunks.

Where a has one axis more than b it holds square blocks, each of which multiplies the vectors of
h's last axis; where not, it multiplies element by element.

Pairs of frames are joined to one frame each, the recurrence of half as many frames is solved the
same way, and the frames in between follow from it: O(T) work, O(log T) operations one after the
other. All is sums and products of the a and b themselves; nothing is divided by a product that may
vanish. The gradient is such a recurrence too, run backwards in time.

Source: Blelloch 1990, Prefix sums and their applications; the gradient: Martin and Cundy 2018,
arXiv:1709.04057.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from edgernn.frames import join_frames, split_frames


class Complex(NamedTuple):
    """Two real tensors of one shape; the steps that run on devices have no complex numbers."""

    re: Tensor
    im: Tensor

    def __mul__(self, other: Complex) -> Complex:  # type: ignore[override]
        return Complex(
            self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re
        )

    def real_of_product(self, other: Complex) -> Tensor:
        return self.re * other.re - self.im * other.im


def _after(a: Tensor, h: Tensor, b: Tensor) -> Tensor:
    """That is a h + b."""
    if a.dim() == b.dim():
        return torch.addcmul(b, a, h)
    return b + torch.matmul(a, h.unsqueeze(-1)).squeeze(-1)


def _solved(a: Tensor, b: Tensor) -> Tensor:
    """Each frame's h, from h_0 = b_0 on; real or complex a and b (B, T, ...)."""
    if b.shape[1] == 1:
        return b
    frames = b.shape[1]
    early, late = slice(0, frames - 1, 2), slice(1, frames, 2)
    both = a[:, late] * a[:, early] if a.dim() == b.dim() else a[:, late] @ a[:, early]
    h = torch.empty_like(b)
    h[:, late] = odd = _solved(both, _after(a[:, late], b[:, early], b[:, late]))
    h[:, 0] = b[:, 0]
    rest = slice(2, frames, 2)
    h[:, rest] = _after(a[:, rest], odd[:, : (frames - 1) // 2], b[:, rest])
    return h


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, h: Tensor) -> Tensor:
        first = _after(a[:, :1], h.unsqueeze(1), b[:, :1])
        hs = _solved(a, torch.cat([first, b[:, 1:]], dim=1))
        ctx.save_for_backward(a, h, hs)
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, h, hs = ctx.saved_tensors
        blocks = a.dim() > dy.dim()
        a = (a.mH if blocks else a.conj()).resolve_conj()
        later = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], dim=1)
        db = _solved(later.flip(1), dy.flip(1)).flip(1)
        before = torch.cat([h.unsqueeze(1), hs[:, :-1]], dim=1).conj()
        da = db.unsqueeze(-1) * before.unsqueeze(-2) if blocks else db * before
        return da, db, _after(a[:, 0], db[:, 0], torch.zeros_like(h))


def scan(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """Each frame's h: real or complex a and b (B, T, ...), h before the first (B, ...).

    Axes of a may be left out or of size 1 where they are all the same. Blocks: a (B, T, ..., N, N),
    with all its axes.
    """
    given = a if a.dim() > b.dim() else a.expand_as(b)
    made: Tensor = _Scan.apply(given, b, h)  # type: ignore[no-untyped-call]
    return made


def at_once(frames: int) -> bool:
    """Whether so many frames are computed at once: not where a step is captured as plain ops."""
    return frames > 1 and not torch.compiler.is_exporting()


def recur(a: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Each frame's h, and the last: a and b (B, T, ...), h (B, ...); one frame as it is written.

    Blocks: a (B, T, ..., N, N).
    """
    if at_once(b.shape[1]):
        hs = scan(a, b, h)
        return hs, hs[:, -1]
    made = []
    for fade, new in zip(split_frames(a), split_frames(b), strict=True):
        h = fade * h + new if fade.dim() == new.dim() else _after(fade, h, new)
        made.append(h)
    return join_frames(made), h


def recur_complex(a: Complex, b: Complex, h: Complex) -> tuple[Complex, Complex]:
    """The same of complex numbers. Parts of a may be (C,), those of all frames."""
    if at_once(b.re.shape[1]):
        hs = scan(torch.complex(*a), torch.complex(*b), torch.complex(*h))
        return Complex(hs.real, hs.imag), Complex(hs.real[:, -1], hs.imag[:, -1])
    made = []
    for t, new in enumerate(zip(*(split_frames(part) for part in b), strict=True)):
        fade = a if a.re.dim() == 1 else Complex(a.re[:, t], a.im[:, t])
        h = fade * h
        h = Complex(h.re + new[0], h.im + new[1])
        made.append(h)
    re, im = (join_frames(parts) for parts in zip(*made, strict=True))
    return Complex(re, im), h
