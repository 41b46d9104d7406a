"""`edgernn compress --delta`: a model with the thresholds that read the fewest columns in a loss.

Thresholds are chosen by the first figure of the model's own validation, over what the network hears
in it; then the network is trained on with them, if asked, and exported. The folder that this leaves
is a model like any other.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from torch import nn

from edgernn.compress.begin import agree, fine_tuning, first_recipe, settings
from edgernn.compress.candidates import REST
from edgernn.compress.columns import Read, columns_read, heard, whole
from edgernn.compress.delta import Delta, held_signals, restful
from edgernn.compress.plan import trained
from edgernn.compress.played import compiled
from edgernn.compress.signals import signals
from edgernn.compress.thresholds import HALVINGS, Picked, pick_thresholds
from edgernn.compress.torchs import hides_its_steps, torchs_own
from edgernn.errors import CheckpointError, ModelError, ParityError
from edgernn.exporting import export
from edgernn.graph.number_type import find_number_type
from edgernn.model import Model, find_model
from edgernn.profile.costs import costs
from edgernn.target import Target, find_target
from edgernn.train.loop import Task, with_recipe
from edgernn.train.recipe import Recipe
from edgernn.train.run import CHECKPOINT, find_task, run_recipe
from edgernn.verify import Say

NUMBER_TYPE = "w8a8"
LOWER, MOST_TRIES = 0.8, 6  # thresholds of a step that strays from torch; a quarter at last
ASKED = ("target", "max_loss", "block", "layers")  # of what is asked, beside the recipe


@dataclass(frozen=True, slots=True)
class Picking:
    """What is asked. max_loss: of the validation's first figure. layers: all cells if none.

    steps: to train on for with the thresholds; learning_rate: by default half of the recipe's.
    """

    model: str
    data: Path
    target: str
    out: Path
    max_loss: float
    block: int = 1
    layers: tuple[str, ...] = ()
    steps: int = 0
    learning_rate: float | None = None
    recipe: Path | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A held signal: threshold in its own units, in its standard deviations, and columns read."""

    signal: str
    columns: int
    threshold: float
    multiple: float
    read: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """What came out. Figures of the network before, with thresholds, at last, and compiled.

    share: of the weights behind holds, how many are read. dense, delta: costs of both compiled
    steps, those that the target has.
    """

    figure: str
    higher: bool
    before: float
    picked: float
    after: float
    compiled: float
    compiled_before: float
    share: float
    held: list[Held]
    dense: dict[str, Any]
    delta: dict[str, Any]

    def lost(self, value: float) -> float:
        """What a figure loses beside the one before."""
        return self.before - value if self.higher else value - self.before

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def pick(how: Picking, *, resume: bool = False, quiet: bool = False, say: Say = print) -> Chosen:
    """Choose thresholds, train on, export; leaves recipe, weights and bundle in the folder.

    An interrupted training goes on with `resume`; nothing else is left before all is proven.
    Raises: ModelError for what cannot hold, or where no threshold keeps the figure; DataError,
    CheckpointError.
    """
    if how.out.exists() and not resume:
        raise CheckpointError(f"{how.out}: exists; choose another --output, or --resume its search")
    model, target = find_model(how.model), find_target(how.target)
    base = fine_tuning(first_recipe(how.model, model, how.recipe), how.steps, how.learning_rate)
    asked = settings(model, base, **{k: v for k, v in asdict(how).items() if k in ASKED})
    asked["data"] = str(how.data.resolve())
    agree(how.out, asked, write=False)
    find_number_type(NUMBER_TYPE, target.number_types)
    task = find_task(model)(base, how.data)
    network = trained(model, task)
    judge = _Judge(task, network, most=1 + HALVINGS * (1 + 2 * _able(how, network)))
    with judge.shown(quiet):
        found = judge.pick(how)
    say(f"{judge.figure} {judge.before:.4g}; thresholds read {found.share:.1%} of the columns")
    new = not how.out.exists()
    try:
        agree(how.out, asked)
        build = partial(_build, how, model, with_recipe(task, base), quiet=quiet)
        found = _proven(how, judge, found, build, say)
        return _measured(how, model, target, judge, found)
    except BaseException:
        if new and not (how.out / CHECKPOINT).exists():
            shutil.rmtree(how.out, ignore_errors=True)
        raise


def _build(how: Picking, model: Model, task: Task, found: Picked, *, quiet: bool) -> None:
    """The folder's recipe, weights and bundle. Raises: ParityError if its step is not proven."""
    recipe = _with(task.recipe, found, how.steps)
    resume = (how.out / CHECKPOINT).exists()
    quiet = quiet or not how.steps
    run_recipe(model, with_recipe(task, recipe), how.out, resume=resume, quiet=quiet)
    export(str(how.out), how.target, NUMBER_TYPE, how.out / f"{model.name}.edgernn")


def _proven(
    how: Picking, judge: _Judge, found: Picked, build: Callable[[Picked], None], say: Say
) -> Picked:
    """Build, and lower the thresholds where the compiled step strays from torch by them.

    Rounded values cross thresholds at other frames than torch's, the more the larger these are.
    What was trained on is not lowered. Raises: ParityError at last.
    """
    for tries in range(MOST_TRIES):
        try:
            build(found)
        except ParityError as cause:
            if how.steps:
                raise ParityError(
                    f"{cause}. What was trained stays in {how.out}, a model without a bundle: "
                    "export it in another number type, or search with a smaller --max-loss"
                ) from cause
            if tries == MOST_TRIES - 1:
                raise
            found = judge.lowered(found, LOWER)
            say(f"note: {cause}")
            say(f"thresholds x {LOWER}: {found.share:.1%} of the columns")
        else:
            break
    return found


def _able(how: Picking, network: nn.Module) -> int:
    """How many signals the network will hold.

    Raises: ModelError if it holds already, or nothing in it can, or not what is named.
    """
    if held := ", ".join(one.name for one in signals(network)):
        raise ModelError(
            f"{how.model}: holds already ({held}); take the network without thresholds"
        )
    names = how.layers or tuple(restful(network))
    if not names:
        hidden = torchs_own(network)
        none = ModelError(f"{how.model}: has no cell that can hold; name layers with --layers")
        raise hides_its_steps("delta", hidden) if hidden else none
    trial, opened = copy.deepcopy(network), Delta(dict.fromkeys(names, 0.0), block=how.block)
    opened.apply(trial)
    return len(held_signals(trial, opened))


class _Judge:
    """The figure of a network, and what it hears while that is taken."""

    def __init__(self, task: Task, network: nn.Module, most: int) -> None:
        self.task, self.network, self.most, self.asked = task, network, most, 0
        with heard(network) as self.streams, torch.no_grad():
            self.figure, value = next(iter(task.validate(network).items()))
        if not self.streams:
            raise ModelError("the validation never ran the network, so nothing tells its columns")
        self.before, self.higher = float(value), self.figure.endswith("accuracy")
        self.nearest = float("inf")  # least loss of what held anything
        self.show: Any = lambda value: None

    def value(self, network: nn.Module) -> float:
        """The first figure of the validation."""
        with torch.no_grad():
            return float(next(iter(self.task.validate(network).values())))

    def loss(self, network: nn.Module) -> float:
        """Beside the network as it was."""
        value = self.value(network)
        lost = self.before - value if self.higher else value - self.before
        if self.asked:  # the first is the network with all thresholds at zero
            self.nearest = min(self.nearest, lost)
        self.asked += 1
        self.show(value)
        return lost

    def pick(self, how: Picking) -> Picked:
        """Raises: ModelError if no threshold keeps the figure."""
        found = pick_thresholds(
            *(self.network, self.streams, self.loss),
            allowed=how.max_loss,
            names=how.layers,
            block=how.block,
        )
        if not any(found.multiples.values()) or found.share >= 1:
            raise ModelError(
                f"{how.model}: no thresholds lose at most {how.max_loss:g} of {self.figure} "
                f"{self.before:.4g}; the least lost is {self.nearest:.4g}"
            )
        return found

    def lowered(self, found: Picked, share: float) -> Picked:
        """All thresholds times a number below 1."""
        how, trial = found.how.scaled(share), copy.deepcopy(self.network)
        how.apply(trial)
        multiples = {name: share * one for name, one in found.multiples.items()}
        reads = columns_read(trial, self.streams)
        return Picked(how, multiples, self.loss(trial), found.open_loss, reads)

    @contextmanager
    def shown(self, quiet: bool) -> Iterator[None]:
        """With a bar of the figures taken."""
        columns = (TextColumn("thresholds"), BarColumn(), MofNCompleteColumn())
        note = TextColumn(f"{self.figure} {{task.fields[value]:.4g}}")
        with Progress(*columns, note, console=Console(stderr=True), disable=quiet) as progress:
            bar = progress.add_task("", total=self.most, value=self.before)
            self.show = lambda value: progress.update(bar, completed=self.asked, value=value)
            yield
            progress.update(bar, completed=self.most)


def _with(base: Recipe, found: Picked, steps: int) -> Recipe:
    """The recipe with its thresholds; with the penalty and the ramp of the frontier, if trained."""
    thresholds = {
        n: list(v) if isinstance(v, tuple) else v for n, v in found.how.thresholds.items()
    }
    table = {"thresholds": thresholds, "block": found.how.block}
    if steps:
        table |= {**REST, "ramp": min(int(REST["ramp"]), steps)}
    return replace(base, compress={**base.compress, "delta": table})


def _measured(how: Picking, model: Model, target: Target, judge: _Judge, found: Picked) -> Chosen:
    """Judge the folder as a model and as a compiled step, beside that without thresholds."""
    bundle = how.out / f"{model.name}.edgernn"
    network = trained(find_model(str(how.out)), judge.task)
    with tempfile.TemporaryDirectory() as folder:
        dense = Path(folder) / bundle.name
        export(how.model, target.name, NUMBER_TYPE, dense)
        both = [_known(costs(path, target)) for path in (dense, bundle)]
        compiled_before = judge.value(compiled(judge.network, dense))
    reads = columns_read(network, judge.streams)
    return Chosen(
        *(judge.figure, judge.higher, judge.before),
        judge.before - found.loss if judge.higher else judge.before + found.loss,
        judge.value(network),
        judge.value(compiled(network, bundle)),
        compiled_before,
        whole(reads),
        _held(network, found, reads),
        *both,
    )


def _known(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def _held(network: nn.Module, found: Picked, reads: Sequence[Read]) -> list[Held]:
    every = found.how.thresholds.values()
    flat = [one for given in every for one in (given if isinstance(given, list) else [given])]
    thresholds = dict(zip(found.multiples, flat, strict=True))
    shares = {one.name: one.share for one in reads}
    return [
        Held(s.name, s.columns, thresholds[s.name], found.multiples[s.name], shares[s.name])
        for s in signals(network)
    ]
