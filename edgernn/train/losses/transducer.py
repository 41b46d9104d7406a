"""The transducer's loss: minus the log-likelihood of a label sequence, summed over alignments.

Two lattices. In the standard one (Graves 2012, arXiv:1211.3711) a blank moves on by a frame and a
label by none, so that a frame may emit any number of labels. In the monotonic one (Tripathi et al.
2019, "Monotonic recurrent neural network transducer and decoding strategies") a label consumes its
frame too, so that a frame emits at most one.

Both are swept in steps that depend on the step before alone: a frame of the monotonic lattice, an
anti-diagonal of the standard one (Bagby et al. 2018). The gradient goes straight to the logits,
so that no log-softmax of their size is kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ShapeError

NEVER = float("-inf")


def transducer_loss(
    logits: Tensor,
    targets: Tensor,
    frames: Tensor,
    labels: Tensor,
    *,
    monotonic: bool = False,
    blank: int = 0,
) -> Tensor:
    """Minus the natural log of the likelihood of each target, (B,).

    logits: of the joiner, before any softmax. targets: what is beyond `labels` is not read.
    frames, labels: how many of each row count. blank: the class that emits nothing.

    Shapes: logits (B, T, U + 1, V), targets (B, U), frames (B,), labels (B,).
    Raises: ShapeError for other shapes, lengths or labels that do not fit, and for a row that the
        monotonic lattice has no path for, since it has more labels than frames.
    """
    _check(logits, targets, frames, labels, monotonic, blank)
    targets = torch.where(_within(labels, targets.shape[1]), targets, blank)
    loss: Tensor = _Transducer.apply(logits, targets, frames, labels, monotonic, blank)  # type: ignore[no-untyped-call]
    return loss


def _check(
    logits: Tensor, targets: Tensor, frames: Tensor, labels: Tensor, monotonic: bool, blank: int
) -> None:
    if logits.dim() != 4 or 0 in logits.shape:
        raise ShapeError(f"transducer_loss: logits {tuple(logits.shape)}; need (B, T, U + 1, V)")
    batch, time, places, classes = logits.shape
    wanted = {"targets": (batch, places - 1), "frames": (batch,), "labels": (batch,)}
    for (name, shape), tensor in zip(wanted.items(), (targets, frames, labels), strict=True):
        if tuple(tensor.shape) != shape:
            raise ShapeError(
                f"transducer_loss: {name} {tuple(tensor.shape)} beside logits "
                f"{tuple(logits.shape)}; need {shape}"
            )
    if not 0 <= blank < classes:
        raise ShapeError(f"transducer_loss: blank {blank} is none of the {classes} classes")
    for name, lengths, least, most in (
        ("frames", frames, 1, time),
        ("labels", labels, 0, places - 1),
    ):
        wrong = (lengths < least) | (lengths > most)
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise ShapeError(
                f"transducer_loss: row {row} has {int(lengths[row])} {name}; need {least} to {most}"
            )
    counts = _within(labels, places - 1)
    wrong = counts & ((targets < 0) | (targets >= classes) | (targets == blank))
    if bool(wrong.any()):
        row, at = (int(i) for i in wrong.nonzero()[0])
        raise ShapeError(
            f"transducer_loss: row {row}, label {at} is {int(targets[row, at])}; need 0 to "
            f"{classes - 1} without the blank, {blank}"
        )
    if monotonic and bool((labels > frames).any()):
        row = int((labels > frames).nonzero()[0])
        raise ShapeError(
            f"transducer_loss: row {row} has {int(labels[row])} labels and {int(frames[row])} "
            "frames; the monotonic lattice emits one a frame at most"
        )


def _within(lengths: Tensor, most: int) -> Tensor:
    """(B, most): which places of each row lie below its length."""
    return torch.arange(most, device=lengths.device) < lengths[:, None]


class _Transducer(torch.autograd.Function):
    """Forward and backward variables, and from them the gradient of each logit."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        targets: Tensor,
        frames: Tensor,
        labels: Tensor,
        monotonic: bool,
        blank: int,
    ) -> Tensor:
        normalizer = logits.logsumexp(-1)
        classes = F.pad(targets, (0, 1), value=blank)[:, None, :, None]
        stay = logits[..., blank] - normalizer
        move = logits.gather(3, classes.expand(-1, logits.shape[1], -1, 1))[..., 0] - normalizer
        time, places = stay.shape[1:]
        counts = _within(frames, time)[:, :, None]
        stay = stay.where(counts & _within(labels + 1, places)[:, None], NEVER)
        move = move.where(counts & _within(labels, places)[:, None], NEVER)
        last = frames if monotonic else frames + labels
        if not monotonic:
            stay, move = _skewed(stay), _skewed(move)
        stay, move = stay.transpose(0, 1), move.transpose(0, 1)  # (sweeps, B, places)
        ahead = _ahead(stay, move)
        rows = torch.arange(len(labels), device=labels.device)
        total = ahead[last, rows, labels]
        if ctx.needs_input_grad[0]:
            behind = _behind(stay, move, last, labels)
            stayed = (ahead[:-1] + stay + behind[1:] - total[:, None]).exp()
            moved = (ahead[:-1] + move + F.pad(behind[1:, :, 1:], (0, 1), value=NEVER)) - total[
                :, None
            ]
            stayed, moved = stayed.transpose(0, 1), moved.exp().transpose(0, 1)
            if not monotonic:
                stayed, moved = _straight(stayed, time), _straight(moved, time)
            ctx.save_for_backward(logits, normalizer, classes, stayed, moved)
            ctx.blank = blank
        return -total

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        logits, normalizer, classes, stayed, moved = ctx.saved_tensors
        grad = (logits - normalizer[..., None]).exp_().mul_((stayed + moved)[..., None])
        grad[..., ctx.blank] -= stayed
        grad.scatter_add_(3, classes.expand(-1, logits.shape[1], -1, 1), -moved[..., None])
        return grad.mul_(outer[0][:, None, None, None]), None, None, None, None, None


def _skewed(x: Tensor) -> Tensor:
    """(B, T, P) -> (B, T + P - 1, P): each place a row later than the one before, NEVER around.

    Rows of a matrix that is read with rows one shorter move by one.
    """
    batch, time, places = x.shape
    sweeps = time + places - 1
    flat = F.pad(x.transpose(1, 2), (0, sweeps + 1 - time), value=NEVER).flatten(1)
    return flat[:, : places * sweeps].reshape(batch, places, sweeps).transpose(1, 2)


def _straight(x: Tensor, time: int) -> Tensor:
    """The inverse of `_skewed`."""
    batch, sweeps, places = x.shape
    flat = F.pad(x.transpose(1, 2).flatten(1), (0, places))
    return flat.reshape(batch, places, sweeps + 1)[:, :, :time].transpose(1, 2)


def _ahead(stay: Tensor, move: Tensor) -> Tensor:
    """Log-likelihood of all paths to each node: (sweeps + 1, B, places)."""
    sweeps, batch, places = stay.shape
    found = stay.new_full((sweeps + 1, batch, places), NEVER)
    found[0, :, 0] = 0.0
    for at in range(sweeps):
        torch.add(found[at], stay[at], out=found[at + 1])
        moved = found[at, :, :-1] + move[at, :, :-1]
        torch.logaddexp(found[at + 1, :, 1:], moved, out=found[at + 1, :, 1:])
    return found


def _behind(stay: Tensor, move: Tensor, last: Tensor, labels: Tensor) -> Tensor:
    """Log-likelihood of all paths from each node to its row's end: (sweeps + 1, B, places)."""
    sweeps, batch, places = stay.shape
    found = stay.new_full((sweeps + 1, batch, places), NEVER)
    found[last, torch.arange(batch, device=last.device), labels] = 0.0
    for at in reversed(range(sweeps)):
        onward = found[at + 1] + stay[at]
        moved = found[at + 1, :, 1:] + move[at, :, :-1]
        onward[:, :-1] = torch.logaddexp(onward[:, :-1], moved)
        torch.maximum(found[at], onward, out=found[at])  # an end has no way on
    return found
