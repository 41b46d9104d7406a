"""A supernet as a table: every size judged once, kept as it comes."""

from __future__ import annotations

import functools
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from torch.utils.flop_counter import FlopCounterMode

from edgernn.compress.begin import agree, settings
from edgernn.compress.budget import Budget
from edgernn.correlation import spearman
from edgernn.streaming import Streaming
from edgernn.supernet.extract import COVARIANCE, Trained, Whole, find_supernet, parameters
from edgernn.supernet.finding import ASKED, Known, loss_of
from edgernn.supernet.ranking import untrained
from edgernn.supernet.space import Choice, Space, label, parse_label
from edgernn.train.checkpoint import write_bytes
from edgernn.train.loop import with_recipe

MACS, PARAMETERS = "macs", "parameters"
Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Table:
    """All sizes of a supernet: figures of the validation, then MACs and what ranks untrained.

    rows: by the sizes in words; of each the first figure is what is searched for.
    """

    title: str
    rows: Mapping[str, Figures]

    @property
    def figure(self) -> str:
        return next(iter(next(iter(self.rows.values()))))

    @property
    def space(self) -> Space:
        choices = [parse_label(name) for name in self.rows]
        return Space({key: tuple(sorted({one[key] for one in choices})) for key in choices[0]})

    @property
    def half(self) -> Budget:
        """What half of the sizes meet."""
        return Budget({MACS: statistics.median_low(row[MACS] for row in self.rows.values())})

    def of(self, choice: Choice) -> Figures:
        """All that is known of a size."""
        return self.rows[label(choice)]

    def losses(self, choices: Sequence[Choice]) -> list[float]:
        """The smaller the better, as `search` asks for them."""
        return [loss_of(self.of(choice)) for choice in choices]

    def alike(self, column: str) -> float:
        """Rank correlation of a column with how good the sizes are."""
        rows = self.rows.values()
        return spearman([row[column] for row in rows], [-loss_of(row) for row in rows])


def judged(
    title: str, name: str, data: Path, output: Path, only: Mapping[str, Sequence[int]]
) -> Table:
    """Judge what is missing of a trained supernet; `only`: of some dimensions fewer values.

    Raises: CheckpointError if `output` holds another's; what `find_supernet` raises.
    """
    net = find_supernet(name)
    agree(output, settings(net.model, net.recipe))
    known, whole = Known(output / ASKED), net.whole(data)
    whole.task.batch = functools.cache(whole.task.batch)  # type: ignore[method-assign]
    space = net.how.space.dimensions
    every = [
        net.how.space.check(one)
        for one in Space({**space, **{k: tuple(v) for k, v in only.items()}})
    ]
    missing = [one for one in every if label(one) not in known.costs]
    for choice in track(missing, title, console=Console(stderr=True), disable=not missing):
        known.note("figures", label(choice), whole.figures(choice))
        known.note("costs", label(choice), _facts(net, whole, choice))
    names = [label(choice) for choice in every]
    return Table(title, {one: {**known.figures[one], **known.costs[one]} for one in names})


def _facts(net: Trained, whole: Whole, choice: Choice) -> Figures:
    """What is known of a size without its trained weights."""
    steps = net.subnetwork(choice)
    score = untrained(with_recipe(whole.task, net.recipe_of(choice)))
    return {MACS: macs(net, steps), PARAMETERS: parameters(steps), COVARIANCE: score}


@torch.no_grad()
def macs(net: Trained, steps: dict[str, Streaming]) -> int:
    """Of one step, of several one of each, as torch counts them."""
    given = {
        name: torch.from_numpy(streams[0]) for name, streams in net.model.fed(steps, 1).items()
    }
    with FlopCounterMode(display=False) as counter:
        for name, step in steps.items():
            step.step(given[name][:, : step.timing.block], step.initial_state(1))
    return int(counter.get_total_flops()) // 2


def read_tables(path: Path) -> list[Table]:
    """What `write_tables` wrote."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    return [Table(title, rows) for title, rows in kept.items()]


def write_tables(path: Path, tables: Sequence[Table]) -> None:
    """As JSON, a size a line."""
    parts = []
    for table in tables:
        lines = [f" {json.dumps(name)}: {json.dumps(row)}" for name, row in table.rows.items()]
        parts.append(f"{json.dumps(table.title)}: {{\n" + ",\n".join(lines) + "\n}")
    write_bytes(path, ("{" + ",\n".join(parts) + "}\n").encode())
