"""Reber strings are what their grammar says, and the tasks made of them are labelled rightly."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from benchmarks import reber
from benchmarks.sequence_tasks import IGNORED, TASKS, judged, shell_game
from benchmarks.sequence_training import (
    GROUPS,
    accuracy,
    batches,
    live_weights,
    magnitude_masks,
    pruned,
    stacked,
    train_epoch,
)


def test_the_grammar_accepts_its_own_strings_and_the_examples_of_the_thesis() -> None:
    rng = random.Random(0)
    assert all(reber.accepts(reber.walk(rng)) for _ in range(200))
    for string in ("BPTVPXTTVVE", "BTSXXTTTTVVE", "BTSSXXTTVVE", "BTXXVPXTVVE", "BPTTTTTVPSE"):
        assert reber.accepts(string)
    for string in ("BTTVPXTVPSE", "BPSXXTTTVPSE", "BPSSSXXTVVE", "BTTTVPXTVVE", "BPSSXXTTVVE"):
        assert not reber.accepts(string)


@pytest.mark.parametrize("string", ["", "B", "BE", "BPVV", "PVVE", "BPVVEE", "BPVVTE"])
def test_what_is_cut_off_or_goes_on_is_rejected(string: str) -> None:
    assert not reber.accepts(string)


def test_strings_follow_from_their_seed_and_are_half_accepted() -> None:
    one, again, other = (reber.strings(300, seed) for seed in (5, 5, 6))
    assert one == again != other
    assert sum(one.values()) == 150
    assert all(reber.accepts(string) == accepted for string, accepted in one.items())
    assert min(map(len, one)) >= reber.SHORTEST


def kinds(count: int, seed: int) -> tuple[list[str], list[str]]:
    found = reber.strings(count, seed)
    return [s for s, a in found.items() if a], [s for s, a in found.items() if not a]


def test_more_than_half_of_the_negatives_hold_foreign_letters() -> None:
    negatives = kinds(2000, 0)[1]
    foreign = sum(not set(string) <= set("BEPSTVX") for string in negatives)
    assert foreign / len(negatives) == pytest.approx(0.59, abs=0.04)


def test_the_length_of_a_string_tells_nothing() -> None:
    accepted, rejected = kinds(1000, 0)
    assert sorted(map(len, accepted)) == sorted(map(len, rejected))


def grams(string: str, size: int) -> set[str]:
    return {string[k : k + size] for k in range(len(string) - size + 1)}


def test_pairs_of_letters_nearly_tell_and_threes_do() -> None:
    accepted, rejected = kinds(1000, 0)
    for size, low, high in ((2, 0.8, 0.95), (3, 1.0, 1.0)):
        known = set().union(*(grams(string, size) for string in accepted))
        found = sum(not grams(string, size) <= known for string in rejected) / len(rejected)
        assert low <= found <= high


def test_an_embedded_negative_has_nothing_wrong_but_its_outer_letter() -> None:
    for string, accepted in reber.strings(200, 1, reber.embedded).items():
        assert reber.accepts_embedded(string) == accepted
        mended = f"{string[:-2]}{string[1]}E"
        assert reber.accepts_embedded(mended)


def test_no_test_string_was_trained_on() -> None:
    train, test = TASKS["reber"].data(400, 200, 0)
    rows = {row.tobytes() for row in np.pad(train.tokens, ((0, 0), (0, 80)))[:, :60]}
    assert not any(row.tobytes() in rows for row in np.pad(test.tokens, ((0, 0), (0, 80)))[:, :60])


def test_a_string_is_judged_at_its_last_letter_alone() -> None:
    data = judged({"BPVVE": True, "BTTE": False})
    assert data.tokens[0, :5].tolist() == [1, 15, 21, 21, 4]
    assert data.targets.tolist() == [[IGNORED] * 4 + [1], [IGNORED] * 3 + [0, IGNORED]]


def test_the_ball_is_where_the_swaps_bring_it() -> None:
    game = shell_game(50, 20, 3)
    for tokens, targets in zip(game.tokens, game.targets, strict=True):
        cups = ["ball", "", ""]
        for token, target in zip(tokens, targets, strict=True):
            one, other = [(0, 1), (1, 2), (0, 2)][token]
            cups[one], cups[other] = cups[other], cups[one]
            assert cups.index("ball") == target


def test_batches_hold_every_row_once_and_rows_of_like_length() -> None:
    data = TASKS["reber"].data(500, 10, 0)[0]
    cut = [*batches(data, 32, np.random.default_rng(0))]
    assert sorted(np.concatenate(cut)) == [*range(500)]
    spread = np.mean([np.ptp(data.lengths[rows]) for rows in cut])
    assert spread < np.ptp(data.lengths) / 4


def test_masks_drop_exactly_the_smallest_weights_of_all() -> None:
    weights = [torch.tensor([[0.1, -3.0], [0.5, 2.0]]), torch.tensor([[-0.2, 0.4]])]
    masks = magnitude_masks(weights, 0.5)
    assert [mask.tolist() for mask in masks] == [[[False, True], [True, True]], [[False, False]]]
    assert all(mask.all() for mask in magnitude_masks(weights, 0.0))
    assert not any(mask.any() for mask in magnitude_masks(weights, 1.0))


@pytest.mark.parametrize("group", GROUPS)
def test_pruned_weights_stay_zero_while_the_net_is_retrained(group: str) -> None:
    torch.manual_seed(0)
    task = TASKS["shells"]
    net = stacked(task, "gru", 8)
    sparse = pruned(net, group, 0.75)
    train, test = task.data(96, 32, 0)
    before = {n: p.clone() for n, p in net.named_parameters()}
    optimizer = torch.optim.Adam(sparse.parameters(), lr=0.01)
    train_epoch(sparse, train, optimizer, np.random.default_rng(0), 32)
    names = GROUPS[group]
    held = [getattr(sparse.get_submodule(f"layer{k}.rnn"), n) for k in range(3) for n in names]
    zeros = sum(int((weight == 0).sum()) for weight in held)
    assert zeros == round(0.75 * sum(weight.numel() for weight in held))
    assert live_weights(net) - live_weights(sparse) == zeros
    assert 0 <= accuracy(sparse, test) <= 1
    assert all(torch.equal(before[n], p) for n, p in net.named_parameters())  # it is a copy


def test_a_few_epochs_on_shells_teach_what_chance_does_not_give() -> None:
    torch.manual_seed(0)
    task = TASKS["shells"]
    train, test = task.data(600, 200, 0)
    net = stacked(task, "rnn_relu", 24)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(6):
        train_epoch(net, train, optimizer, np.random.default_rng(0), 32)
    assert accuracy(net, test) > 0.4  # chance: 1/3
