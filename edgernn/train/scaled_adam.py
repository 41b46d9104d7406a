"""ScaledAdam: Adam whose steps are in proportion to a parameter's own size, which it learns too.

Source: Yao et al. 2023, "Zipformer", arXiv:2310.11230, section 3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor

SMALLEST, LARGEST = 1e-5, 3.0  # of a parameter's root mean square, as it scales a step
SCALE_RATE = 0.1  # of the learning rate, for the sizes


class ScaledAdam(torch.optim.Optimizer):
    """Each parameter is seen as size times direction, theta = r theta', r its root mean square.

        d theta' part: -lr r m / (sqrt(v) + eps),  m, v: moments of the gradient g
        d r part:      -0.1 lr r n / (sqrt(w) + eps) theta',  n, w: moments of sum(g theta')

    Moments are corrected for their beginning as in Adam; decay is that of AdamW. A parameter of one
    number has no direction, and steps as in Adam. r is kept between 1e-5 and 3.

    Differs from the paper: gradients are clipped by the training loop, whose schedule stands for
    the paper's Eden; sizes are learned at every step.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 3e-2,
        betas: tuple[float, float] = (0.9, 0.98),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._one(parameter, parameter.grad, group)
        return loss

    def _one(self, theta: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        kept = self.state[theta]
        if not kept:
            kept["step"] = 0
            kept["m"], kept["v"] = torch.zeros_like(theta), torch.zeros_like(theta)
            kept["n"], kept["w"] = theta.new_zeros(()), theta.new_zeros(())
        kept["step"] += 1
        first, second = group["betas"]
        lr, eps = group["lr"], group["eps"]
        correction = (1 - second ** kept["step"]) ** 0.5 / (1 - first ** kept["step"])
        theta.mul_(1 - lr * group["weight_decay"])
        kept["m"].lerp_(grad, 1 - first)
        kept["v"].lerp_(grad * grad, 1 - second)
        move = kept["m"] / (kept["v"].sqrt() + eps)
        if theta.numel() == 1:
            theta.add_(move, alpha=-lr * correction)
            return
        size = theta.square().mean().sqrt().clamp(SMALLEST, LARGEST)
        toward = (grad * theta).sum() / size
        kept["n"].lerp_(toward, 1 - first)
        kept["w"].lerp_(toward * toward, 1 - second)
        grow = kept["n"] / (kept["w"].sqrt() + eps)
        theta.add_(size * move + SCALE_RATE * grow * theta, alpha=-lr * correction)
