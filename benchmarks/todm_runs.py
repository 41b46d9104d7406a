"""The trainings of `todm` carried out, judged, and remembered: one row a judged network.

A training leaves a folder that is a model. Rows are JSON by the training's key, its subnetwork, and
what was asked of it.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks import rows
from benchmarks.rows import Row
from benchmarks.todm_plan import Training
from benchmarks.trainings import spent, trained
from edgernn.frontend.sphinx import SphinxMFCC
from edgernn.model import Model, find_model, load_weights
from edgernn.models.asr import FRAME_MS, SAMPLE_RATE_HZ
from edgernn.models.asr.data import Utterance, load_an4
from edgernn.models.asr.evaluate import errors, hypotheses, total
from edgernn.recognition.errors import WordErrors
from edgernn.recognition.transducer import Transducer
from edgernn.supernet.extract import find_supernet
from edgernn.supernet.space import parse_label
from edgernn.timing import Timing
from edgernn.train.recipe import Recipe
from edgernn.train.run import WEIGHTS, find_task


class Rows(rows.Rows):
    """Rows of judged networks; with the words of each test utterance, in the order of errors."""

    @property
    def words(self) -> list[int]:
        words: list[int] = self.facts.setdefault("words", [])
        return words

    def errors(self, row: Row) -> list[WordErrors]:
        """The transducer's errors in each test utterance."""
        return [WordErrors(n, *kinds) for n, kinds in zip(self.words, row["errors"], strict=True)]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where trainings and rows are kept, and until when one may be begun (`time.monotonic`)."""

    data: Path
    output: Path
    rows: Rows
    deadline: float
    quiet: bool = False

    @property
    def model(self) -> Model:
        return find_model("asr")

    def folder(self, recipe: Recipe) -> Path:
        """Of a training."""
        return self.output / recipe.fingerprint()[:16]

    def trained(self, recipe: Recipe) -> Path:
        """The folder of a finished training; what is left of it is done now. Raises: OutOfTime."""
        folder = self.folder(recipe)
        trained(self.model, recipe, self.data, folder, self.deadline, quiet=self.quiet)
        return folder

    def left(self, one: Training) -> list[str]:
        """What of a training is not judged yet."""
        return [name for name in one.heard if self.rows.get(one.key, name) is None]

    def judged(self, one: Training) -> None:
        """A row for each network of a training that is judged; only what is missing is done."""
        for name in self.left(one):
            folder = self.trained(one.recipe)
            row = {"name": one.name, "subnetwork": name, **facts(one.recipe, folder)}
            network = trained_network(self.model, one.recipe, folder, self.data, name)
            self.rows.note({**row, **self.heard(network)}, one.key, name)

    def side_by_side(self, some: Sequence[Training], jobs: int) -> Iterator[Training]:
        """The trainings in their order, each trained, in so many processes. Raises: OutOfTime."""
        pool = ProcessPoolExecutor(
            jobs, multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)
        )
        try:
            alone = replace(self, quiet=True)
            begun = {one.key: pool.submit(alone.trained, one.recipe) for one in some}
            for count, one in enumerate(some, 1):
                begun[one.key].result()
                yield one
                if not self.quiet:
                    print(f"{count} of {len(some)} trainings", file=sys.stderr, flush=True)
        finally:
            pool.shutdown(cancel_futures=True)

    @torch.no_grad()
    def heard(self, network: Transducer) -> Row:
        """Word errors of transducer and head on validation and test, and sizes."""
        row: Row = {
            "parameters": sum(p.numel() for part in steps(network) for p in part.parameters()),
            "latency_ms": latency_ms(network),
        }
        for split, prefix in (("val", "val_"), ("test", "")):
            some = load_an4(self.data, split)
            found = hypotheses(network, some)
            row |= {f"{prefix}{name}": total(some, words).rate for name, words in found.items()}
        return row | {"errors": self.kinds(some, found["wer"])}

    def kinds(self, some: list[Utterance], heard: list[list[str]]) -> list[list[int]]:
        """Substitutions, deletions and insertions of each test utterance."""
        each = [astuple(one) for one in errors(some, heard)]
        self.rows.facts["words"] = [words for words, *_ in each]
        return [list(kinds) for _, *kinds in each]


def trained_network(
    model: Model, recipe: Recipe, folder: Path, data: Path, subnetwork: str
) -> Transducer:
    """What was trained, or a part of it, to be heard."""
    made: Any
    if subnetwork:
        made = find_supernet(str(folder)).whole(data).subnetwork(parse_label(subnetwork))
    else:
        made = find_task(model)(recipe, data).build()
        load_weights({"": made}, folder / WEIGHTS)
    assert isinstance(made, Transducer)
    return made.eval()


def steps(network: Transducer) -> list[nn.Module]:
    """What is exported of it."""
    return [part for name, part in network.named_children() if name != "ctc"]


def latency_ms(network: Transducer) -> float:
    """Algorithmic: from a sample's arrival to the vector that tells of it, at most."""
    features: Timing = SphinxMFCC().timing
    samples, frames = features.latency_frames(), network.encoder.timing.latency_frames()
    return round(1000 * samples / SAMPLE_RATE_HZ + FRAME_MS * frames, 1)


def facts(recipe: Recipe, folder: Path) -> Mapping[str, Any]:
    """What a row tells of its training."""
    return {"seed": recipe.seed, "steps": recipe.steps, "cpu_s": spent(folder)}
