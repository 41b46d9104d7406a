"""Linear attention in chunks is the loop that it replaces: numbers, gradients, extremes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from edgernn.scans.chunkwise import CHUNK, linear_attention

B, H, K, V = 2, 3, 4, 5
DECAYS = {  # axes of log_decay: batch, frames, heads, channels
    "constant": (1, 1, H, 1),
    "constant_of_channels": (1, 1, H, K),
    "scalar": (B, -1, H, 1),
    "channels": (B, -1, H, K),
    "channels_alike_in_heads": (B, -1, 1, K),
}


def loop(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, state: Tensor, bonus: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    fade, ys = log_decay.exp().expand(q.shape[0], q.shape[1], H, K), []
    for t in range(q.shape[1]):
        new = torch.einsum("bhk,bhv->bhkv", k[:, t], v[:, t])
        after = fade[:, t, :, :, None] * state + new
        read = after if bonus is None else state + bonus[:, :, None] * new
        ys.append(torch.einsum("bhk,bhkv->bhv", q[:, t], read))
        state = after
    return torch.stack(ys, dim=1), state


def draw(frames: int, kind: str, *, bonus: bool = False) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(frames)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=random)

    shape = [frames if n < 0 else n for n in DECAYS[kind]]
    given = {name: normal(B, frames, H, n) for name, n in (("q", K), ("k", K), ("v", V))}
    given |= {"log_decay": -normal(*shape).exp(), "state": normal(B, H, K, V)}
    given |= {"bonus": normal(H, K)} if bonus else {}
    return {name: value.requires_grad_() for name, value in given.items()}


def agree(got: Any, want: Any, inputs: list[Tensor], tolerance: float = 1e-10) -> None:
    weights = [torch.randn_like(part.detach()) for part in want]
    gradients: list[Any] = []
    for each in (got, want):
        loss = sum((part * weight).sum() for part, weight in zip(each, weights, strict=True))
        gradients.append(torch.autograd.grad(loss, inputs))
    for a, b in [*zip(got, want, strict=True), *zip(*gradients, strict=True)]:
        torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("bonus", [False, True], ids=["plain", "bonus"])
@pytest.mark.parametrize("kind", DECAYS)
@pytest.mark.parametrize("frames", [1, 2, 3, 16, 33, 4 * CHUNK + 5])
def test_chunks_are_the_loop_and_so_are_their_gradients(
    frames: int, kind: str, bonus: bool
) -> None:
    given = draw(frames, kind, bonus=bonus)
    agree(linear_attention(**given), loop(**given), [*given.values()])


@pytest.mark.parametrize("kind", ["scalar", "channels"])
def test_the_state_goes_from_one_chunk_to_the_next(kind: str) -> None:
    given = draw(50, kind, bonus=True)
    whole, last = linear_attention(**given)
    state, ys = given["state"], []
    for at in range(0, 50, 7):
        part = {name: given[name][:, at : at + 7] for name in ("q", "k", "v", "log_decay")}
        y, state = linear_attention(**part, state=state, bonus=given["bonus"])
        ys.append(y)
    torch.testing.assert_close(torch.cat(ys, dim=1), whole)
    torch.testing.assert_close(state, last)


@pytest.mark.parametrize("size", [-1e-7, -0.5, -90.0, -1e30, float("-inf")])
@pytest.mark.parametrize("kind", ["scalar", "channels"])
def test_decays_that_keep_all_or_nothing_harm_nothing(kind: str, size: float) -> None:
    """In float32, every third frame forgets so: a form that divides by decays gives NaN here."""
    frames = 300
    given = {name: value.detach() for name, value in draw(frames, kind, bonus=True).items()}
    given["log_decay"][:, ::3] = size
    singles = {name: value.float().requires_grad_() for name, value in given.items()}
    got, _ = linear_attention(**singles)
    want, _ = loop(**{name: value.detach().double() for name, value in singles.items()})
    scale = float(want.abs().max())
    torch.testing.assert_close(got.double(), want, atol=3e-6 * scale, rtol=1e-5)
    got.sum().backward()
    assert all(value.grad.isfinite().all() for value in singles.values())


@pytest.mark.parametrize("kind", ["scalar", "channels"])
def test_strong_decays_do_not_blur_weak_ones_beside_them(kind: str) -> None:
    """A difference of running sums would keep 4 digits of these decays; sums of segments all."""
    given = {name: value.detach().float() for name, value in draw(64, kind).items()}
    given["log_decay"] = torch.full_like(given["log_decay"], -1e-3)
    given["log_decay"][:, 1] = -3e4
    got, _ = linear_attention(**given)
    want, _ = loop(**{name: value.double() for name, value in given.items()})
    torch.testing.assert_close(got.double(), want, atol=1e-5, rtol=1e-5)
