"""What few bits of sigmoid and tanh cost the keyword spotter, before and after some training.

    python -m benchmarks.ramp_activations --data PATH [--steps N] [--noise LEVELS] [--write]

The shipped weights with gates of 3 to 8 bits, and again after `--steps` steps of training with such
gates: the loss on streams that were not trained on, which counts words, frames and false alarms,
and the clips of the validation speakers. The control is trained alike, its gates exact. One seed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.document import table, write_section
from edgernn.compress.activations import Activations
from edgernn.model import find_model
from edgernn.train.loop import Task
from edgernn.train.recipe import Recipe, read_recipe
from edgernn.train.run import find_task, run_recipe

PAGE = Path("docs/compression.md")
EXACT = 0
BITS = (EXACT, 8, 7, 6, 5, 4, 3)
UNSEEN, UNSEEN_BATCHES = 100_000, 4  # first of the unseen steps, and how many
STEPS, BATCH, RATE, EMA = 200, 64, 1e-4, 0.99


@dataclass(frozen=True, slots=True)
class Row:
    """Loss in nats and accuracy of the validation speakers' clips, for gates of so many bits.

    bits: 0 for exact gates. trained: after `steps` steps; None without training.
    """

    bits: int
    noise: float
    steps: int
    shipped_loss: float
    shipped: float
    trained_loss: float | None = None
    trained: float | None = None


def recipe_of(bits: int, noise: float, steps: int) -> Recipe:
    """The spotter's own recipe, from the shipped weights on, with gates of these bits."""
    path = find_model("kws").recipe
    assert path
    compress: dict[str, Any] = {"start": "shipped"}
    if bits:
        compress["activations"] = {"bits": bits, "noise": noise}
    made = replace(
        read_recipe("kws", path),
        batch_size=BATCH,
        learning_rate=RATE,
        ema_decay=EMA,
        warmup_steps=20,
    )
    return replace(made.with_steps(steps), validate_every=steps, compress=compress)


def measure(data: Path, bits: int, noise: float, steps: int) -> Row:
    """One row."""
    model = find_model("kws")
    task: Task = find_task(model)(recipe_of(bits, noise, max(steps, 1)), data)
    (network,) = model.steps().values()
    if bits:
        Activations(bits, noise).apply(network)
    shipped = task.validate(network.eval())["val_accuracy"]
    row = Row(bits, noise, steps, unseen_loss(network, task), shipped)
    if not steps:
        return row
    with tempfile.TemporaryDirectory() as folder:
        done = run_recipe(model, task, Path(folder), device="cpu", quiet=True)
    accuracy = done.history[-1]["val_accuracy"]
    return replace(row, trained_loss=unseen_loss(done.network, task), trained=accuracy)


@torch.no_grad()
def unseen_loss(network: nn.Module, task: Task) -> float:
    """The mean over streams of the training speakers that no step has drawn, in eval mode."""
    batches = [task.batch(UNSEEN + k) for k in range(UNSEEN_BATCHES)]
    network.eval()
    losses = [float(task.loss(task.output(network, batch), batch)[0]) for batch in batches]
    return sum(losses) / len(losses)


def lines(rows: Sequence[Row], clips: int) -> list[str]:
    """The table as markdown."""
    steps = rows[0].steps
    later = f"after {steps} steps"
    head = ("gates", "levels of sigmoid, tanh", "loss", "accuracy", f"loss {later}", "accuracy")
    body = []
    for row in rows:
        name = f"{row.bits} bits" if row.bits else "exact"
        levels = f"{2**row.bits}, {2**row.bits - 1}" if row.bits else ""
        figures = [f"{row.shipped_loss:.3f}", f"{row.shipped:.1%}"]
        if row.trained is not None:
            figures += [f"{row.trained_loss:.3f}", f"{row.trained:.1%}"]
        body.append((name, levels, *figures, *[""] * (4 - len(figures))))
    noise = max(row.noise for row in rows)
    how = f"{clips:,} clips of the validation speakers; noise in training: {noise:g} levels."
    return [*table(head, body), "", how]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bits", type=int, nargs="*", default=BITS, help="0 is exact")
    parser.add_argument("--steps", type=int, default=STEPS, help="0 trains nothing")
    parser.add_argument("--noise", type=float, default=0.0, help="in training, in levels")
    parser.add_argument("--json", action="store_true", help="a line a row, as soon as it is there")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for bits in options.bits:
        rows.append(measure(options.data, bits, options.noise, options.steps))
        if options.json:
            print(json.dumps(asdict(rows[-1])), flush=True)
    from edgernn.models.kws.data import load_clips

    made = lines(rows, len(load_clips(options.data, "val")))
    if not options.json:
        print("\n".join(made))
    if options.write:
        write_section("ramp_activations", made, PAGE)


if __name__ == "__main__":
    main()
