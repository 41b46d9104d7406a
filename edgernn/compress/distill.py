"""Distill: learn from what a larger network says, at every frame, beside the labels.

Source: Hinton et al. 2015, arXiv:1503.02531; the divergences: `train.losses.divergence`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgernn.errors import ModelError, ShapeError
from edgernn.train.loop import Task, counted
from edgernn.train.losses.divergence import alpha_divergence, kl
from edgernn.train.method import Batch, Method

LOSSES = ("kl", "alpha")


@dataclass(frozen=True, slots=True)
class Distill:
    """How to learn from a teacher.

    teacher: a model's name or a folder of `edgernn train`, or `shipped`, the model itself as it
        is shipped. weight: share of the teacher in the loss, in (0, 1]. temperature: of `kl`.
    """

    teacher: str = "shipped"
    loss: str = "kl"
    weight: float = 0.5
    temperature: float = 2.0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ModelError(f"distill: loss {self.loss!r}; need one of {', '.join(LOSSES)}")
        if not 0 < self.weight <= 1 or not self.temperature > 0:
            raise ModelError(
                f"distill: weight {self.weight}, temperature {self.temperature}; need a weight in "
                "(0, 1] and a temperature above 0"
            )


class Distiller(Method):
    """Adds the divergence from a frozen teacher, which hears no masks and no dropout."""

    def __init__(self, how: Distill, teacher: nn.Module, task: Task) -> None:
        self.how, self.teacher, self.task = how, teacher.eval().requires_grad_(False), task
        self.share = 1 - how.weight

    def attach(self, network: nn.Module) -> None:
        """Bring the teacher to the network's device."""
        self.teacher.to(next(network.parameters()).device)

    def extra(self, network: nn.Module, batch: Batch, output: Tensor) -> Tensor:
        """The mean over frames that count.

        Raises: ShapeError if the teacher's output has another shape.
        """
        with torch.no_grad():
            taught = self.task.output(self.teacher, batch)
        if taught.shape != output.shape:
            raise ShapeError(
                f"distill: the teacher gives {tuple(taught.shape)}, the network "
                f"{tuple(output.shape)}; they need the same frames and labels"
            )
        output, taught = (counted(self.task, one, batch) for one in (output, taught))
        if self.how.loss == "kl":
            return self.how.weight * kl(output, taught, self.how.temperature)
        return self.how.weight * alpha_divergence(output, taught)
