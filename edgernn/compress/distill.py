"""Distill: learn from what a larger network says, at every frame, beside the labels.

Sources: KL with a temperature, Hinton et al. 2015, arXiv:1503.02531; the alpha-divergence with its
two alphas and clipped ratios, Wang et al. 2021 (AlphaNet), arXiv:2102.07954.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgernn.errors import ModelError, ShapeError
from edgernn.train.loop import Task
from edgernn.train.method import Batch, Method

LOSSES = ("kl", "alpha")
ALPHAS, RATIO_TOP = (-1.0, 1.0), 5.0  # AlphaNet's


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
        """The mean over frames. Raises: ShapeError if the teacher's output has another shape."""
        with torch.no_grad():
            taught = self.task.output(self.teacher, batch)
        if taught.shape != output.shape:
            raise ShapeError(
                f"distill: the teacher gives {tuple(taught.shape)}, the network "
                f"{tuple(output.shape)}; they need the same frames and labels"
            )
        if self.how.loss == "kl":
            return self.how.weight * kl(output, taught, self.how.temperature)
        return self.how.weight * alpha_divergence(output, taught)


def kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """temperature² * KL(teacher || student) of logits (..., labels), the mean of all."""
    wanted = (teacher / temperature).softmax(-1)
    log_ratio = (teacher / temperature).log_softmax(-1) - (student / temperature).log_softmax(-1)
    return temperature**2 * (wanted * log_ratio).sum(-1).mean()


def alpha_divergence(
    student: Tensor, teacher: Tensor, alphas: tuple[float, float] = ALPHAS, top: float = RATIO_TOP
) -> Tensor:
    """The larger of two alpha-divergences of each frame, their mean; logits (..., labels).

        D_a(p || q) = sum_i q_i (r_i^a - 1) / (a (a - 1)),  r = p / q,  p teacher, q student
        D_1 = sum_i q_i r_i log r_i

    r^a (r for a = 1) is clipped at `top` in value and gradient. Its gradient, by the rule
    -q (f'(r) r - f(r)) d log q, is that of the clipped weights, as in the paper.
    """
    log_q, log_p = student.log_softmax(-1), teacher.log_softmax(-1)
    q = log_q.detach().exp()
    ratio = log_p - log_q.detach()  # log r
    found = [_one_alpha(q, ratio, alpha, top) for alpha in alphas]
    values = torch.stack([value for value, _ in found])
    weights = torch.stack([weight for _, weight in found])
    worst = values.argmax(0)
    index = worst[None, ..., None].expand(1, *weights.shape[1:])
    chosen = weights.gather(0, index)[0]
    surrogate = -(q * chosen * log_q).sum(-1)
    value = values.amax(0)
    return (surrogate + (value - surrogate).detach()).mean()


def _one_alpha(q: Tensor, log_ratio: Tensor, alpha: float, top: float) -> tuple[Tensor, Tensor]:
    """The divergence of each frame, and f'(r) r - f(r) of each label, ratios clipped."""
    if alpha == 1.0:
        ratio = log_ratio.exp().clamp(max=top)
        return (q * ratio * ratio.clamp_min(1e-12).log()).sum(-1), ratio
    power = (alpha * log_ratio).exp().clamp(max=top)
    value = (q * (power - 1)).sum(-1) / (alpha * (alpha - 1))
    return value, power / alpha + 1 / (alpha * (alpha - 1))
