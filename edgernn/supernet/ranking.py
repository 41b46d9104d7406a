"""Rank subnetworks before any training: how differently fresh ones hold the streams of a batch.

Source: Serianni and Kalita 2023, arXiv:2306.00288 (hidden covariance of recurrent networks), after
the score of Mellor et al. 2020, arXiv:2006.04647. Ours: which state is taken, where the paper's
networks have but one: what the last cell gives, its mean over the frames of a training batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from edgernn.errors import ModelError
from edgernn.train.loop import Task

FLOOR = 1e-5  # added to eigenvalues, as in both papers
CELLS = "edgernn.cells."


def hidden_covariance(hidden: Tensor) -> float:
    """-sum(log(v + k) + 1 / (v + k)) over eigenvalues v of the correlations between rows.

    The larger, the less alike the rows are. Shapes: (rows, units).
    """
    values = torch.linalg.eigvalsh(torch.corrcoef(hidden.double())) + FLOOR
    return -float((values.log() + 1 / values).sum())


@torch.no_grad()
def untrained(task: Task) -> float:
    """The hidden covariance of a task's network with fresh weights, drawn by the recipe's seed.

    Raises: ModelError if it has no cell.
    """
    with torch.random.fork_rng():
        torch.manual_seed(task.recipe.seed)
        network = task.build().eval()
        cell = _last_cell(network, task.recipe.name)
        seen: list[Tensor] = []
        own = cell.step

        def step(x: Tensor, state: Any) -> tuple[Tensor, Any]:
            y, after = own(x, state)
            seen.append(y.mean(1))
            return y, after

        cell.step = step
        task.output(network, task.batch(0))
    return hidden_covariance(torch.cat(seen))


def _last_cell(network: nn.Module, name: str) -> Any:
    """The cell that is built last. Raises: ModelError."""
    cells = [m for m in network.modules() if type(m).__module__.startswith(CELLS)]
    if not cells:
        raise ModelError(f"{name}: has no cell of edgernn.cells, whose states could be ranked by")
    return cells[-1]
