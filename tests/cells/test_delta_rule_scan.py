"""The delta rule by chunks is the delta rule frame by frame, with gradients, whatever fades."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.scans.delta import CHUNK, chunks, delta_rule

B, HEADS, K, V = 2, 3, 6, 5


class Given(NamedTuple):
    """What `delta_rule` takes."""

    q: Tensor
    k: Tensor
    v: Tensor
    a: Tensor
    b: Tensor
    log_decay: Tensor | None
    state: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> Given:
        return Given(*(None if part is None else change(part) for part in self))  # type: ignore[arg-type]

    def run(self) -> tuple[Tensor, Tensor]:
        return delta_rule(self.q, self.k, self.v, self.log_decay, self.state, a=self.a, b=self.b)

    def tensors(self) -> list[Tensor]:
        return [part for part in self if part is not None]


def made(frames: int, fade: str, strength: float = 1.0) -> Given:
    """A delta rule on random unit keys, of which it writes some at random rates."""
    noise = torch.Generator().manual_seed(frames)

    def normal(width: int) -> Tensor:
        return torch.randn(B, frames, HEADS, width, dtype=torch.float64, generator=noise)

    k, rate = F.normalize(normal(K), dim=-1), normal(1).sigmoid()
    log_w = {"channel": normal(K), "head": normal(1), "none": None}[fade]
    log_w = None if log_w is None else -strength * log_w.abs()
    s = torch.randn(B, HEADS, K, V, dtype=torch.float64, generator=noise)
    return Given(normal(K), rate * k, normal(V), k, -rate * k, log_w, s)


def naive(given: Given) -> tuple[Tensor, Tensor]:
    """As papers write it: S of values by keys, a whole transition matrix a frame."""
    s, ys = given.state.transpose(-1, -2), []
    for t in range(given.q.shape[1]):
        q, k, v, a, b = (part[:, t, :, None] for part in given[:5])
        w = torch.ones_like(q) if given.log_decay is None else given.log_decay[:, t, :, None].exp()
        turn = torch.diag_embed(w.expand_as(q).squeeze(-2)) + a.transpose(-1, -2) @ b
        s = s @ turn + v.transpose(-1, -2) @ k
        ys.append((s @ q.transpose(-1, -2)).squeeze(-1))
    return torch.stack(ys, dim=1), s.transpose(-1, -2)


def gradients(of: tuple[Tensor, Tensor], given: Given) -> list[Tensor]:
    return list(torch.autograd.grad(of[0].sin().sum() + of[1].cos().sum(), given.tensors()))


@pytest.mark.parametrize("fade", ["none", "head", "channel"])
@pytest.mark.parametrize("frames", [1, 2, 5, CHUNK, CHUNK + 1, 3 * CHUNK - 2])
def test_chunks_are_the_loop_with_gradients(frames: int, fade: str) -> None:
    given = made(frames, fade).each(lambda part: part.requires_grad_())
    want, got = naive(given), given.run()
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)
    for a, b in zip(gradients(got, given), gradients(want, given), strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 64])
def test_the_size_of_chunks_changes_nothing(size: int) -> None:
    given = made(45, "channel")
    got = chunks(given[:5], given.log_decay, given.state, size)
    for a, b in zip(got, naive(given), strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)


def test_a_state_goes_on_from_chunk_to_chunk() -> None:
    given = made(50, "channel")
    (want, last), s, ys = given.run(), given.state, []
    for begin, end in pairwise([0, 1, 4, 30, 31, 50]):
        part = given.each(lambda part, at=slice(begin, end): part[:, at])._replace(state=s)
        y, s = part.run()
        ys.append(y)
    torch.testing.assert_close(torch.cat(ys, dim=1), want)
    torch.testing.assert_close(s, last)


@pytest.mark.parametrize("strength", [300.0, float("inf")])
def test_what_fades_to_nothing_within_a_frame_overflows_nowhere(strength: float) -> None:
    """exp(300) is no float32: no quotient of running products would hold."""
    given = made(64, "channel", strength)
    narrow = given.each(lambda part: part.float().requires_grad_())
    y, last = narrow.run()
    torch.testing.assert_close(y.double(), naive(given)[0], atol=1e-4, rtol=1e-4)
    assert all(g.isfinite().all() for g in gradients((y, last), narrow))


def test_a_long_stream_of_unit_keys_stays_as_exact_as_the_loop() -> None:
    given = made(2000, "none")
    y, _ = given.each(lambda part: part.float()).run()
    want, _ = naive(given)
    assert float((y - want).abs().max() / want.abs().max()) < 1e-5
