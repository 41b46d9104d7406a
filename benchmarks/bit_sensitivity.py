"""How many bits each matrix of the keyword spotter bears, and what is chosen under an allowance.

    python -m benchmarks.bit_sensitivity --data PATH [--batches N] [--json] [--write]

Shipped weights, rounded after training. The loss is the spotter's own, on streams of the training
speakers without masks and dropout; accuracy is that of clips of the validation speakers in torch.
With `--keyboard`, which of the keyboard's matrices bear four, and what those cost that do not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.document import table, write_section
from edgernn.compress.matrices import matrices
from edgernn.compress.parametrized import bake
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.compress.sensitivity import (
    TYPES,
    WIDEST,
    Trial,
    choose_bits,
    joint_rise,
    sensitivity,
    stored_bytes,
)
from edgernn.model import find_model
from edgernn.train.loop import Task
from edgernn.train.method import Batch
from edgernn.train.recipe import read_recipe
from edgernn.train.run import find_task

PAGE = Path("docs/compression.md")
BATCHES, STREAMS = 4, 64
ALLOWED = (0.0, 0.005, 0.02, 0.05, 0.2)  # nats
FEW, KEPT = "w4a8", 4  # of the keyboard: its number type; matrices kept out of it, at most


@dataclass(frozen=True, slots=True)
class Choice:
    """What `choose_bits` gives under an allowed rise of the loss, in nats.

    but: the number types other than w8a8. rise: of the loss, with all rounded at once.
    """

    allowed: float
    but: dict[str, str]
    stored_bytes: int
    rise: float
    accuracy: float


def task_of(data: Path) -> Task:
    """The spotter's task, as its recipe says, with smaller batches."""
    model = find_model("kws/dense")
    assert model.recipe
    return find_task(model)(replace(read_recipe("kws", model.recipe), batch_size=STREAMS), data)


def measure(data: Path, count: int) -> tuple[float, list[Trial], list[Choice]]:
    """Accuracy of the shipped weights, the trials, and the choices."""
    task = task_of(data)
    (network,) = find_model("kws/dense").steps().values()
    batches = [task.batch(step) for step in range(count)]

    def loss(net: nn.Module, batch: Batch) -> Tensor:
        return task.loss(task.output(net, batch), batch)[0]

    trials = sensitivity(network, loss, batches)
    sizes = {matrix.name: matrix.shape for matrix in matrices(network)}
    choices = []
    for allowed in ALLOWED:
        but = choose_bits(trials, allowed)
        types = dict.fromkeys(sizes, WIDEST) | but
        nbytes = sum(stored_bytes(sizes[name], kind) for name, kind in types.items())
        rise = joint_rise(network, loss, batches, types)
        accuracy = task.validate(_rounded(but))["val_accuracy"]
        choices.append(Choice(allowed, but, nbytes, rise, accuracy))
    return task.validate(network)["val_accuracy"], trials, choices


def keyboard(data: Path, count: int) -> list[str]:
    """Its matrices by what four bits of each cost, and all of them, but for the costliest."""
    model = find_model("keyboard")
    assert model.recipe
    task: Task = find_task(model)(read_recipe("keyboard", model.recipe), data)
    network = task.build().eval()
    for name, step in model.steps().items():
        network.get_submodule(name).load_state_dict(step.state_dict())
    batches = [task.batch(step) for step in range(count)]

    def loss(net: nn.Module, batch: Batch) -> Tensor:
        return task.loss(task.output(net, batch), batch)[0]

    trials = sensitivity(network, loss, batches, types=(FEW, WIDEST))
    rise = {(trial.matrix, trial.number_type): trial.rise for trial in trials}
    sizes = {matrix.name: matrix.shape for matrix in matrices(network)}
    worst = sorted(sizes, key=lambda name: -rise[name, FEW])
    first = [
        (f"`{m}`", f"{rows:,} x {columns}", *(f"{rise[m, kind]:+.4f}" for kind in (FEW, WIDEST)))
        for m, (rows, columns) in ((name, sizes[name]) for name in worst)
    ]
    second = []
    for kept in range(KEPT):
        types = dict.fromkeys(worst[:kept], WIDEST) | dict.fromkeys(worst[kept:], FEW)
        nbytes = sum(stored_bytes(sizes[name], kind) for name, kind in types.items())
        names = ", ".join(f"`{name}`" for name in worst[:kept]) or "none"
        second.append((names, f"{nbytes:,}", f"{joint_rise(network, loss, batches, types):+.4f}"))
    return [
        *table(("matrix", "rows x columns", f"`{FEW}`", f"`{WIDEST}`"), first),
        "",
        *table((f"in `{WIDEST}`, others in `{FEW}`", "bytes", "rise together"), second),
    ]


def _rounded(but: dict[str, str]) -> nn.Module:
    """The shipped network with each matrix on the grid that was chosen."""
    (network,) = find_model("kws/dense").steps().values()
    Quantizer(Quantize(number_type=WIDEST, but=but)).attach(network)
    return bake(network).eval()


def lines(accuracy: float, trials: Sequence[Trial], choices: Sequence[Choice]) -> list[str]:
    """Both tables as markdown."""
    names = list(dict.fromkeys(trial.matrix for trial in trials))
    rise = {(t.matrix, t.number_type): t.rise for t in trials}
    nbytes = {(t.matrix, t.number_type): t.stored_bytes for t in trials}
    first = [
        (f"`{name}`", f"{nbytes[name, WIDEST]:,}", *(f"{rise[name, kind]:+.4f}" for kind in TYPES))
        for name in names
    ]
    second = [
        (
            f"{choice.allowed:g}",
            *(f"`{choice.but.get(name, WIDEST)}`" for name in names),
            *(f"{choice.stored_bytes:,}", f"{choice.rise:+.4f}", f"{choice.accuracy:.1%}"),
        )
        for choice in choices
    ]
    short = [name.removesuffix(".weight").removeprefix("rnn.") for name in names]
    return [
        *table(("matrix", f"bytes in `{WIDEST}`", *(f"`{kind}`" for kind in TYPES)), first),
        "",
        *table(("allowed", *short, "bytes", "rise together", "accuracy"), second),
        "",
        f"Shipped weights without rounding: {accuracy:.1%}.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keyboard", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.keyboard:
        made = keyboard(options.data, options.batches)
        print("\n".join(made))
        if options.write:
            write_section("bit_sensitivity keyboard", made, PAGE)
        return
    found = measure(options.data, options.batches)
    if options.json:
        accuracy, trials, choices = found
        rows = {"trials": [*map(asdict, trials)], "choices": [*map(asdict, choices)]}
        print(json.dumps({"accuracy": accuracy, **rows}))
    else:
        print("\n".join(lines(*found)))
    if options.write:
        write_section("bit_sensitivity", lines(*found), PAGE)


if __name__ == "__main__":
    main()
