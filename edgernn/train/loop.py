"""The training loop: an optimizer, warm-up and cosine, average, clipping, validation, resuming.

Everything random in step k follows from (recipe.seed, k): the task's batch and torch's generator
(dropout). So a resumed training runs the very steps that the uninterrupted one would have run,
and on the CPU ends in the same bits.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from edgernn.errors import EdgernnError
from edgernn.interrupt import held_interrupt
from edgernn.train.checkpoint import load_checkpoint, restore_rng, save_checkpoint
from edgernn.train.method import Batch, Method
from edgernn.train.nt_asgd import averaged_since, newest_share
from edgernn.train.processes import ALONE, Processes, joined, processes
from edgernn.train.recipe import Recipe
from edgernn.train.scaled_adam import ScaledAdam


class Task(Protocol):
    """What a model brings to the loop; models/NAME/training.py offers one as `Task`.

    It may have `counted(output, batch)` besides: which of the outputs' rows are not of padding, by
    a mask without the last axis. A teacher is heard in these alone. And `methods()`: what acts on
    its training beside what the recipe asks of any.
    """

    recipe: Recipe

    def build(self) -> nn.Module:
        """A fresh network; the loop has seeded torch before."""

    def batch(self, step: int) -> Batch:
        """The batch of this step, a pure function of (recipe.seed, step); on the CPU."""

    def output(self, network: nn.Module, batch: Batch) -> Tensor:
        """What the network makes of a batch; random only by torch's generator."""

    def loss(self, output: Tensor, batch: Batch) -> tuple[Tensor, float]:
        """Loss to minimise, and the accuracy on this batch in [0, 1]."""

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Figures on the validation split, under torch.no_grad and eval."""


def counted(task: Task, output: Tensor, batch: Batch) -> Tensor:
    """The rows of an output that count: (n, classes), or the output itself if all do."""
    mask = getattr(task, "counted", None)
    return output if mask is None else output[mask(output, batch)]


def with_recipe(task: Task, recipe: Recipe) -> Task:
    """The same task by another recipe over the same data, which is not loaded again."""
    made = copy.copy(task)
    made.recipe = recipe
    return made


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training ended with. weights: the average on the CPU; history: one row a validation.

    network: with these weights, in eval mode, what methods attached still on it.
    """

    weights: dict[str, Tensor]
    history: list[dict[str, float]]
    steps: int
    network: nn.Module


def choose_device(name: str = "auto", who: Processes = ALONE) -> torch.device:
    """`auto` is cuda where there is one, else cpu. Raises: EdgernnError for an absent device.

    Each process of a host gets a GPU of its own.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and who.size > 1:
        name = f"cuda:{who.local}"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as cause:
        line = str(cause).splitlines()[0]
        raise EdgernnError(f"device {name!r} cannot be used: {line}") from cause
    return torch.device(name)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then a cosine to zero at recipe.steps; under `nt_asgd` no fall."""
    rise = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
    if recipe.optimizer == "nt_asgd":
        return recipe.learning_rate * rise
    return recipe.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / recipe.steps))


def make_optimizer(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimizer; vectors (biases, norms) have no weight decay."""
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "scaled_adam":
        return ScaledAdam(groups, lr=0.0)
    if recipe.optimizer == "nt_asgd":
        return torch.optim.SGD(groups, lr=0.0)
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), fused=True)


class _Run:
    """All that changes during a training, and so all that a checkpoint holds."""

    def __init__(
        self,
        task: Task,
        device: torch.device,
        methods: Sequence[Method] = (),
        who: Processes = ALONE,
    ) -> None:
        self.recipe, self.device, self.step = task.recipe, device, 0
        self.methods, self.who = methods, who
        torch.manual_seed(self.recipe.seed)
        self.network = task.build().to(device)
        for method in methods:
            method.attach(self.network)
        self.average = {n: t.detach().clone() for n, t in self.network.state_dict().items()}
        self.optimizer = make_optimizer(self.recipe, self.network)
        self.history: list[dict[str, float]] = []
        self.recent: list[float] = []  # loss and accuracy, smoothed
        self.since = 0  # step at which `nt_asgd` began to average; 0 before

    def loss(self, task: Task, batch: Batch) -> tuple[Tensor, float]:
        """The task's loss with what the methods add, and the accuracy."""
        for method in self.methods:
            method.before_step(self.network, self.step)
        output = task.output(self.network, batch)
        loss, accuracy = task.loss(output, batch)
        for method in self.methods:
            loss = method.share * loss + method.extra(self.network, batch, output)
        return loss, accuracy

    def update(self, loss: Tensor, accuracy: float) -> None:
        """One optimiser step, and the average after it."""
        now = torch.tensor([float(loss.detach()), accuracy], device=self.device)
        self.who.mean([now])
        self.recent = _smooth(self.recent, now.tolist())
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.who.mean_gradients(self.network)
        trained = [p for p in self.network.parameters() if p.grad is not None]
        nn.utils.clip_grad_norm_(trained, self.recipe.grad_clip)
        self.optimizer.step()
        share = self.share()
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point() and share < 1:
                    self.average[name].lerp_(value, share)
                else:
                    self.average[name].copy_(value)
        self.step += 1

    def share(self) -> float:
        """Of the weights after this step in their average."""
        if self.recipe.optimizer == "nt_asgd":
            return newest_share(self.step, self.since)
        if not self.recipe.ema_decay:
            return 1.0
        return 1 - min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))

    def heed(self) -> None:
        """See by the validations so far whether `nt_asgd` averages; the first process knows them.

        Raises: RecipeError if they lack what is watched.
        """
        if self.recipe.optimizer == "nt_asgd":
            self.since = self.who.of_first(averaged_since(self.recipe, self.history))

    def validate(self, task: Task) -> dict[str, float]:
        """Figures of the averaged weights, recorded in the history."""
        live = {n: t.detach().clone() for n, t in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        self.network.eval()
        with torch.no_grad():
            figures = task.validate(self.network)
        self.network.load_state_dict(live)
        self.network.train()
        row = {"step": float(self.step), "loss": self.recent[0]}
        row |= {name: float(value) for name, value in figures.items()}
        self.history.append(row)
        return row

    def finished(self) -> nn.Module:
        """The network with the averaged weights on the CPU, after every method's last word."""
        self.network.load_state_dict(self.average)
        for method in self.methods:
            method.finish(self.network)
        return self.network.cpu().eval()

    def save(self, path: Path) -> None:
        """Write everything to `path`; the first process does."""
        if not self.who.first:
            return
        values = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "recent": self.recent,
        }
        save_checkpoint(path, values, recipe=self.recipe.fingerprint())

    def load(self, path: Path) -> None:
        """Continue from `path`, which the first process reads."""
        fingerprint = self.recipe.fingerprint()
        values = load_checkpoint(path, recipe=fingerprint) if self.who.first else {}
        values = self.who.of_first(values)
        self.network.load_state_dict(values["network"])
        self.average = {n: t.to(self.device) for n, t in values["average"].items()}
        self.optimizer.load_state_dict(values["optimizer"])
        self.step, self.history, self.recent = values["step"], values["history"], values["recent"]
        self.heed()
        restore_rng(values["rng"])


def train(
    task: Task,
    checkpoint: Path,
    *,
    methods: Sequence[Method] = (),
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
) -> Trained:
    """Run the task's recipe to its end, leaving a checkpoint every `checkpoint_every` steps.

    methods: what acts beside the task, in this order; they end with `finish` on the weights given.

    Under `torchrun` all processes train together, each on a part (`train.processes`).
    Ctrl-C ends the running step, writes a checkpoint and raises KeyboardInterrupt.
    Raises: CheckpointError if the checkpoint cannot be written, or resumed from.
    """
    who = processes()
    chosen = choose_device(device, who)
    with joined(who, chosen):
        run = _Run(task, chosen, methods, who)
        if resume:
            run.load(checkpoint)
        part = with_recipe(task, who.share(task.recipe)) if who.size > 1 else task
        _train(run, part, checkpoint, quiet=quiet or not who.first)
    network = run.finished()
    weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    return Trained(weights, run.history, run.step, network)


def _train(run: _Run, task: Task, checkpoint: Path, *, quiet: bool) -> None:
    """The steps that are left. Raises: KeyboardInterrupt on all processes after the same step."""
    recipe = run.recipe
    run.network.train()
    with held_interrupt() as asked, _bar(recipe, run.step, quiet) as show:
        for batch in _batches(task, run):
            if run.who.any(asked.is_set(), run.device):
                run.save(checkpoint)
                raise KeyboardInterrupt
            torch.manual_seed((recipe.seed << 32) + run.who.at(run.step))
            run.update(*run.loss(task, batch))
            last = run.step == recipe.steps
            judged = last or run.step % recipe.validate_every == 0
            row = run.validate(task) if judged and run.who.first else {}
            if judged:
                run.heed()
            show(run.step, run.recent, row)
            if last or run.step % recipe.checkpoint_every == 0:
                run.save(checkpoint)


def _batches(task: Task, run: _Run) -> Iterator[Batch]:
    """Batches from the run's step to the end, each made while the one before is trained on."""
    first, steps = run.step, run.recipe.steps
    if first >= steps:
        return
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(task.batch, run.who.at(first))
        for step in range(first, steps):
            batch = {name: tensor.to(run.device) for name, tensor in coming.result().items()}
            if step + 1 < steps:
                coming = pool.submit(task.batch, run.who.at(step + 1))
            yield batch


Show = Callable[[int, list[float], Mapping[str, float]], None]


@contextmanager
def _bar(recipe: Recipe, done: int, quiet: bool) -> Iterator[Show]:
    """A progress bar with loss, accuracy, the last validation and the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}  accuracy {task.fields[accuracy]:.3f}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, disable=quiet) as progress:
        fields: dict[str, Any] = {"loss": 0.0, "accuracy": 0.0, "note": ""}
        bar = progress.add_task(recipe.name, total=recipe.steps, completed=done, **fields)

        def show(step: int, recent: list[float], row: Mapping[str, float]) -> None:
            progress.update(bar, completed=step, loss=recent[0], accuracy=recent[1])
            if row:
                progress.update(bar, note=_note(row))

        yield show


def _smooth(before: list[float], now: list[float]) -> list[float]:
    return [0.95 * a + 0.05 * b for a, b in zip(before, now, strict=True)] if before else now


def _note(row: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in row.items() if name.startswith("val"))
