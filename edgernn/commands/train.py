"""`edgernn train`: a model from its recipe."""

from __future__ import annotations

from pathlib import Path

import click

from edgernn.commands._complete import Model
from edgernn.commands._form import command, print_json, print_table


@command
@click.argument("model", type=Model())
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder with the recordings."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: runs/MODEL.")
@click.option(
    "--recipe", type=click.Path(path_type=Path), help="A recipe.toml instead of the model's own."
)
@click.option("--resume", is_flag=True, help="Continue from the checkpoint in the output folder.")
@click.option("--steps", type=click.IntRange(1), help="Instead of the recipe's, for a trial.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, ...")
def train(
    model: str,
    data: Path,
    output: Path | None,
    recipe: Path | None,
    resume: bool,
    steps: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Train a MODEL by its recipe.

    Leaves weights, history and a checkpoint in the output folder. Ctrl-C ends the running step
    and writes a checkpoint; --resume continues it exactly, so that on the CPU the weights come
    out the same, bit for bit, as without the interruption.

    Under `torchrun` several processes train together, on one host or many: each draws a part of
    every batch. On a GPU machine each takes a GPU.

    \b
    edgernn train kws --data speech
    edgernn train kws --data speech --resume
    edgernn train kws --data speech --steps 50 -o trial
    edgernn train kws --data speech --recipe runs/small/recipe.toml -o runs/again
    edgernn export runs/again --target cortex-m4 --number-type w4a8
    torchrun --nproc-per-node 2 -m edgernn train kws --data speech
    """
    from edgernn.train.processes import processes
    from edgernn.train.run import WEIGHTS, train_model

    folder = output or Path("runs") / model
    trained = train_model(
        model,
        data,
        folder,
        recipe=recipe,
        resume=resume,
        steps=steps,
        device=device,
        quiet=as_json,
    )
    if not processes().first:
        return
    if as_json:
        weights = folder / WEIGHTS
        print_json({"weights": weights, "steps": trained.steps, "history": trained.history})
    else:
        print_table(trained.history[-5:])
        click.echo(f"wrote {folder / WEIGHTS}")


COMMAND = train
