"""The frontier: try what is sensible on a model, measure what each costs and answers on its target.

Every candidate begins with the same weights and is trained for equally many steps, then exported,
proven, counted or timed, and judged by the figures of its compiled form. What was done is kept run
by run, so that an interrupted search goes on where it was.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from edgernn.compress.begin import agree, fine_tuning, first_recipe, settings
from edgernn.compress.budget import Budget
from edgernn.compress.candidates import CONTROL, Candidate, candidates
from edgernn.compress.plan import trained
from edgernn.compress.played import compiled
from edgernn.compress.points import Point, Run, choose, gathered
from edgernn.errors import CheckpointError, EdgernnError, ModelError
from edgernn.exporting import export
from edgernn.model import Model, find_model
from edgernn.profile.costs import costs
from edgernn.target import Target, find_target
from edgernn.train.checkpoint import write_bytes
from edgernn.train.loop import Task, with_recipe
from edgernn.train.recipe import Recipe
from edgernn.train.run import (
    CHECKPOINT,
    HISTORY,
    RECIPE,
    WEIGHTS,
    find_task,
    run_recipe,
)
from edgernn.verify import Say

RUNS = "runs.jsonl"


@dataclass(frozen=True, slots=True)
class Search:
    """What to search. seconds: after which nothing new is begun, None for no limit.

    steps, learning_rate: of each candidate's training; by default half of the recipe's each.
    tried: the candidates, the control first; by default what is sensible for the network.
    """

    model: str
    data: Path
    target: str
    out: Path
    budget: Budget
    max_loss: float | None = None
    seeds: int = 1
    steps: int | None = None
    learning_rate: float | None = None
    seconds: float | None = None
    recipe: Path | None = None
    tried: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found. skipped: candidates that time did not suffice for, or that failed."""

    figure: str
    higher: bool
    points: list[Point]
    skipped: Mapping[str, str]
    best: Point | None
    reason: str = ""

    @property
    def reference(self) -> Point:
        """The control: the network as it is, after equally many steps."""
        return next(p for p in self.points if p.name == CONTROL)


def search(how: Search, *, resume: bool = False, quiet: bool = False, say: Say = print) -> Found:
    """Try the candidates. Raises: ModelError, DataError, CheckpointError without `resume`."""
    log = how.out / RUNS
    if log.exists() and not resume:
        raise CheckpointError(f"{log}: exists; add --resume to go on, or choose another --output")
    model, target = find_model(how.model), find_target(how.target)
    base = _base(how, model)
    agree(how.out, settings_of(how), write=False)
    task = find_task(model)(base, how.data)
    network = trained(model, task)
    tried = how.tried or candidates(network, target.number_types)
    todo = [(one, seed) for seed in range(1, how.seeds + 1) for one in tried]
    done = {(run.name, run.seed): run for run in _read(log)}
    _go_on(log, done, [(one, _recipe(base, one, seed)) for one, seed in todo])
    with torch.no_grad():
        figure = next(iter(task.validate(network)))
    agree(how.out, settings_of(how))
    began, skipped = time.monotonic(), dict[str, str]()
    for at, (one, seed) in enumerate(todo):
        recipe = _recipe(base, one, seed)
        if (one.name, recipe.seed) in done:
            continue
        if how.seconds is not None and time.monotonic() - began > how.seconds and done:
            skipped[one.name] = "no time left"
            continue
        say(f"{at + 1} of {len(todo)}: {one.name}, seed {seed}")
        same = next((r.folder for r in done.values() if r.recipe == recipe.fingerprint()), None)
        try:
            run = _run(how, model, target, task, recipe, one, same, quiet)
        except EdgernnError as cause:
            if one.name == CONTROL or isinstance(cause, CheckpointError):
                raise
            skipped[one.name] = str(cause)
            say(f"{one.name}: left out: {cause}")
            continue
        done[run.name, run.seed] = run
        rows = "".join(json.dumps(row.as_json()) + "\n" for row in done.values())
        write_bytes(log, rows.encode())
    return _judged(how, figure, gathered(done.values()), skipped)


def _go_on(
    log: Path,
    done: Mapping[tuple[str, int], Run],
    todo: Sequence[tuple[Candidate, Recipe]],
) -> None:
    """Raises: CheckpointError if a run that is there was trained otherwise than it is now asked.

    Runs of what is not asked now are left as they are, and count.
    """
    for one, recipe in todo:
        own = done.get((one.name, recipe.seed))
        if own and (own.recipe, own.number_type) != (recipe.fingerprint(), one.number_type):
            raise CheckpointError(
                f"{log}: {one.name}, seed {own.seed}, was trained by another recipe "
                f"({own.recipe[:8]}, now {recipe.fingerprint()[:8]}); resume with the --steps, "
                "--learning-rate and --recipe of then, or choose another --output"
            )


def _judged(how: Search, figure: str, points: list[Point], skipped: Mapping[str, str]) -> Found:
    higher = figure.endswith("accuracy")
    found = Found(figure, higher, points, skipped, None)
    try:
        best = choose(points, found.reference, how.budget, how.max_loss, higher=higher)
    except ModelError as cause:
        return replace(found, reason=str(cause))
    return replace(found, best=best)


def _base(how: Search, model: Model) -> Recipe:
    """The model's recipe with the steps of a fine-tuning, from its trained weights."""
    recipe = first_recipe(how.model, model, how.recipe)
    return fine_tuning(recipe, how.steps or max(1, recipe.steps // 2), how.learning_rate)


def settings_of(how: Search) -> dict[str, Any]:
    """What a search that goes on must share with its beginning.

    Budget, loss and time are free, and so is what is tried, with how many seeds.
    """
    model = find_model(how.model)
    return settings(model, _base(how, model), target=how.target)


def _recipe(base: Recipe, one: Candidate, seed: int) -> Recipe:
    compress = {**base.compress, **one.compress}
    return replace(base, seed=base.seed + seed - 1, compress=compress, **one.others)


def _run(
    how: Search,
    model: Model,
    target: Target,
    task: Task,
    recipe: Recipe,
    one: Candidate,
    same: str | None,
    quiet: bool,
) -> Run:
    """Train, export and measure one candidate. same: folder of a run by the same recipe, if any."""
    folder = how.out / f"{_plain(one.name)}-{recipe.seed}"
    if same:
        for name in (WEIGHTS, HISTORY, RECIPE):
            write_bytes(folder / name, (how.out / same / name).read_bytes())
    else:
        resume = (folder / CHECKPOINT).exists()
        run_recipe(model, with_recipe(task, recipe), folder, resume=resume, quiet=quiet)
    last = json.loads((folder / HISTORY).read_text(encoding="utf-8"))["rows"][-1]
    bundle = folder / f"{model.name}.edgernn"
    export(str(folder), target.name, one.number_type, bundle)
    network = trained(find_model(str(folder)), task)
    with torch.no_grad():
        value = next(iter(task.validate(compiled(network, bundle)).values()))
    return Run(
        one.name,
        recipe.seed,
        one.number_type,
        float(value),
        next(v for k, v in last.items() if k not in ("step", "loss")),
        recipe.fingerprint(),
        folder=folder.name,
        **costs(bundle, target),
    )


def _plain(name: str) -> str:
    """A candidate's name as a folder's."""
    words = "".join(c if c.isalnum() else " " for c in name.replace("%", "")).split()
    return "-".join(words)


def _read(log: Path) -> Iterator[Run]:
    if log.is_file():
        for line in log.read_text(encoding="utf-8").splitlines():
            yield Run(**json.loads(line))


def deliver(how: Search, found: Found) -> Path:
    """Put the best run's recipe, weights and bundle into `best`, and give its path.

    Raises: ModelError if nothing was found, with the nearest.
    """
    if found.best is None:
        raise ModelError(found.reason)
    best, fresh = how.out / "best", how.out / ".best"
    source = how.out / found.best.best.folder
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh, ignore=shutil.ignore_patterns(CHECKPOINT))
    shutil.rmtree(best, ignore_errors=True)
    fresh.rename(best)
    return best
