"""What few bits of sigmoid and tanh cost a trained network, before and after some training.

    python -m benchmarks.ramp_activations --data PATH [--steps N] [--noise LEVELS] [--write]
    python -m benchmarks.ramp_activations --data PATH --workload char --write

The trained weights with gates of 3 to 8 bits, and again after `--steps` steps of training with such
gates: the loss on batches that were not trained on (of the keyword spotter it counts words, frames
and false alarms), and the figure on the validation data. The control is trained alike, its gates
exact. One seed. The character model must have been trained before (benchmarks/char_lm.py).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.document import table, write_section
from edgernn.compress.activations import Activations
from edgernn.model import Model, find_model
from edgernn.train.loop import Task
from edgernn.train.recipe import Recipe, read_recipe
from edgernn.train.run import find_task, run_recipe

PAGE = Path("docs/compression.md")
EXACT = 0
BITS = (EXACT, 8, 7, 6, 5, 4, 3)
UNSEEN, UNSEEN_BATCHES = 100_000, 4  # first of the unseen steps, and how many
STEPS, BATCH, RATE, EMA = 200, 64, 1e-4, 0.99
CHAR_RECIPE = Path("benchmarks/recipes/char_lm.toml")
WORKLOADS = {"kws": ("kws/dense", None), "char": ("runs/char_lm", CHAR_RECIPE)}


@dataclass(frozen=True, slots=True)
class Row:
    """Loss in nats and the figure on the validation data, for gates of so many bits.

    bits: 0 for exact gates. trained: after `steps` steps; None without training.
    """

    bits: int
    noise: float
    steps: int
    shipped_loss: float
    shipped: float
    trained_loss: float | None = None
    trained: float | None = None


def recipe_of(model: Model, path: Path, bits: int, noise: float, steps: int) -> Recipe:
    """The model's own recipe, from its trained weights on, with gates of these bits."""
    compress: dict[str, Any] = {"start": "shipped"}
    if bits:
        compress["activations"] = {"bits": bits, "noise": noise}
    made = replace(
        read_recipe(model.name, path),
        batch_size=BATCH,
        learning_rate=RATE,
        ema_decay=EMA,
        warmup_steps=20,
    )
    return replace(made.with_steps(steps), validate_every=steps, compress=compress)


def measure(workload: str, data: Path, bits: int, noise: float, steps: int) -> Row:
    """One row."""
    name, recipe = WORKLOADS[workload]
    model = find_model(name)
    path = recipe or model.recipe
    assert path
    task: Task = find_task(model)(recipe_of(model, path, bits, noise, max(steps, 1)), data)
    (network,) = model.steps().values()
    if bits:
        Activations(bits, noise).apply(network)
    with torch.no_grad():
        shipped = _figure(task.validate(network.eval()))
    row = Row(bits, noise, steps, unseen_loss(network, task), shipped)
    if not steps:
        return row
    with tempfile.TemporaryDirectory() as folder:
        done = run_recipe(model, task, Path(folder), device="cpu", quiet=True)
    trained = _figure({k: v for k, v in done.history[-1].items() if k.startswith("val")})
    return replace(row, trained_loss=unseen_loss(done.network, task), trained=trained)


def _figure(figures: Mapping[str, float]) -> float:
    return next(iter(figures.values()))


@torch.no_grad()
def unseen_loss(network: nn.Module, task: Task) -> float:
    """The mean over streams of the training speakers that no step has drawn, in eval mode."""
    batches = [task.batch(UNSEEN + k) for k in range(UNSEEN_BATCHES)]
    network.eval()
    losses = [float(task.loss(task.output(network, batch), batch)[0]) for batch in batches]
    return sum(losses) / len(losses)


def lines(rows: Sequence[Row], workload: str) -> list[str]:
    """The table as markdown."""
    steps = rows[0].steps
    later, figure = f"after {steps} steps", "accuracy" if workload == "kws" else "bits a character"
    head = ["gates", "levels of sigmoid, tanh", "loss", figure]
    head += [f"loss {later}", figure] if steps else []
    form = "{:.1%}" if workload == "kws" else "{:.4f}"
    body = []
    for row in rows:
        name = f"{row.bits} bits" if row.bits else "exact"
        levels = f"{2**row.bits}, {2**row.bits - 1}" if row.bits else ""
        figures = [f"{row.shipped_loss:.3f}", form.format(row.shipped)]
        if row.trained is not None:
            figures += [f"{row.trained_loss:.3f}", form.format(row.trained)]
        body.append([name, levels, *figures])
    noise = max(row.noise for row in rows)
    return [*table(head, body), "", f"Noise in training: {noise:g} levels."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workload", choices=list(WORKLOADS), default="kws")
    parser.add_argument("--bits", type=int, nargs="*", default=BITS, help="0 is exact")
    parser.add_argument("--steps", type=int, default=STEPS, help="0 trains nothing")
    parser.add_argument("--noise", type=float, default=0.0, help="in training, in levels")
    parser.add_argument("--json", action="store_true", help="a line a row, as soon as it is there")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for bits in options.bits:
        rows.append(measure(options.workload, options.data, bits, options.noise, options.steps))
        if options.json:
            print(json.dumps(asdict(rows[-1])), flush=True)
    made = lines(rows, options.workload)
    if not options.json:
        print("\n".join(made))
    if options.write:
        end = "" if options.workload == "kws" else f" {options.workload}"
        write_section(f"ramp_activations{end}", made, PAGE)


if __name__ == "__main__":
    main()
