"""Smoothed labels: a part of what is wanted goes to labels that are like the right one.

    target(y) = (1 - alpha) [y = y*] + alpha r(y | y*)
    r(y | y*) ~ exp(cos(v_y, v_y*) / tau - beta min(f_y / f_y*, f_y* / f_y)) / P(y),  sum_y r = 1

v: vectors by which labels are compared; f: frequencies; P(y): how likely y is among the labels that
a batch is told of, 1 if these are all. By P a sum over those drawn stands for one over all.

The cross-entropy with it is, but for a constant, (1 - alpha) of that with y* and alpha of the
divergence of r from what the network says. Without vectors and beta it is label smoothing
(Szegedy et al. 2016, arXiv:1512.00567).

Source: Elbayad, Besacier and Verbeek 2018, arXiv:1805.05062, token-level smoothing; beta stands
outside of tau as in the authors' code. Differs: P, since they have a softmax over all labels; any
vectors, where they have GloVe's and (1 + cos) / 2, so that their tau is half of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.train.recipe import RecipeError


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How labels are smoothed. alpha: the part that others get, in [0, 1); temperature: tau.

    rarity: beta, against labels about as frequent as the right one.
    vectors: those by which labels are compared, as a task knows them; none if empty.
    """

    alpha: float = 0.1
    temperature: float = 1.0
    rarity: float = 0.0
    vectors: str = ""

    def __post_init__(self) -> None:
        for name, fits, need in (
            ("alpha", 0 <= self.alpha < 1, "at least 0 and below 1"),
            ("temperature", self.temperature > 0, "more than 0"),
            ("rarity", self.rarity >= 0, "at least 0"),
        ):
            if not fits:
                raise RecipeError(f"smoothing: {name} is {getattr(self, name)}; need {need}")


class Labels(NamedTuple):
    """The labels that a batch is told of, (C, ...).

    vectors: (C, D) of length 1, or None; shares: how frequent each is; likely: log P, or None.
    """

    shares: Tensor
    vectors: Tensor | None = None
    likely: Tensor | None = None


def smoothed(wanted: Tensor, labels: Labels, how: Smoothing) -> Tensor:
    """The target of each question, (N, C). wanted: the right one's place among the labels, (N,)."""
    right, back = torch.unique(wanted, return_inverse=True)
    shares = labels.shares
    scores = shares.new_zeros(len(right), len(shares))
    if labels.vectors is not None:
        scores = labels.vectors[right] @ labels.vectors.T / how.temperature
    if how.rarity:
        ratio = shares / shares[right, None]
        scores = scores - how.rarity * torch.minimum(ratio, 1 / ratio)
    if labels.likely is not None:
        scores = scores - labels.likely
    target = how.alpha * scores.softmax(1) + (1 - how.alpha) * F.one_hot(right, len(shares))
    return target[back]
