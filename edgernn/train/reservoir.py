"""A cell as a reservoir: its weights stay as they are, and only a read-out is fitted, at once.

    model = Sequential(rnn=cell, head=fit_readout(cell, [(x, y)], washout=100))

Any cell will do. One whose state fades too fast or not at all makes a poor reservoir: scale its
recurrent weights first, or take `cells.echo`, which fades at a rate that it is given.

Source: Jaeger 2001, The echo state approach; ridge regression: Lukosevicius and Jaeger 2009.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from edgernn.errors import DataError, ShapeError
from edgernn.layers.linear import Linear
from edgernn.streaming import Streaming


@torch.no_grad()
def fit_readout(
    cell: Streaming,
    streams: Iterable[tuple[Tensor, Tensor]],
    *,
    ridge: float = 1e-6,
    washout: int = 0,
) -> Linear:
    """The linear layer W h + b that minimises mean |W h + b - y|^2 + ridge |W|^2.

    Streams are pairs of x (B, T, I) and y (B, T', O), T' the frames that the cell gives; each
    starts from the initial state. Of a cell that looks ahead, y is aligned with x: the frames that
    it gives late are matched with what they describe. Sums are taken in double, stream by stream.

    ridge: above 0, in the square of the cell's output. washout: frames at the beginning of each
    stream that do not count.

    Raises: ShapeError for a y of other frames or a ridge that is not above 0; DataError if no frame
        is left, or something in it is not finite.
    """
    if not ridge > 0 or washout < 0:
        raise ShapeError(f"fit_readout: ridge {ridge:g}, washout {washout}; need > 0 and >= 0")
    total: Tensor | None = None
    outputs, delay, mode = 0, cell.timing.delay, cell.training
    cell.eval()
    try:
        for x, y in streams:
            h = cell(x)
            if y.dim() != 3 or y.shape[:2] != h.shape[:2] or y.shape[2] != (outputs or y.shape[2]):
                raise ShapeError(
                    f"fit_readout: y is {tuple(y.shape)}; need {(*h.shape[:2], outputs or 'any')}"
                )
            outputs, wanted = y.shape[2], y[:, washout : y.shape[1] - delay]
            heard = h[:, washout + delay :]
            rows = torch.cat([heard, wanted, torch.ones_like(heard[..., :1])], dim=2)
            rows = rows.flatten(0, 1).double()
            total = rows.T @ rows + (0.0 if total is None else total)
    finally:
        cell.train(mode)
    if total is None or total[-1, -1] == 0 or not total.isfinite().all():
        raise DataError(f"fit_readout: no finite frames after a washout of {washout}")
    return _solved(total, outputs, ridge).to(h)


def _solved(total: Tensor, outputs: int, ridge: float) -> Linear:
    """The layer from sums of products of (h, y, 1) with themselves."""
    units = len(total) - outputs - 1
    mean = total[-1, :-1] / total[-1, -1]
    spread = total[:-1, :-1] / total[-1, -1] - mean[:, None] * mean
    gram = spread[:units, :units] + ridge * torch.eye(units).to(spread)
    weight = torch.linalg.solve(gram, spread[:units, units:]).T
    made = Linear(units, outputs).double()
    made.linear.weight.copy_(weight)
    made.linear.bias.copy_(mean[units:] - weight @ mean[:units])
    return made
