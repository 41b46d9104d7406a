"""Polyphonic music by tanh, GRU and LSTM units, beside the likelihoods of Chung et al. 2014.

    python -m benchmarks.music --data PATH [--only JSB] [--units GRU] [--minutes 10] [--write]

Each step tells the probability of each of 88 keys in the next; the figure is the negative log
likelihood of a step in nats, over all steps of the test pieces, the state carried through each.
As in the paper (arXiv:1412.3555): about as many recurrent weights for each kind of unit (100, 46,
36 of them), RMSProp, noise of 0.075 on the weights, gradients of norm 1 at most, and the epoch
that is best on the validation pieces. Our choice: one rate for all, pieces of at most 200 steps in
training.

A training is a file of --output; one that was stopped goes on behind its last epoch.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.document import table, write_section
from benchmarks.music_data import FILES, KEYS, Music, batches, cut, load
from benchmarks.rows import Row, Rows
from benchmarks.trainings import OutOfTime, in_time
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.errors import EdgernnError
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming
from edgernn.train.checkpoint import write_atomic

PAGE, RESULTS = Path("docs/cells.md"), Path("docs/music.json")
UNITS: dict[str, tuple[Callable[[int, int], Streaming], int]] = {  # and how many
    "tanh": (RNN, 100),
    "GRU": (GRU, 46),
    "LSTM": (LSTM, 36),
}
PUBLISHED = {  # of the test pieces: table 2 of arXiv:1412.3555
    "Nottingham": {"tanh": 3.13, "GRU": 3.23, "LSTM": 3.20},
    "JSB": {"tanh": 9.10, "GRU": 8.54, "LSTM": 8.67},
    "MuseData": {"tanh": 6.23, "GRU": 5.99, "LSTM": 6.23},
    "Piano-midi": {"tanh": 9.03, "GRU": 8.82, "LSTM": 9.03},
}
RATE, NOISE, CLIP, BATCH = 1e-3, 0.075, 1.0, 16
EPOCHS, PATIENCE = 200, 10  # most, and without a better one


def build(unit: str) -> Sequential:
    """Shapes: keys (B, T, 88) -> logits of the next step's (B, T, 88)."""
    cell, size = UNITS[unit]
    return Sequential(rnn=cell(KEYS, size), head=Linear(size, KEYS))


def nats(network: nn.Module, x: Tensor, y: Tensor, counted: Tensor) -> Tensor:
    """Negative log likelihood of all steps that count."""
    each = F.binary_cross_entropy_with_logits(network(x), y, reduction="none").sum(2)
    return each[counted].sum()


@torch.no_grad()
def likelihood(network: nn.Module, pieces: Sequence[Any]) -> float:
    """The same of a step, over whole pieces."""
    total = sum(float(nats(network, *batch)) for batch in batches(list(pieces), BATCH))
    return total / sum(map(len, pieces))


@dataclass(slots=True)
class Training:
    """A network under way, and the best that it was."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    best_epoch: int = 0
    best: float = float("inf")
    weights: dict[str, Tensor] | None = None

    def run(self, music: Music, path: Path, epochs: int, deadline: float) -> None:
        """Until the last epoch, or none is better any more. Raises: OutOfTime."""
        if path.is_file():
            self._load(path)
        pieces = cut(music.train)
        while self.epoch < epochs and self.epoch - self.best_epoch < PATIENCE:
            in_time(deadline)
            self._epoch(pieces)
            found = likelihood(self.network, music.valid)
            if found < self.best:
                kept = {k: v.clone() for k, v in self.network.state_dict().items()}
                self.best, self.best_epoch, self.weights = found, self.epoch, kept
            write_atomic(path, lambda file: torch.save(self._state(), file))

    def _epoch(self, pieces: list[Any]) -> None:
        self.epoch += 1
        random = torch.Generator().manual_seed(self.epoch)
        for x, y, counted in batches(pieces, BATCH, np.random.default_rng(self.epoch)):
            parameters = list(self.network.parameters())
            noise = [NOISE * torch.randn(p.shape, generator=random) for p in parameters]
            self._shift(parameters, noise)
            self.optimizer.zero_grad(set_to_none=True)
            loss = nats(self.network, x, y, counted) / counted.sum()
            loss.backward()  # type: ignore[no-untyped-call]
            self._shift(parameters, [-one for one in noise])
            nn.utils.clip_grad_norm_(parameters, CLIP)
            self.optimizer.step()

    @staticmethod
    @torch.no_grad()
    def _shift(parameters: list[nn.Parameter], by: list[Tensor]) -> None:
        for parameter, one in zip(parameters, by, strict=True):
            parameter.add_(one)

    def _state(self) -> dict[str, Any]:
        counts = {"epoch": self.epoch, "best_epoch": self.best_epoch, "best": self.best}
        own = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {**counts, **own, "weights": self.weights}

    def _load(self, path: Path) -> None:
        kept = torch.load(path, weights_only=True)
        self.network.load_state_dict(kept["network"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.epoch, self.best_epoch, self.best = kept["epoch"], kept["best_epoch"], kept["best"]
        self.weights = kept["weights"]


def trained(name: str, unit: str, options: argparse.Namespace, deadline: float) -> Row:
    """One unit on one set. Raises: OutOfTime, DataError."""
    music = load(options.data, name)
    torch.manual_seed(0)
    network = build(unit)
    training = Training(network, torch.optim.RMSprop(network.parameters(), RATE))
    path = options.output / f"{name}-{unit}.pt"
    training.run(music, path, options.epochs, deadline)
    assert training.weights is not None
    network.load_state_dict(training.weights)
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "epochs": training.best_epoch,
        **{part: round(likelihood(network, getattr(music, part)), 4) for part in ("train", "test")},
        "valid": round(training.best, 4),
    }


def key(name: str, unit: str, epochs: int) -> tuple[str, ...]:
    """Of a row; a trial of fewer epochs has one of its own."""
    return (name, unit) if epochs == EPOCHS else (name, unit, str(epochs))


def lines(rows: Rows, epochs: int) -> list[str]:
    """What was found, beside what was published."""
    head = ["set", "unit", "parameters", "best epoch", "train", "valid", "test", "published test"]
    cells = []
    for name in FILES:
        for unit in UNITS:
            if row := rows.get(*key(name, unit, epochs)):
                figures = (f"{row[part]:.2f}" for part in ("train", "valid", "test"))
                counts = (f"{row['parameters']:,}", str(row["epochs"]))
                cells.append([name, unit, *counts, *figures, f"{PUBLISHED[name][unit]:.2f}"])
    return table(head, cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.music",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the .mat files")
    parser.add_argument("--only", nargs="+", choices=list(FILES), default=list(FILES))
    parser.add_argument("--units", nargs="+", choices=list(UNITS), default=list(UNITS))
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="most, of each training")
    parser.add_argument("--minutes", type=float, help="begin no epoch after that")
    parser.add_argument("--output", type=Path, default=Path("runs/music"))
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {RESULTS}")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    end = float("inf") if options.minutes is None else time.monotonic() + 60 * options.minutes
    rows = Rows(options.output / "rows.json", RESULTS)
    try:
        try:
            for name in options.only:
                for unit in options.units:
                    place = key(name, unit, options.epochs)
                    if rows.get(*place) is None:
                        rows.note(trained(name, unit, options, end), *place)
        except OutOfTime as over:
            print(over, file=sys.stderr)
        if options.write:
            write_section("music", lines(rows, options.epochs), PAGE)
            rows.write(RESULTS)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines(rows, options.epochs)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
