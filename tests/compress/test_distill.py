"""Divergences are those of their papers, with gradients by hand that equal autograd's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgernn.compress.distill import Distill, Distiller
from edgernn.errors import ModelError, ShapeError
from edgernn.train.loop import train
from edgernn.train.losses.divergence import alpha_divergence, kl
from tests.train.toy import RECIPE, ToyTask


def _direct(student: Tensor, teacher: Tensor, alpha: float) -> Tensor:
    p, q = teacher.softmax(-1), student.softmax(-1)
    if alpha == 1.0:
        return (p * (p / q).log()).sum(-1).mean()
    return ((q * ((p / q) ** alpha - 1)).sum(-1) / (alpha * (alpha - 1))).mean()


@pytest.mark.parametrize("alpha", [-1.0, 1.0, 0.5, 2.0])
def test_unclipped_the_divergence_and_its_gradient_are_the_definitions(alpha: float) -> None:
    torch.manual_seed(0)
    student = torch.randn(5, 7, 4, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(5, 7, 4, dtype=torch.float64)
    found = alpha_divergence(student, teacher, (alpha, alpha), 1e9)
    wanted = _direct(student, teacher, alpha)
    assert torch.allclose(found, wanted)
    (mine,) = torch.autograd.grad(found, student)
    (theirs,) = torch.autograd.grad(wanted, student)
    assert torch.allclose(mine, theirs, atol=1e-12)


def test_the_larger_divergence_of_each_frame_counts() -> None:
    student, teacher = torch.randn(50, 6), torch.randn(50, 6)
    both = alpha_divergence(student, teacher, (-1.0, 1.0), 1e9)
    single = [alpha_divergence(student, teacher, (a, a), 1e9) for a in (-1.0, 1.0)]
    assert both > max(single)


def test_clipped_ratios_bound_the_gradient() -> None:
    student = torch.tensor([[3.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[-8.0, 0.0]])
    (clipped,) = torch.autograd.grad(alpha_divergence(student, teacher), student)
    (free,) = torch.autograd.grad(alpha_divergence(student, teacher, top=1e9), student)
    assert clipped.abs().max() < 1
    assert free.abs().max() > 100


def test_kl_vanishes_for_equal_logits_and_grows_with_distance() -> None:
    teacher = torch.randn(3, 9, 5)
    assert float(kl(teacher, teacher, 2.0)) == pytest.approx(0, abs=1e-6)
    assert kl(teacher + torch.randn(3, 9, 5), teacher, 2.0) > 0.1


def test_a_student_learns_from_a_teacher_alone(tmp_path: Path) -> None:
    task = ToyTask()
    teacher = train(task, tmp_path / "teacher.pt", quiet=True).network

    class Blind(ToyTask):
        """A task whose own loss says nothing."""

        def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
            loss, accuracy = super().loss(output, batch)
            return 0 * loss, accuracy

    blind = Blind()
    for loss in ("kl", "alpha"):
        method = Distiller(Distill(loss=loss, weight=0.9), teacher, blind)
        trained = train(blind, tmp_path / f"{loss}.pt", methods=[method], quiet=True)
        assert trained.history[-1]["val_accuracy"] > 0.85
    assert RECIPE.steps == trained.steps


def test_a_teacher_of_other_outputs_is_refused() -> None:
    task = ToyTask()
    method = Distiller(Distill(), nn.Linear(6, 3), task)
    batch = task.batch(0)
    with pytest.raises(ShapeError, match=r"the teacher gives \(32, 3\), the network \(32, 2\)"):
        method.extra(nn.Linear(6, 2), batch, torch.zeros(32, 2))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ModelError, match="need one of kl, alpha"):
        Distill(loss="mse")
    with pytest.raises(ModelError, match=r"weight 0\.0"):
        Distill(weight=0.0)
