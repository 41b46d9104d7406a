"""`edgernn supernet search`: the best subnetwork of a trained supernet within a budget.

Losses are the validation's, of the shared weights; costs are those of the compiled subnetwork on
its target. A network that is larger in no dimension is taken to cost no more, so that few need
compiling: only those that no known one settles. What is delivered was compiled for certain.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgernn.compress.begin import agree, settings
from edgernn.compress.budget import Budget
from edgernn.errors import CheckpointError, ModelError
from edgernn.exporting import export
from edgernn.profile.costs import costs
from edgernn.supernet.evaluating import Evaluate, led
from edgernn.supernet.extract import Trained, Whole, cut_out
from edgernn.supernet.on_ray import on_ray
from edgernn.supernet.search import search
from edgernn.supernet.space import Choice, label, parse_label
from edgernn.target import find_target
from edgernn.train.processes import processes
from edgernn.verify import Say

ASKED, BEST = "asked.jsonl", "best"  # in the output folder


@dataclass(frozen=True, slots=True)
class Finding:
    """What is asked. method: of `search`. evaluations: of losses, at most.

    ray: the address of a cluster that evaluates, "" for any; None: `torchrun`'s processes, or this.
    """

    net: Trained
    data: Path
    target: str
    out: Path
    budget: Budget
    number_type: str = "w8a8"
    method: str = "evolution"
    evaluations: int = 40
    seed: int = 0
    ray: str | None = None


@dataclass(slots=True)
class Known:
    """Figures and costs measured so far, by subnetwork, kept in a file as they come."""

    path: Path
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    costs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                getattr(self, row["kind"])[row["subnetwork"]] = row["found"]

    def note(self, kind: str, name: str, found: Mapping[str, Any]) -> None:
        """Keep what was found of a subnetwork."""
        getattr(self, kind)[name] = dict(found)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"subnetwork": name, "kind": kind, "found": found}) + "\n")


Found = tuple[list[dict[str, Any]], str]


def find(how: Finding, *, resume: bool = False, say: Say = print) -> Found | None:
    """Search; leaves `best` in the output folder, a model with its bundle.

    Gives a row for each subnetwork that was evaluated, the best first, and the delivered one; on
    all processes of `torchrun` but the first nothing.

    Raises: ModelError if nothing fits the budget, with the nearest; CheckpointError for an output
        that exists, or a search that was begun otherwise; EdgernnError if a process is lost.
    """
    find_target(how.target)
    whole = how.net.whole(how.data)

    def lead(evaluate: Evaluate) -> Found:
        return _found(how, whole, evaluate, resume=resume, say=say)

    if how.ray is None:
        return led(processes(), whole.figures, lead)
    with on_ray(how.net, how.data, how.ray) as evaluate:
        return lead(evaluate)


def _found(how: Finding, whole: Whole, evaluate: Evaluate, *, resume: bool, say: Say) -> Found:
    """The search, on the process that leads it."""
    if how.out.exists() and not resume:
        raise CheckpointError(f"{how.out}: exists; choose another --output, or --resume its search")
    net = how.net
    agree(how.out, settings(net.model, net.recipe, target=how.target, type=how.number_type))
    asked = _Asked(how, whole, evaluate, Known(how.out / ASKED), say)
    asked.excess(net.how.space.smallest)  # where it does not fit, no other is compiled
    ranked = search(
        how.method, net.how.space, asked.losses, asked.excess, how.evaluations, seed=how.seed
    )
    best = next((choice for _, choice in ranked if asked.fits(choice)), None)
    if best is None:
        raise ModelError("search: nothing that was evaluated fits once compiled; evaluate more")
    asked.deliver(best)
    return [asked.row(choice) for _, choice in ranked], label(best)


class _Asked:
    """Losses and costs of subnetworks, each measured once, and only where it is needed."""

    def __init__(
        self, how: Finding, whole: Whole, evaluate: Evaluate, known: Known, say: Say
    ) -> None:
        self.how, self.whole, self.evaluate = how, whole, evaluate
        self.known, self.say = known, say

    def losses(self, choices: Sequence[Choice]) -> list[float]:
        """The validation's first figures with the shared weights; accuracies negated."""
        fresh = [choice for choice in choices if label(choice) not in self.known.figures]
        for choice, figures in zip(fresh, self.evaluate(fresh), strict=True):
            self._note("figures", label(choice), figures)
        return [loss_of(self.known.figures[label(choice)]) for choice in choices]

    def excess(self, choice: Choice) -> float:
        """As `Budget.excess`; where a smaller or larger network settles it, that one's."""
        for name, found in self.known.costs.items():
            other, over = parse_label(name), self.how.budget.excess(found)
            if over and all(other[key] <= size for key, size in choice.items()):
                return over
            if not over and all(other[key] >= size for key, size in choice.items()):
                return 0.0
        return self._measured(choice)

    def fits(self, choice: Choice) -> bool:
        """For certain, as it was compiled."""
        return not self._measured(choice)

    def _measured(self, choice: Choice) -> float:
        name = label(choice)
        if not self.how.budget.limits:
            return 0.0
        if name not in self.known.costs:
            with tempfile.TemporaryDirectory() as folder:
                bundle = self._compiled(choice, Path(folder))
                self._note("costs", name, costs(bundle, find_target(self.how.target)))
        return self.how.budget.excess(self.known.costs[name])

    def _compiled(self, choice: Choice, folder: Path) -> Path:
        """The subnetwork's folder with its bundle. Gives the bundle's path."""
        cut_out(self.how.net, choice, folder, self.whole)
        bundle = folder / f"{self.how.net.model.name}.edgernn"
        export(str(folder), self.how.target, self.how.number_type, bundle)
        return bundle

    def _note(self, kind: str, name: str, found: Mapping[str, Any]) -> None:
        self.known.note(kind, name, found)
        shown = (f"{key} {value:,.6g}" for key, value in found.items() if value is not None)
        self.say(f"{name}: {', '.join(shown)}")

    def deliver(self, choice: Choice) -> None:
        """Put the subnetwork into `best`, in the place of what was there."""
        best, fresh = self.how.out / BEST, self.how.out / f".{BEST}"
        shutil.rmtree(fresh, ignore_errors=True)
        self._compiled(choice, fresh)
        shutil.rmtree(best, ignore_errors=True)
        fresh.rename(best)

    def row(self, choice: Choice) -> dict[str, Any]:
        """All that is known of a subnetwork."""
        name = label(choice)
        return {
            "subnetwork": name,
            **self.known.figures[name],
            **self.known.costs.get(name, {}),
        }


def loss_of(figures: Mapping[str, Any]) -> float:
    """The first figure of a validation, the smaller the better: accuracies are negated."""
    name, value = next(iter(figures.items()))
    return -float(value) if name.endswith("accuracy") else float(value)
