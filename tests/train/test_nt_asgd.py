"""NT-ASGD: when it begins to average, what it averages, and that it resumes to the same bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgernn.train.loop import learning_rate, train
from edgernn.train.nt_asgd import averaged_since, newest_share
from edgernn.train.recipe import Recipe, RecipeError, parse_recipe

from ..two import torchrun
from .toy import RECIPE, ToyTask

AVERAGED = replace(
    RECIPE,
    optimizer="nt_asgd",
    learning_rate=0.3,
    weight_decay=1e-4,
    validate_every=2,
    watch="val_told",
    patience=2,
)
TOLD = [0.5, 0.6, 0.9, 0.7, 0.8, 0.85, 0.4]  # worse than the best of old at the sixth


class Told(ToyTask):
    """Validates to figures that are told beforehand; keeps the weights of every step."""

    def __init__(self, recipe: Recipe = AVERAGED, stop: int = -1) -> None:
        super().__init__(recipe)
        self.stop = stop
        self.seen: list[dict[str, Tensor]] = []
        self.judged: list[dict[str, Tensor]] = []
        self.network = nn.Module()

    def build(self) -> nn.Module:
        self.network = super().build()
        return self.network

    def batch(self, step: int) -> dict[str, Tensor]:
        if step == self.stop:
            raise KeyboardInterrupt
        return super().batch(step)

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        if network.training:
            self.seen.append({n: p.detach().clone() for n, p in network.named_parameters()})
        return super().output(network, batch)

    def validate(self, network: nn.Module) -> dict[str, float]:
        self.judged.append({n: p.detach().clone() for n, p in network.named_parameters()})
        at = min(len(self.seen) // 2, len(TOLD)) - 1
        return {"val_told": TOLD[at]}


def rows(figures: Sequence[float]) -> list[dict[str, float]]:
    return [{"step": 10.0 * at, "val_told": told} for at, told in enumerate(figures, 1)]


@pytest.mark.parametrize(
    ("figures", "since"),
    [
        (TOLD, 60),  # .85 < max(.5, .6, .9), the two latest left out
        ([0.9, 0.8, 0.7], 30),
        ([0.9, 0.8], 0),  # too few
        ([0.1, 0.2, 0.2, 0.2, 0.2], 0),  # as good is not worse
        ([0.9, 0.1, 0.1, 0.95, 0.96], 30),  # once begun it goes on
    ],
)
def test_the_average_begins_once_older_figures_were_better(
    figures: list[float], since: int
) -> None:
    recipe = replace(AVERAGED, patience=2 if since != 30 else 1)
    assert averaged_since(recipe, rows(figures)) == since
    less = replace(recipe, watch="-val_told")
    assert averaged_since(less, rows([-figure for figure in figures])) == since


def test_shares_make_the_mean_of_all_weights_since() -> None:
    average, weights = 0.0, [float(2**at) for at in range(9)]
    for step, weight in enumerate(weights):  # weights[s] are those after step s + 1
        average += newest_share(step, 4 if step >= 4 else 0) * (weight - average)
    assert average == pytest.approx(sum(weights[3:]) / 6)


def test_what_is_given_is_the_mean_of_the_weights_from_the_trigger_on(tmp_path: Path) -> None:
    task = Told()
    trained = train(task, tmp_path / "a.pt", quiet=True)
    live = dict(task.network.named_parameters())  # by now the average
    last = torch.load(tmp_path / "a.pt", weights_only=True)["network"]
    after = [*task.seen[1:], {name: last[name] for name in live}]  # after each step
    begun = 12
    assert averaged_since(AVERAGED, trained.history) == begun
    for name in live:
        mean = torch.stack([weights[name] for weights in after[begun - 1 :]]).double().mean(0)
        torch.testing.assert_close(trained.weights[name], mean.float(), atol=1e-6, rtol=1e-5)
        assert torch.equal(task.judged[4][name], after[9][name])  # before, the weights as they are
        assert torch.equal(task.judged[5][name], after[11][name])
        assert not torch.equal(task.judged[6][name], after[13][name])


def test_steps_are_those_of_plain_gradients_at_a_constant_rate(tmp_path: Path) -> None:
    task = Told(replace(AVERAGED, weight_decay=0.0, grad_clip=1e9))
    train(task, tmp_path / "a.pt", quiet=True)
    assert [learning_rate(AVERAGED, step) for step in (0, 3, 39)] == pytest.approx(
        [0.075, 0.3, 0.3]
    )
    network = ToyTask(AVERAGED).build()
    network.load_state_dict(task.seen[20], strict=False)
    batch = task.batch(20)
    torch.manual_seed((AVERAGED.seed << 32) + 20)
    task.loss(ToyTask.output(task, network, batch), batch)[0].backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        wanted = parameter.detach() - 0.3 * parameter.grad
        torch.testing.assert_close(task.seen[21][name], wanted)


@pytest.mark.parametrize("stop", [9, 13, 31])  # before, just behind and long after the trigger
def test_a_training_cut_anywhere_resumes_to_the_same_bits(tmp_path: Path, stop: int) -> None:
    whole = train(Counted(), tmp_path / "a.pt", quiet=True)
    assert averaged_since(Counted().recipe, whole.history) == 12
    with pytest.raises(KeyboardInterrupt):
        train(Counted(stop), tmp_path / "b.pt", quiet=True)
    resumed = train(Counted(), tmp_path / "b.pt", resume=True, quiet=True)
    assert resumed.history == whole.history
    assert all(torch.equal(t, resumed.weights[n]) for n, t in whole.weights.items())


class Counted(ToyTask):
    """Figures that follow from how much was trained, not from how often this process validated."""

    def __init__(self, stop: int = -1) -> None:
        super().__init__(AVERAGED)
        self.stop = stop

    def batch(self, step: int) -> dict[str, Tensor]:
        if step == self.stop:
            raise KeyboardInterrupt
        return super().batch(step)

    def validate(self, network: nn.Module) -> dict[str, float]:
        norm = next(m for m in network.modules() if isinstance(m, nn.BatchNorm1d))
        at = int(norm.num_batches_tracked or 0) // 2  # type: ignore[operator]
        return {"val_told": TOLD[min(at, len(TOLD)) - 1], **super().validate(network)}


@pytest.mark.slow
def test_two_processes_average_from_the_same_step_and_resume_to_the_same_bits(
    tmp_path: Path,
) -> None:
    script = tmp_path / "two.py"
    script.write_text(
        "import os, sys\nfrom pathlib import Path\nimport torch\n"
        "from edgernn.train.loop import train\nfrom tests.train.test_nt_asgd import Counted\n"
        "path, stop, resume = sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3\n"
        "made = train(Counted(stop), Path(path), resume=resume, quiet=True)\n"
        "torch.save(made.weights, path + os.environ['RANK'])\n"
    )
    path, cut = tmp_path / "a.pt", tmp_path / "b.pt"
    run = torchrun([str(script), str(path), "-1"])
    assert run.returncode == 0, run.stderr
    first, second = (torch.load(f"{path}{rank}", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(t, second[n]) for n, t in first.items())
    kept = torch.load(path, weights_only=True)
    assert averaged_since(AVERAGED, kept["history"]) == 12
    assert not torch.equal(kept["average"]["0.weight"], kept["network"]["0.weight"])
    assert torchrun([str(script), str(cut), "61"]).returncode != 0  # the second's in step 30
    assert 12 < torch.load(cut, weights_only=True)["step"] < 40
    run = torchrun([str(script), str(cut), "-1", "resume"])
    assert run.returncode == 0, run.stderr
    again = torch.load(f"{cut}1", weights_only=True)
    assert all(torch.equal(t, again[n]) for n, t in first.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "optimizer nt_asgd lacks train.watch"),
        ("watch = 3", "optimizer nt_asgd lacks train.watch"),
        ('watch = "val_told"\npatience = 0', "train.patience is 0"),
    ],
)
def test_a_recipe_without_what_it_needs_is_refused(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe("toy", f'[train]\nsteps = 5\noptimizer = "nt_asgd"\n{text}')


def test_a_figure_that_no_validation_gives_is_named(tmp_path: Path) -> None:
    task = ToyTask(replace(AVERAGED, watch="-val_wer"))
    with pytest.raises(RecipeError, match=r"train.watch is '-val_wer'; .* gives loss, val_accu"):
        train(task, tmp_path / "a.pt", quiet=True)
