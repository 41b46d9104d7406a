"""`edgernn compress`: the best form of a model for a chip, found by trying."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgernn.commands._complete import Model, TargetName
from edgernn.commands._form import command, print_json, print_table, progress
from edgernn.errors import MissingExtra


@command
@click.argument("model", type=Model())
@click.option("--data", required=True, type=click.Path(path_type=Path), help="As for `train`.")
@click.option("--target", "-t", required=True, type=TargetName(), help="See `edgernn targets`.")
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="WHAT=MOST",
    help="flash=64KB, ram=16KB, instructions=100k, macs=50k, latency=20us; several together.",
)
@click.option("--max-loss", metavar="1pt", help="Points of accuracy, or a plain number.")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Runs of each.")
@click.option("--steps", type=click.IntRange(1), help="Of each training; half of the recipe's.")
@click.option("--learning-rate", type=float, help="Of each training; half of the recipe's.")
@click.option("--minutes", type=float, help="Begin nothing new after so long.")
@click.option(
    "--recipe", type=click.Path(path_type=Path), help="A recipe.toml instead of the model's own."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: runs/MODEL-TARGET.")
@click.option("--resume", is_flag=True, help="Go on with what the output folder holds.")
def compress(
    model: str,
    data: Path,
    target: str,
    budgets: tuple[str, ...],
    max_loss: str | None,
    seeds: int,
    steps: int | None,
    learning_rate: float | None,
    minutes: float | None,
    recipe: Path | None,
    output: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Find the best form of a trained MODEL for a target, by trying.

    Each candidate (fewer bits, fewer units, low rank, zero blocks, ...) begins with the trained
    weights, is trained for equally many steps, exported, proven, and measured on the target. With
    a budget the best figure within it wins, else the fewest bytes within --max-loss. A network with
    fewer units always stands beside those with zeros.

    Leaves in the output folder: `best` (recipe, weights, bundle), report.md with a picture, points
    as JSON, and every run, so that --resume goes on where it was.

    \b
    edgernn compress kws/dense --data speech --target cortex-m4 --budget flash=64KB
    edgernn compress kws/dense --data speech -t host --max-loss 0.5pt --seeds 3 --minutes 60
    edgernn compress mine.py:build --recipe mine.toml --data d -t cortex-m7 --budget ram=8KB
    """
    from edgernn.compress.budget import parse_budget, parse_loss
    from edgernn.compress.frontier import Search, deliver, search
    from edgernn.compress.frontier_report import markdown, pictures, rows
    from edgernn.target import find_target
    from edgernn.train.checkpoint import write_bytes

    firmware = find_target(target).kind == "firmware"
    name = Path(model.partition(":")[0]).stem
    how = Search(
        model,
        data,
        target,
        output or Path("runs") / f"{name}-{target}",
        parse_budget(budgets, firmware=firmware),
        None if max_loss is None else parse_loss(max_loss),
        seeds,
        steps,
        learning_rate,
        None if minutes is None else 60 * minutes,
        recipe,
    )
    say = progress(as_json)
    found = search(how, resume=resume, quiet=as_json, say=say)
    table = rows(found)
    files = {"report.md": markdown(how, found).encode(), "points.json": json.dumps(table).encode()}
    try:
        files |= pictures(found)
    except MissingExtra as cause:
        say(f"note: no pictures: {cause}")
    for file_name, content in files.items():
        write_bytes(how.out / file_name, content)
    if not as_json:
        print_table(table)
    best = deliver(how, found)
    if as_json:
        assert found.best
        left = dict(found.skipped)
        print_json({"best": found.best.name, "folder": best, "points": table, "left_out": left})
    else:
        click.echo(f"best: {best}; read {how.out / 'report.md'}")


COMMAND = compress
