"""The transducer's loss: every path counted one by one, gradients checked, an oracle, bad input."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.train.losses.transducer import transducer_loss

FRAMES, LABELS = [5, 4, 3, 3], [3, 1, 0, 3]


def example() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows of several lengths; what lies beyond a row's labels is no class at all."""
    torch.manual_seed(0)
    logits = 2 * torch.randn(4, 5, 4, 6, dtype=torch.double)
    targets = torch.randint(1, 6, (4, 3))
    frames, labels = torch.tensor(FRAMES), torch.tensor(LABELS)
    targets[torch.arange(3) >= labels[:, None]] = -7
    return logits, targets, frames, labels


def paths(
    log_probs: Tensor, target: list[int], frames: int, monotonic: bool, t: int = 0, u: int = 0
) -> Iterator[float]:
    """The log-likelihood of each path from (t, u) to the end."""
    if t == frames:
        if u == len(target):
            yield 0.0
        return
    blank = float(log_probs[t, u, 0])
    yield from (blank + rest for rest in paths(log_probs, target, frames, monotonic, t + 1, u))
    if u < len(target):
        label = float(log_probs[t, u, target[u]])
        after = t + 1 if monotonic else t
        yield from (
            label + rest for rest in paths(log_probs, target, frames, monotonic, after, u + 1)
        )


@pytest.mark.parametrize("monotonic", [False, True])
def test_it_is_the_sum_over_all_paths(monotonic: bool) -> None:
    logits, targets, frames, labels = example()
    loss = transducer_loss(logits, targets, frames, labels, monotonic=monotonic)
    log_probs = logits.log_softmax(-1)
    for row, (count, length) in enumerate(zip(FRAMES, LABELS, strict=True)):
        target = targets[row, :length].tolist()
        each = list(paths(log_probs[row], target, count, monotonic))
        wanted = math.comb(count, length) if monotonic else math.comb(count + length - 1, length)
        assert len(each) == wanted
        assert float(loss[row]) == pytest.approx(-math.log(sum(map(math.exp, each))), rel=1e-12)


@pytest.mark.parametrize("monotonic", [False, True])
def test_gradients(monotonic: bool) -> None:
    logits, *others = example()

    def loss(x: Tensor) -> Tensor:
        return transducer_loss(x, *others, monotonic=monotonic)

    assert torch.autograd.gradcheck(loss, (logits.requires_grad_(),))
    loss(logits).sum().backward()
    assert logits.grad is not None
    assert float(logits.grad.sum(-1).abs().max()) < 1e-12  # adding a constant changes nothing
    assert not logits.grad[1, 4:].any(), "beyond the frames"
    assert not logits.grad[1, :, 2:].any(), "beyond the labels"


@pytest.mark.parametrize("monotonic", [False, True])
def test_padding_changes_nothing(monotonic: bool) -> None:
    logits, targets, frames, labels = example()
    loss = transducer_loss(logits, targets, frames, labels, monotonic=monotonic)
    alone = [
        transducer_loss(
            logits[i : i + 1, :count, : length + 1],
            targets[i : i + 1, :length],
            frames[i : i + 1],
            labels[i : i + 1],
            monotonic=monotonic,
        )
        for i, (count, length) in enumerate(zip(FRAMES, LABELS, strict=True))
    ]
    torch.testing.assert_close(loss, torch.cat(alone))


def test_long_rows_stay_finite_in_float32() -> None:
    torch.manual_seed(1)
    logits = (30 * torch.randn(2, 400, 61, 20)).requires_grad_()
    targets, frames = torch.randint(1, 20, (2, 60)), torch.tensor([400, 390])
    loss = transducer_loss(logits, targets, frames, torch.tensor([60, 3]))
    loss.sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    double = transducer_loss(logits.detach().double(), targets, frames, torch.tensor([60, 3]))
    torch.testing.assert_close(loss.detach().double(), double, rtol=1e-5, atol=0)


def test_another_class_may_be_the_blank() -> None:
    logits, targets, frames, labels = example()
    rolled = logits.roll(-1, -1)  # class 0 becomes the last
    wanted = transducer_loss(logits, targets, frames, labels)
    torch.testing.assert_close(
        transducer_loss(rolled, targets - 1, frames, labels, blank=5), wanted
    )


def test_it_agrees_with_warprnnt_numba() -> None:
    """Peer of another make; the standard lattice."""
    numba = pytest.importorskip("warprnnt_numba")
    torch.manual_seed(2)
    logits = torch.randn(2, 12, 5, 7)
    targets, frames = torch.randint(1, 7, (2, 4)), torch.tensor([12, 9])
    labels = torch.tensor([4, 2])
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = transducer_loss(ours, targets, frames, labels)
    loss.sum().backward()
    peer = numba.RNNTLossNumba(blank=0, reduction="none")
    other = peer(theirs, targets.int(), frames.int(), labels.int())
    other.sum().backward()
    torch.testing.assert_close(loss.detach(), other.detach().view(-1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-4)


def test_bad_input_is_named() -> None:
    logits, targets, frames, labels = example()

    def refused(
        message: str,
        logits: Tensor = logits,
        targets: Tensor = targets,
        frames: Tensor = frames,
        labels: Tensor = labels,
        monotonic: bool = False,
        blank: int = 0,
    ) -> None:
        with pytest.raises(ShapeError, match=message):
            transducer_loss(logits, targets, frames, labels, monotonic=monotonic, blank=blank)

    refused(r"logits \(5, 4, 6\); need \(B, T, U \+ 1, V\)", logits=logits[0])
    refused(r"targets \(4, 2\) beside logits \(4, 5, 4, 6\); need \(4, 3\)", targets=targets[:, :2])
    refused(r"frames \(3,\)", frames=frames[:3])
    refused("row 1 has 6 frames; need 1 to 5", frames=torch.tensor([5, 6, 3, 3]))
    refused("row 2 has 0 frames", frames=torch.tensor([5, 4, 0, 3]))
    refused("row 0 has 4 labels; need 0 to 3", labels=torch.tensor([4, 1, 0, 3]))
    refused("blank 6 is none of the 6 classes", blank=6)
    wrong = targets.clone()
    wrong[1, 0] = 0
    refused("row 1, label 0 is 0; need 0 to 5 without the blank, 0", targets=wrong)
    refused(
        "row 3 has 3 labels and 2 frames; the monotonic lattice",
        frames=torch.tensor([5, 4, 3, 2]),
        monotonic=True,
    )
