"""Whether rounding what products read, in training already, helps the keyword spotter's integers.

    python -m benchmarks.activation_rounding --data PATH [--steps N] [--json] [--write]

The shipped weights are trained on for `--steps` steps with rounded weights alone, and again with
what products read rounded too; each is then compiled to C in its number type. Compared are clips of
the validation speakers, in torch (rounded weights, nothing else) and in C. One seed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.document import table, write_section
from edgernn.backend import find_backend
from edgernn.graph.capture import capture
from edgernn.model import find_model
from edgernn.models.kws.augment import ANSWER_FRAMES
from edgernn.models.kws.data import Clips, load_clips
from edgernn.models.kws.evaluate import clip_stream
from edgernn.road import opened
from edgernn.spotting.streams import Run, from_network
from edgernn.streaming import Streaming
from edgernn.streams import cut_to_steps
from edgernn.target import find_target
from edgernn.train.recipe import read_recipe
from edgernn.train.run import find_task, run_recipe

PAGE = Path("docs/compression.md")
NUMBER_TYPES = ("w8a8", "w4a8")
STEPS, BATCH, RATE, EMA = 150, 48, 3e-4, 0.97


@dataclass(frozen=True, slots=True)
class Row:
    """Clips of the validation speakers: share answered rightly, cross entropy of the answers.

    activations: 8, or 0 without rounding of what is read; steps: 0 for the shipped weights.
    rms: error of the C's answers against torch's, in shares of their rms.
    """

    number_type: str
    activations: int
    steps: int
    torch_accuracy: float
    torch_entropy: float
    c_accuracy: float
    c_entropy: float
    rms: float


def trained(data: Path, number_type: str, activations: int, steps: int) -> Streaming:
    """The spotter with weights on their grid, after some steps from the shipped ones."""
    model = find_model("kws/dense")
    assert model.recipe
    quantize = {"number_type": number_type, "activations": activations}
    how = replace(
        read_recipe("kws", model.recipe),
        batch_size=BATCH,
        learning_rate=RATE,
        ema_decay=EMA,
        warmup_steps=10,
        compress={"start": "shipped", "quantize": quantize},
    )
    how = replace(how.with_steps(steps), validate_every=2 * steps)
    with tempfile.TemporaryDirectory() as folder:
        task = find_task(model)(how, data)
        done = run_recipe(model, task, Path(folder), device="cpu", quiet=True)
    network = done.network
    assert isinstance(network, Streaming)
    return network.eval()


def compiled(network: Streaming, number_type: str) -> Run:
    """A network as C on this machine, calibrated with the shipped clips."""
    backend: Any = find_backend("c")
    host, block = find_target("host"), network.timing.block
    frames = cut_to_steps(find_model("kws/dense").calibration(64), block)
    step = capture(network, torch.from_numpy(frames[0]), "kws")
    port = step.inputs[0].name
    typed, _ = backend.typed(step, number_type, ({port: frame} for frame in frames))
    row = step.row(backend.state_rows(step, typed, number_type))
    program = opened(backend.export(step, host, number_type, typed=typed), row, host)

    def run(audio: NDArray[np.float32]) -> NDArray[np.float32]:
        program.reset()
        steps = (program.step({port: x}) for x in audio.reshape(-1, 1, block, 1))
        return np.stack([np.array(next(iter(y.values()))).reshape(-1) for y in steps])

    return run


def answers(run: Run, clips: Clips) -> NDArray[np.float64]:
    """Mean logits (N, labels) of the frames that answer each clip."""
    made = [run(clip_stream(clip))[-ANSWER_FRAMES:].mean(0) for clip in clips.audio]
    return np.array(made, np.float64)


def figures(logits: NDArray[np.float64], clips: Clips) -> tuple[float, float]:
    """Accuracy, and cross entropy in nats."""
    right = float((logits.argmax(1) == clips.label).mean())
    found = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.tensor(clips.label))
    return right, float(found)


def measure(data: Path, clips: Clips, number_type: str, activations: int, steps: int) -> Row:
    """One row."""
    if steps:
        network = trained(data, number_type, activations, steps)
    else:
        (network,) = find_model("kws/dense").steps().values()
    exact, integer = (
        answers(run, clips) for run in (from_network(network), compiled(network, number_type))
    )
    rms = float(np.sqrt(np.mean((integer - exact) ** 2) / np.mean(exact**2)))
    return Row(
        number_type, activations, steps, *figures(exact, clips), *figures(integer, clips), rms
    )


def lines(rows: Sequence[Row]) -> list[str]:
    """The table as markdown."""
    head = ("number type", "steps", "rounded", "torch", "entropy", "C", "entropy", "C beside torch")
    what = {0: "weights", 8: "weights and reads"}
    body = [
        (
            *(f"`{r.number_type}`", str(r.steps), what[r.activations] if r.steps else "nothing"),
            *(f"{r.torch_accuracy:.1%}", f"{r.torch_entropy:.4f}"),
            *(f"{r.c_accuracy:.1%}", f"{r.c_entropy:.4f}", f"{r.rms:.2e}"),
        )
        for r in rows
    ]
    return table(head, body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--json", action="store_true", help="a line a row, as soon as it is there")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips, rows = load_clips(options.data, "val"), []
    for number_type in NUMBER_TYPES:
        for activations, steps in ((0, 0), (0, options.steps), (8, options.steps)):
            rows.append(measure(options.data, clips, number_type, activations, steps))
            if options.json:
                print(json.dumps(asdict(rows[-1])), flush=True)
    if not options.json:
        print("\n".join(lines(rows)))
    if options.write:
        write_section("activation_rounding", lines(rows), PAGE)


if __name__ == "__main__":
    main()
