"""Rank networks before any training by how differently their hidden states answer to inputs."""

from __future__ import annotations

import torch
from torch import Tensor

from edgernn.errors import ShapeError

FLOOR = 1e-5  # added to eigenvalues; that of Mellor et al. 2021, arXiv:2006.04647


def hidden_covariance(hidden: Tensor) -> float:
    """The score of a minibatch's hidden states: the higher, the less alike they are.

        S = - sum_i log(l_i + k) + 1 / (l_i + k),  l_i: eigenvalues of their correlations

    hidden: of the last recurrent layer, of fresh weights, one row an input.

    Shapes: hidden (B, ...), B at least 2.
    Raises: ShapeError for fewer inputs, or states that are not finite.
    Source: Serianni and Kalita 2023, arXiv:2306.00288.
    """
    rows = hidden.detach().flatten(1).double()
    if len(rows) < 2 or not bool(rows.isfinite().all()):
        raise ShapeError(
            f"hidden_covariance: hidden states {tuple(hidden.shape)}; need finite ones of at least "
            "2 inputs"
        )
    apart = rows - rows.mean(1, keepdim=True)
    scale = apart.norm(dim=1, keepdim=True).clamp_min(1e-12)
    values = torch.linalg.eigvalsh((apart / scale) @ (apart / scale).T).clamp_min(0) + FLOOR
    return -float((values.log() + 1 / values).sum())
