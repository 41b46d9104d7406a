"""Smoothed labels against the formula, label by label; label smoothing; what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from edgernn.train.losses.smoothing import Labels, Smoothing, smoothed
from edgernn.train.recipe import RecipeError, filled

COUNT, WANTED = 7, torch.tensor([2, 5, 2, 0])


def labels(**but: None) -> Labels:
    torch.manual_seed(0)
    vectors = F.normalize(torch.randn(COUNT, 3), dim=1)
    shares = torch.rand(COUNT)
    return Labels(shares / shares.sum(), vectors, torch.rand(COUNT).log())._replace(**but)


def by_hand(right: int, of: Labels, how: Smoothing) -> list[float]:
    weights = []
    for y in range(COUNT):
        score = 0.0
        if of.vectors is not None:
            pairs = zip(of.vectors[y].tolist(), of.vectors[right].tolist(), strict=True)
            score = sum(a * b for a, b in pairs) / how.temperature
        f, f_right = float(of.shares[y]), float(of.shares[right])
        score -= how.rarity * min(f / f_right, f_right / f)
        likely = 1.0 if of.likely is None else math.exp(float(of.likely[y]))
        weights.append(math.exp(score) / likely)
    others = [how.alpha * weight / sum(weights) for weight in weights]
    return [part + (1 - how.alpha) * (y == right) for y, part in enumerate(others)]


@pytest.mark.parametrize(
    ("of", "how"),
    [
        (labels(likely=None), Smoothing(0.3, 0.5)),
        (labels(), Smoothing(0.3, 0.2)),
        (labels(), Smoothing(0.3, 0.2, rarity=1.5)),
        (labels(vectors=None), Smoothing(0.2, rarity=0.7)),
        (labels(vectors=None, likely=None), Smoothing(0.1)),
        (labels(), Smoothing(0.0)),
    ],
    ids=["all labels", "drawn", "against the frequent", "rarity alone", "uniform", "none"],
)
def test_targets_are_those_of_the_formula(of: Labels, how: Smoothing) -> None:
    found = smoothed(WANTED, of, how)
    wanted = torch.tensor([by_hand(int(right), of, how) for right in WANTED])
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(found.sum(1), torch.ones(4))


def test_the_loss_is_that_of_both_parts_but_for_what_no_weight_moves() -> None:
    of, how = labels(likely=None), Smoothing(0.3, 0.5)
    logits = torch.randn(4, COUNT, requires_grad=True)
    target = smoothed(WANTED, of, how)
    (found,) = torch.autograd.grad(F.cross_entropy(logits, target), logits)
    r = (target - 0.7 * F.one_hot(WANTED, COUNT)) / 0.3
    divergence = (r * (r.log() - logits.log_softmax(1))).sum(1).mean()
    both = 0.7 * F.cross_entropy(logits, WANTED) + 0.3 * divergence
    torch.testing.assert_close(found, torch.autograd.grad(both, logits)[0])


def test_without_vectors_it_is_label_smoothing() -> None:
    logits = torch.randn(4, COUNT)
    target = smoothed(WANTED, labels(vectors=None, likely=None), Smoothing(0.1))
    found = F.cross_entropy(logits, target)
    torch.testing.assert_close(found, F.cross_entropy(logits, WANTED, label_smoothing=0.1))


def test_a_sum_over_labels_drawn_stands_for_one_over_all() -> None:
    """The sums of r's weights over drawn labels, each by how likely it is, are those over all."""
    torch.manual_seed(0)
    vectors = F.normalize(torch.randn(300, 4), dim=1).double()
    chances, how = 0.2 + 0.6 * torch.rand(300).double(), Smoothing(0.5, 0.5)
    chances[0] = 1.0  # the right one
    whole = Labels(torch.ones(300).double(), vectors)
    wanted = smoothed(torch.tensor([0]), whole, how)[0]
    means = torch.zeros(300).double()
    for _ in range(400):
        drawn = (torch.rand(300) < chances).nonzero()[:, 0]
        of = Labels(whole.shares[drawn], vectors[drawn], chances[drawn].log())
        means[drawn] += smoothed(torch.tensor([0]), of, how)[0] / 400
    assert means[0] == pytest.approx(float(wanted[0]), rel=0.02)
    kinds = vectors[:, 0] > 0
    assert means[kinds].sum() == pytest.approx(float(wanted[kinds].sum()), rel=0.02)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"alpha": 1.0}, "smoothing: alpha is 1.0; need at least 0 and below 1"),
        ({"temperature": 0}, "smoothing: temperature is 0; need more than 0"),
        ({"rarity": -1.0}, "smoothing: rarity is -1.0; need at least 0"),
        ({"beta": 1.0}, "k: data.smoothing: unknown key beta; it takes alpha, temperature, rarity"),
        ({"vectors": 3}, "k: data.smoothing: vectors is 3; need str"),
    ],
)
def test_bad_values_are_refused_in_a_line(table: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError) as refused:
        filled(Smoothing, table, "k: data.smoothing")
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
