"""The runs of `sparsity_in_rnns`: what each trains, and the file that remembers what it found.

A run is plain data, and so is its row: a line of JSON that holds the run and its result. A run
whose line is there is not done again; change any figure of it and it is another run.
"""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from benchmarks.sequence_tasks import TASKS, Labelled
from benchmarks.sequence_training import (
    GROUPS,
    accuracy,
    live_weights,
    pruned,
    stacked,
    train_epoch,
    wired,
)
from edgernn.compress.graph_properties import graph_properties
from edgernn.compress.random_graphs import (
    CELLS,
    Graph,
    barabasi_albert,
    erdos_renyi,
    layered,
    watts_strogatz,
)
from edgernn.streaming import Streaming

Row = dict[str, Any]
REGAINED = 0.005  # of accuracy below the unpruned net that count as regained
SMALL = 16  # units: a dense net of about a tenth of the weights of 50
PERCENTS = (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
FAMILIES = ("erdos_renyi", "watts_strogatz", "barabasi_albert")


@dataclass(frozen=True, slots=True)
class Pruning:
    """Train a dense net; from its best epoch, for each group and percentage, prune a copy.

    A copy pruned by `retrain_from` % or more is retrained until it is within REGAINED of the dense
    net, at most `retrain_epochs`. Only hidden-to-hidden weights are pruned to the last, since
    without any input weight every net guesses.
    """

    task: str
    cell: str
    seed: int
    width: int = 50
    percents: tuple[int, ...] = PERCENTS
    retrain_from: int = 70
    train: int = 4_000
    test: int = 1_000
    epochs: int = 10
    retrain_epochs: int = 3
    batch: int = 32
    rate: float = 1e-3
    kind: Literal["pruning"] = "pruning"

    def result(self) -> Row:
        bench = _Bench(self)
        net = stacked(TASKS[self.task], self.cell, self.width)
        curve = bench.trained_to_best(net, self.epochs)
        found: list[Row] = []
        for group in GROUPS if self.percents else ():
            for percent in self.percents:
                if percent == 100 and group != "hidden-to-hidden":
                    continue
                sparse = pruned(net, group, percent / 100)
                after = accuracy(sparse, bench.test)
                epochs = self.retrain_epochs if percent >= self.retrain_from else 0
                again = bench.trained(sparse, epochs, enough=max(curve) - REGAINED)
                facts = {"weights": live_weights(sparse), "after": after, "retrained": again}
                found.append({"group": group, "percent": percent, **facts})
        return {"curve": curve, "weights": live_weights(net), "pruned": found}


@dataclass(frozen=True, slots=True)
class Wiring:
    """Train a net that is wired as a random graph."""

    task: str
    cell: str
    family: str
    number: int  # which graph of its family
    form: Literal["ours", "thesis"] = "ours"
    most_nodes: int = 40
    train: int = 6_000
    test: int = 2_000
    epochs: int = 6
    batch: int = 64
    rate: float = 3e-3
    seed: int = 0  # of the data
    kind: Literal["wiring"] = "wiring"

    def result(self) -> Row:
        graph = random_graph(self.family, self.number, self.most_nodes)
        bench = _Bench(self, first=self.number)
        net = wired(TASKS[self.task], self.cell, layered(graph), self.form)
        curve = bench.trained(net, self.epochs)
        return {
            "curve": curve,
            "weights": live_weights(net),
            "properties": graph_properties(graph),
        }


Run = Pruning | Wiring


def random_graph(family: str, number: int, most_nodes: int) -> Graph:
    """A graph of 10 nodes or more, its parameters as in the thesis; it has no Erdos-Renyi graphs,
    which here get as many edges as its Watts-Strogatz graphs have.
    """
    nodes = random.Random(f"{family} {number}").randint(10, most_nodes)
    if family == "erdos_renyi":
        return erdos_renyi(nodes, probability=(nodes // 5) / (nodes - 1), seed=number)
    if family == "watts_strogatz":
        return watts_strogatz(nodes, neighbours=nodes // 5, rewiring=1.0, seed=number)
    return barabasi_albert(nodes, attached=nodes // 10, seed=number)


class _Bench:
    """A run's data, its random numbers and its optimizer."""

    def __init__(self, run: Run, first: int | None = None) -> None:
        self.run = run
        self.train, self.test = data(run.task, run.train, run.test, run.seed)
        seed = run.seed if first is None else first
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)

    def trained(self, net: Streaming, epochs: int, enough: float = np.inf) -> list[float]:
        """Test accuracy after each epoch; ends before the first once it is `enough`."""
        optimizer = torch.optim.Adam(net.parameters(), lr=self.run.rate)
        curve: list[float] = []
        while len(curve) < epochs:
            if enough < np.inf and (curve[-1] if curve else accuracy(net, self.test)) >= enough:
                break
            train_epoch(net, self.train, optimizer, self.rng, self.run.batch)
            curve.append(accuracy(net, self.test))
        return curve

    def trained_to_best(self, net: Streaming, epochs: int) -> list[float]:
        """Test accuracy after each epoch; the net is left as it was after the last best one.

        A late step of Adam may throw a net that was right back to guessing.
        """
        optimizer = torch.optim.Adam(net.parameters(), lr=self.run.rate)
        curve: list[float] = []
        best = copy.deepcopy(net.state_dict())
        for _ in range(epochs):
            train_epoch(net, self.train, optimizer, self.rng, self.run.batch)
            curve.append(accuracy(net, self.test))
            if curve[-1] == max(curve):
                best = copy.deepcopy(net.state_dict())
        net.load_state_dict(best)
        return curve


_DATA: dict[tuple[str, int, int, int], tuple[Labelled, Labelled]] = {}


def data(task: str, train: int, test: int, seed: int) -> tuple[Labelled, Labelled]:
    """The sets of a task, made once."""
    key = (task, train, test, seed)
    if key not in _DATA:
        _DATA.clear()
        _DATA[key] = TASKS[task].data(train, test, seed)
    return _DATA[key]


def as_data(run: Run) -> Row:
    """A run as JSON has it."""
    found: Row = json.loads(json.dumps(asdict(run)))
    return found


def kept(path: Path) -> list[Row]:
    """The rows of a file; a last line that was cut off is left out."""
    rows: list[Row] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def done(run: Run, path: Path) -> Row:
    """Do a run on one thread and append its row, with the seconds of CPU that it took."""
    torch.set_num_threads(1)
    start = time.process_time()
    result = run.result()
    row = {"run": as_data(run), **result, "cpu_s": round(time.process_time() - start, 1)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    return row


def pruning_runs(tasks: Sequence[str], seeds: int, quick: bool) -> Iterator[Run]:
    """Every cell and seed of each task, and beside the shell game's a smaller dense net."""
    sizes: Row = {"train": 600, "test": 300, "epochs": 2, "retrain_epochs": 1} if quick else {}
    if quick:
        sizes["percents"] = (50, 90)
    for task in tasks:
        more: Row = sizes
        if task == "shells" and not quick:
            more = {"train": 3_000}
        for seed in range(seeds):
            for cell in CELLS:
                yield Pruning(task, cell, seed, **more)
                if task == "shells":  # for Reber strings the pruned nets leave nothing to beat
                    yield Pruning(task, cell, seed, **{**more, "width": SMALL, "percents": ()})


def wiring_runs(graphs: int, thesis_graphs: int, quick: bool) -> Iterator[Run]:
    """Every cell on every graph in our form; LSTM, the cheapest gated one, in the thesis's too."""
    sizes: Row = {"train": 600, "test": 300, "epochs": 2, "most_nodes": 16} if quick else {}
    for number in range(graphs):
        for family in FAMILIES:
            for cell in CELLS:
                yield Wiring("reber", cell, family, number, **sizes)
            if number < thesis_graphs:
                yield Wiring("reber", "lstm", family, number, form="thesis", **sizes)
