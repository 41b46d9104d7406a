"""The parallel linear recurrence is the loop that it replaces: numbers, gradients, extremes."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
import torch
from torch import Tensor

import edgernn.cells
from edgernn.scans.linear import Complex, recur, recur_complex, scan
from edgernn.state import named_leaves
from edgernn.streaming import Example, Streaming

FRAMES = 150  # more than two chunks, and no power of two


def loop(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    hs = []
    for t in range(b.shape[1]):
        h = a[:, t] * h + b[:, t]
        hs.append(h)
    return torch.stack(hs, dim=1)


def draw(frames: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(frames)
    a, b = torch.randn(2, 2, frames, 3, dtype=dtype, generator=random)
    h = torch.randn(2, 3, dtype=dtype, generator=random)
    return a.requires_grad_(), b.requires_grad_(), h.requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=["real", "complex"])
@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8, 13, 16])
def test_the_scan_is_the_loop_and_so_is_its_gradient(frames: int, dtype: torch.dtype) -> None:
    given = draw(frames, dtype)
    torch.testing.assert_close(scan(*given), loop(*given), atol=1e-12, rtol=1e-12)
    assert torch.autograd.gradcheck(scan, given)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=["real", "complex"])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_scan_of_blocks_is_its_loop_and_so_is_its_gradient(
    frames: int, dtype: torch.dtype
) -> None:
    random = torch.Generator().manual_seed(frames)
    a = torch.randn(1, frames, 2, 3, 3, dtype=dtype, generator=random).requires_grad_()
    b = torch.randn(1, frames, 2, 3, dtype=dtype, generator=random).requires_grad_()
    h = torch.randn(1, 2, 3, dtype=dtype, generator=random).requires_grad_()
    want, last = [], h
    for t in range(frames):
        last = torch.einsum("bnij,bnj->bni", a[:, t], last) + b[:, t]
        want.append(last)
    torch.testing.assert_close(scan(a, b, h), torch.stack(want, dim=1), atol=1e-12, rtol=1e-12)
    assert torch.autograd.gradcheck(scan, (a, b, h))
    torch.testing.assert_close(recur(a[:, :1], b[:, :1], h)[1], want[0])


def test_an_a_of_all_frames_gets_its_whole_gradient() -> None:
    _, b, h = draw(9, torch.float64)
    a = torch.tensor([0.5, -0.9, 0.0], dtype=torch.float64, requires_grad=True)
    (got,) = torch.autograd.grad(scan(a, b, h).square().sum(), a)
    (want,) = torch.autograd.grad(loop(a.expand_as(b), b, h).square().sum(), a)
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("size", [0.0, 1e-30, 0.5, 1.0])
def test_products_that_vanish_harm_nothing(size: float) -> None:
    """Over 4000 frames in float32: a form that divides by products of a gives NaN here."""
    b = torch.randn(1, 4000, 4, generator=torch.Generator().manual_seed(0))
    a = torch.full_like(b, size).requires_grad_()
    got, h = scan(a, b, b[:, 0]), b[:, 0].double()
    torch.testing.assert_close(got.double(), loop(a.double(), b.double(), h), atol=1e-3, rtol=1e-4)
    got.sum().backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_one_frame_and_many_recur_alike() -> None:
    a, b, h = draw(7, torch.complex128)
    many, last = recur(a, b, h)
    one = h
    for t in range(7):
        y, one = recur(a[:, t : t + 1], b[:, t : t + 1], one)
        torch.testing.assert_close(y[:, 0], many[:, t])
    torch.testing.assert_close(one, last)
    pairs = [Complex(part.real, part.imag) for part in (a, b, h)]
    both, after = recur_complex(*pairs)
    torch.testing.assert_close(torch.complex(*both), many)
    first, _ = recur_complex(*(Complex(p.re[:, :1], p.im[:, :1]) for p in pairs[:2]), pairs[2])
    torch.testing.assert_close(torch.complex(*first), many[:, :1])
    torch.testing.assert_close(torch.complex(*after), last)


def parallel() -> dict[str, Example]:
    """The examples of every cell that computes many frames at once."""
    names = [m.name for m in pkgutil.iter_modules(edgernn.cells.__path__)]
    found = {}
    for name in names:
        for kind, example in importlib.import_module(f"edgernn.cells.{name}").EXAMPLES.items():
            if example.build().parallel:
                found[f"{name}-{kind}"] = example
    return found


def through(cell: Streaming, x: Tensor, size: int) -> dict[str, Tensor]:
    """Output, last state and gradients, stepped in chunks of this size."""
    x, state, ys = x.clone().requires_grad_(), cell.initial_state(x.shape[0]), []
    for part in torch.split(x, size, dim=1):
        y, state = cell.step(part, state)
        ys.append(y)
    y = torch.cat(ys, dim=1)
    weigh = torch.randn(y.shape, generator=torch.Generator().manual_seed(2), dtype=y.dtype)
    inputs: dict[str, Any] = {"x": x, **dict(cell.named_parameters())}
    found = torch.autograd.grad((y * weigh).sum(), [*inputs.values()])
    gradients = {f"gradient of {n}": g for n, g in zip(inputs, found, strict=True)}
    return {"y": y, **named_leaves(state), **gradients}


@pytest.mark.parametrize("name", parallel())
def test_the_parallel_form_of_a_cell_is_its_sequential_one(name: str) -> None:
    torch.manual_seed(0)
    example = parallel()[name]
    cell = example.build().double().eval()  # what is drawn in training differs
    block = cell.timing.block
    x = torch.randn(2, FRAMES // block * block, example.channels, dtype=torch.float64)
    at_once, one_by_one = through(cell, x, x.shape[1]), through(cell, x, block)
    assert list(at_once) == list(one_by_one)
    for what, value in at_once.items():
        torch.testing.assert_close(value, one_by_one[what], atol=1e-9, rtol=1e-9, msg=what)
