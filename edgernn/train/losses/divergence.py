"""How far a student's answers are from a teacher's: KL, and alpha-divergences.

Sources: KL with a temperature, Hinton et al. 2015, arXiv:1503.02531; the alpha-divergence with its
two alphas and clipped ratios, Wang et al. 2021 (AlphaNet), arXiv:2102.07954.
"""

from __future__ import annotations

import torch
from torch import Tensor

ALPHAS, RATIO_TOP = (-1.0, 1.0), 5.0  # AlphaNet's


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
