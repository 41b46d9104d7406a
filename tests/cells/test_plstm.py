"""A pLSTM is what its gates do on each edge, and the sum over all paths; what may grow does not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.plstm import PLSTM
from edgernn.cells.plstm2d import PLSTM2D, PLSTM2DState
from edgernn.errors import EdgernnError, ShapeError, UnknownName

ROWS, COLUMNS, PIXEL, HEADS = 4, 5, 4, 2


def normal(*shape: int) -> Tensor:
    noise = torch.Generator().manual_seed(1)
    return torch.randn(*shape, dtype=torch.float64, generator=noise)


def test_a_sequence_is_a_sum_over_all_pairs_of_frames() -> None:
    """y_t = sum_{s < t} M_t T_{t-1} ... T_{s+1} S_s (q_t k_s) v_s + D_t (q_t k_t) v_t."""
    unit, x = PLSTM(8, 2).double(), normal(2, 11, 8)
    torch.nn.init.normal_(unit.norm.norm.weight)
    made = unit.input.linear(x)
    (q, k, v), gates = made[..., :24].split(8, -1), made[..., 24:].sigmoid()
    heads = []
    for head in range(2):
        rows = slice(4 * head, 4 * head + 4)
        source, keep, mark, own = (gates[..., n * 2 + head] for n in range(4))
        scores = q[..., rows] @ k[..., rows].transpose(1, 2) / 2
        weight = torch.diag_embed(own)
        for t in range(11):
            for s in range(t):
                weight[:, t, s] = mark[:, t] * keep[:, s + 1 : t].prod(1) * source[:, s]
        heads.append(F.layer_norm((scores * weight) @ v[..., rows], (4,)))
    norm = unit.norm.norm
    want = (torch.cat(heads, -1) * norm.weight + norm.bias) @ unit.output.linear.weight.T
    torch.testing.assert_close(unit(x), want, atol=1e-9, rtol=1e-9)


def pixel_by_pixel(unit: PLSTM2D, image: Tensor) -> Tensor:
    """(rows, columns, P) -> the same, node after node, from each edge to the two that leave."""
    made = image @ unit.input.linear.weight.T + unit.input.linear.bias
    count, keys = (4 if unit.mode == "P" else 7), PIXEL // HEADS
    q, k, v = (
        part.reshape(ROWS, COLUMNS, HEADS, keys) for part in made[..., : 3 * PIXEL].split(PIXEL, -1)
    )
    gates = made[..., 3 * PIXEL : -HEADS].sigmoid().reshape(ROWS, COLUMNS, 2, count, HEADS)
    own, k = made[..., -HEADS:].sigmoid(), k / keys**0.5
    heard = torch.zeros(ROWS, COLUMNS, HEADS, keys, dtype=torch.float64)
    for head in range(HEADS):
        for way in range(2):
            down = [torch.zeros(keys, keys, dtype=torch.float64)] * COLUMNS
            for y in range(ROWS):
                left = torch.zeros(keys, keys, dtype=torch.float64)
                for x in range(COLUMNS) if way == 0 else reversed(range(COLUMNS)):
                    g, up = gates[y, x, way, :, head], down[x]
                    if unit.mode == "P":
                        s, t, m, a = g
                        s_r, s_d, m_l, m_u = a * s, (1 - a) * s, m, m
                        t_rl, t_ru, t_dl, t_du = a * t, a * t, (1 - a) * t, (1 - a) * t
                    else:
                        s_r, s_d, t_rl, t_du, t_ru, m_l, m_u = g
                        t_dl = torch.tensor(0.0)
                    new = torch.outer(k[y, x, head], v[y, x, head])
                    heard[y, x, head] += q[y, x, head] @ (m_l * left + m_u * up)
                    down[x] = t_dl * left + t_du * up + s_d * new
                    left = t_rl * left + t_ru * up + s_r * new
    heard += (own * (q * k).sum(-1))[..., None] * v
    norm = unit.norm.norm
    made = F.layer_norm(heard, (keys,)).flatten(-2) * norm.weight + norm.bias
    return made @ unit.output.linear.weight.T


@pytest.mark.parametrize("mode", ["P", "D"])
def test_an_image_is_its_nodes_one_after_the_other(mode: str) -> None:
    unit = PLSTM2D(COLUMNS * PIXEL, HEADS, COLUMNS, mode=mode).double()
    image = normal(ROWS, COLUMNS, PIXEL)
    torch.testing.assert_close(
        unit(image.reshape(1, ROWS, -1)).reshape(image.shape),
        pixel_by_pixel(unit, image),
        atol=1e-9,
        rtol=1e-9,
    )


@torch.no_grad()
@pytest.mark.parametrize("mode", ["P", "D"])
def test_what_was_written_once_never_grows_however_many_paths_lead_on(mode: str) -> None:
    """One edge full, transitions open: P shares it among all paths, D has one path to each pixel.

    Were all four transitions open, 30 rows of 8 columns would multiply it by more than 10^9.
    """
    unit, full = PLSTM2D(16, 1, 8, mode=mode).double(), []
    unit.input.linear.weight.zero_()
    unit.input.linear.bias.zero_()  # neither keys nor values: nothing new is written
    opened = slice(1, 2) if mode == "P" else slice(2, 5)
    unit.input.linear.bias[6:-1].view(2, -1)[:, opened] = 40.0
    start = unit.initial_state(1).down
    start[0, 0, 0] = 1.0
    state = PLSTM2DState(start)
    for _ in range(30):
        _, state = unit.step(normal(1, 1, 16), state)
        down = state.down[0, 0, :, 0, 0, 0]
        full.append(float(down.sum() if mode == "P" else down.max()))
    assert full[0] > 0.99
    assert max(full) <= 1 + 1e-9


REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: PLSTM(8, 3), ShapeError, "3 heads must divide 8 channels"),
    (lambda: PLSTM2D(8, 2, 3), ShapeError, "3 columns must divide 8 channels, and 2 heads"),
    (lambda: PLSTM2D(8, 3, 4), ShapeError, "4 columns must divide 8 channels, and 3 heads"),
    (lambda: PLSTM2D(8, 2, mode="p"), UnknownName, "did you mean D or P"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()
