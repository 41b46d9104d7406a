"""ScaledAdam: the paper's step by hand, sizes that do not matter, resuming, a task learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edgernn.train.loop import train
from edgernn.train.recipe import RecipeError, parse_recipe
from edgernn.train.scaled_adam import ScaledAdam
from tests.train.toy import RECIPE, ToyTask

SCALED = replace(RECIPE, optimizer="scaled_adam", learning_rate=5e-2, steps=60)


def test_two_steps_by_hand() -> None:
    theta = torch.tensor([3.0, -4.0], requires_grad=True)
    optimizer = ScaledAdam([theta], lr=0.1)
    wanted, m, v, n, w = torch.tensor([3.0, -4.0]), 0.0, 0.0, 0.0, 0.0
    for step, grad in enumerate((torch.tensor([1.0, 2.0]), torch.tensor([-0.5, 1.0])), 1):
        theta.grad = grad.clone()
        optimizer.step()
        r = (wanted.square().mean().sqrt()).clamp(max=3.0)
        toward = (grad * wanted).sum() / r
        m, v = 0.9 * m + 0.1 * grad, 0.98 * v + 0.02 * grad**2
        n, w = 0.9 * n + 0.1 * toward, 0.98 * w + 0.02 * toward**2
        fix = (1 - 0.98**step) ** 0.5 / (1 - 0.9**step)
        turn = r * m / (torch.as_tensor(v).sqrt() + 1e-8)
        grow = 0.1 * n / (torch.as_tensor(w).sqrt() + 1e-8) * wanted
        wanted = wanted - 0.1 * fix * (turn + grow)
        torch.testing.assert_close(theta.detach(), wanted)


def test_a_parameter_written_larger_takes_the_same_steps() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(64, 5), torch.randn(64)
    begin = 0.1 * torch.randn(5)
    ends = []
    for factor in (1.0, 8.0):
        theta = (begin * factor).clone().requires_grad_()
        optimizer = ScaledAdam([theta], lr=0.05, eps=0.0)
        for _ in range(20):
            optimizer.zero_grad()
            ((x @ (theta / factor) - y) ** 2).mean().backward()
            optimizer.step()
        ends.append(theta.detach() / factor)
    torch.testing.assert_close(ends[0], ends[1], atol=1e-5, rtol=1e-4)


def test_a_task_is_learned_and_resumed_to_the_bit(tmp_path: Path) -> None:
    whole = train(ToyTask(SCALED), tmp_path / "a.pt", quiet=True)
    assert whole.history[-1]["val_accuracy"] > 0.85

    class Killed(ToyTask):
        def batch(self, step: int) -> dict[str, torch.Tensor]:
            if step == 31:
                raise KeyboardInterrupt
            return super().batch(step)

    with pytest.raises(KeyboardInterrupt):
        train(Killed(SCALED), tmp_path / "b.pt", quiet=True)
    resumed = train(ToyTask(SCALED), tmp_path / "b.pt", resume=True, quiet=True)
    assert all(torch.equal(t, resumed.weights[n]) for n, t in whole.weights.items())


def test_another_optimizer_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"train.optimizer is 'sgd'; need adamw or scaled_adam"):
        parse_recipe("toy", '[train]\nsteps = 5\noptimizer = "sgd"\n')
    assert replace(RECIPE, optimizer="scaled_adam").fingerprint() != RECIPE.fingerprint()
