"""The recurrence of blocks is its formula, and follows a language at lengths it never saw."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.cells.lrnn import LRNN
from edgernn.cells.rglru import RGLRU
from edgernn.errors import ShapeError
from edgernn.streaming import Streaming

LENGTH, LONGER = 40, 300


def test_an_lrnn_is_its_formula() -> None:
    torch.manual_seed(0)
    cell, x, ys = LRNN(6, block=3).double(), torch.randn(2, 9, 6, dtype=torch.float64), []
    h = cell.begin.expand(2, -1, -1)
    for now in x.unbind(1):
        m = cell.turn.linear(cell.spread.linear(now).relu()).reshape(2, 2, 3, 3)
        m = m - m.mean(dim=-2, keepdim=True)
        columns = torch.linalg.vector_norm(m, ord=1.2, dim=-2)
        m = m / columns.amax(-1)[..., None, None]
        v = cell.value.linear(cell.hear.linear(now).relu()).reshape(2, 2, 3)
        h = torch.einsum("bnij,bnj->bni", m, h) + v
        ys.append(h.reshape(2, 6))
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-9, rtol=1e-9)


def parity(rows: int, length: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Bits, and at each of them whether there was an odd number of ones so far."""
    bits = torch.randint(0, 2, (rows, length), generator=random)
    return bits, bits.cumsum(1) % 2


def share_right_when_longer(build: Callable[[], Streaming]) -> float:
    """Trained on 40 bits, what share of the last 50 of 300 bits it has right."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Embedding(2, 8), build(), nn.LayerNorm(8), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(200):
        bits, wanted = parity(32, LENGTH, random)
        loss = F.cross_entropy(net(bits).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    bits, wanted = parity(64, LONGER, random)
    with torch.no_grad():
        found = net(bits).argmax(-1)
    return float((found == wanted)[:, -50:].double().mean())


def test_an_lrnn_follows_parity_far_beyond_the_length_it_learned_it_at() -> None:
    """Which no recurrence of rates between 0 and 1 does, however each frame chooses them."""
    assert share_right_when_longer(lambda: LRNN(8, block=4)) > 0.99
    assert share_right_when_longer(lambda: RGLRU(8)) < 0.7


@pytest.mark.parametrize("block", [1, 3])
def test_blocks_that_do_not_fit_are_refused(block: int) -> None:
    with pytest.raises(ShapeError, match=f"blocks of {block} must be of 2 .* and divide 8"):
        LRNN(8, block=block)
