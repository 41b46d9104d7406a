"""What a state of some size recalls of pairs that it was told: as many as it has room for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.mamba2 import Mamba2
from edgernn.scans.chunkwise import linear_attention
from edgernn.streaming import Streaming

PAIRS, ROWS = 16, 64


def told(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Keys in some order, a value with each, then keys in another, and what belongs to these."""
    random = torch.Generator().manual_seed(seed)
    told, asked = (
        torch.stack([torch.randperm(PAIRS, generator=random) for _ in range(ROWS)])
        for _ in range(2)
    )
    values = torch.randint(PAIRS, (ROWS, PAIRS), generator=random)
    return told, values, asked, values.gather(1, told.argsort(1).gather(1, asked))


def recalling_mamba2(states: int) -> Streaming:
    """One whose weights write a frame's value at its key, keys sharing states where there are few.

    Numbers are 0 or so large that silu leaves them as they are; a frame without a value has no dt.
    """
    unit: Any = Mamba2(2 * PAIRS, 1, states=states, expand=1)
    for parameter in unit.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        unit.conv.conv.weight[:, :, -1] = 1
        unit.norm.weight.fill_(1)
        unit.log_decay.fill_(-30)
        unit.dt_bias.fill_(-30)
        parts = [2 * PAIRS, 2 * PAIRS, states, states, 1]
        z, x, b, c, dt = unit.input.linear.weight.split(parts)
        z[:, :PAIRS] = 20
        x[PAIRS:, PAIRS:] = 20 * torch.eye(PAIRS)
        slots = F.one_hot(torch.arange(PAIRS) % states, states).T
        b[:, :PAIRS] = c[:, :PAIRS] = 20 * slots
        dt[:, PAIRS:] = 31
        unit.output.linear.weight.copy_(torch.eye(2 * PAIRS))
    return unit


def test_a_mamba2_recalls_as_many_pairs_as_it_has_states() -> None:
    keys, values, asked, wanted = told()
    shown = torch.cat([F.one_hot(keys, PAIRS), F.one_hot(values, PAIRS)], dim=2)
    nothing = torch.zeros_like(F.one_hot(asked, PAIRS))
    frames = torch.cat([shown, torch.cat([F.one_hot(asked, PAIRS), nothing], dim=2)], dim=1)
    recall = {}
    for states in (2, 4, 8, 16):
        y = recalling_mamba2(states)(frames.float())[:, PAIRS:, PAIRS:]
        recall[states] = float((y.argmax(-1) == wanted).float().mean())
    assert recall[16] == 1
    assert recall[2] < recall[4] - 0.05 < recall[8] - 0.15
    assert recall[8] < 0.8


@pytest.mark.parametrize("width", [4, 8, 12, 16])
def test_no_queries_recall_more_of_a_memory_than_it_has_keys(width: int) -> None:
    """Of PAIRS values by keys that are not orthogonal, the best queries leave 1 - width / PAIRS.

    The memory of the kernel is read by all queries at once, those of least squares: what they miss
    is the share of the values' variance that a state of this width cannot hold.
    """
    random = torch.Generator().manual_seed(0)
    keys = torch.randn(1, PAIRS, 1, width, dtype=torch.float64, generator=random)
    values = torch.randn(ROWS, PAIRS, 1, 8, dtype=torch.float64, generator=random)
    never = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    empty = torch.zeros(ROWS, 1, width, 8, dtype=torch.float64)
    k = keys.expand(ROWS, -1, -1, -1)
    _, memory = linear_attention(k, k, values, never, empty)
    memory = memory[:, 0].transpose(0, 1).flatten(1)  # (width, everything that was told)
    told = values[:, :, 0].transpose(0, 1).flatten(1)
    queries = told @ torch.linalg.pinv(memory)
    missed = float((told - queries @ memory).square().sum() / told.square().sum())
    assert missed == pytest.approx(1 - width / PAIRS, abs=0.02)
