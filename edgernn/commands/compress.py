"""`edgernn compress`: the best form of a model for a chip, found by trying."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgernn.commands._complete import Model, on_target
from edgernn.commands._form import command, print_json, print_table, progress
from edgernn.errors import MissingExtra, ModelError

if TYPE_CHECKING:
    from edgernn.compress.frontier import Search
    from edgernn.compress.picking import Picking


@command
@click.argument("model", type=Model())
@click.option("--data", required=True, type=click.Path(path_type=Path), help="As for `train`.")
@on_target
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="WHAT=MOST",
    help="flash=64KB, ram=16KB, instructions=100k, macs=50k, latency=20us; several together.",
)
@click.option("--max-loss", metavar="1pt", help="Points of accuracy, or a plain number.")
@click.option("--seeds", type=click.IntRange(1), help="Runs of each; by default 1.")
@click.option("--steps", type=click.IntRange(0), help="Of each training; half of the recipe's.")
@click.option("--learning-rate", type=float, help="Of each training; half of the recipe's.")
@click.option("--minutes", type=float, help="Begin nothing new after so long.")
@click.option("--delta", is_flag=True, help="Instead: thresholds that cost at most --max-loss.")
@click.option("--block", type=click.Choice([1, 4]), help="Of --delta: columns that move together.")
@click.option("--layers", metavar="NAMES", help="Of --delta: rnn,head; by default all cells.")
@click.option(
    "--recipe", type=click.Path(path_type=Path), help="A recipe.toml instead of the model's own."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: runs/MODEL-TARGET.")
@click.option("--resume", is_flag=True, help="Go on with what the output folder holds.")
def compress(
    model: str,
    data: Path,
    target: str,
    max_loss: str | None,
    steps: int | None,
    learning_rate: float | None,
    delta: bool,
    recipe: Path | None,
    output: Path | None,
    resume: bool,
    as_json: bool,
    **only: Any,
) -> None:
    """Find the best form of a trained MODEL for a target, by trying.

    Each candidate (fewer bits, fewer units, low rank, zero blocks, ...) begins with the trained
    weights, is trained for equally many steps, exported, proven, and measured on the target. With
    a budget the best figure within it wins, else the fewest bytes within --max-loss. A network with
    fewer units always stands beside those with zeros.

    Leaves in the output folder: `best` (recipe, weights, bundle), report.md with a picture, points
    as JSON, and every run, so that --resume goes on where it was.

    With --delta nothing is tried but thresholds: those that read the fewest weight columns while
    the validation's first figure loses at most --max-loss. The network is trained on with them for
    --steps, by default not at all. The output folder is then the model, with report.md and .json.

    \b
    edgernn compress kws/dense --data speech --target cortex-m4 --budget flash=64KB
    edgernn compress kws/dense --data speech -t host --max-loss 0.5pt --seeds 3 --minutes 60
    edgernn compress kws/dense --data speech -t cortex-m4 --delta --max-loss 0.5pt
    edgernn compress mine.py:build --recipe mine.toml --data d -t cortex-m7 --budget ram=8KB
    """
    from edgernn.compress.budget import parse_budget, parse_loss
    from edgernn.compress.frontier import Search
    from edgernn.compress.picking import Picking
    from edgernn.target import find_target

    source = Path(model.partition(":")[0])
    name = source.stem if source.exists() else "-".join(source.parts)
    out = output or Path("runs") / f"{name}-{target}{'-delta' if delta else ''}"
    loss = None if max_loss is None else parse_loss(max_loss)
    _check(delta, loss, steps, only)
    if delta and loss is not None:
        names = tuple(filter(None, (only["layers"] or "").split(",")))
        more = (only["block"] or 1, names, steps or 0, learning_rate, recipe)
        _pick(Picking(model, data, target, out, loss, *more), resume=resume, as_json=as_json)
        return
    budget = parse_budget(only["budgets"], firmware=find_target(target).kind == "firmware")
    seconds = None if only["minutes"] is None else 60 * only["minutes"]
    rest = (only["seeds"] or 1, steps, learning_rate, seconds, recipe)
    _search(Search(model, data, target, out, budget, loss, *rest), resume=resume, as_json=as_json)


def _check(delta: bool, loss: float | None, steps: int | None, only: Mapping[str, Any]) -> None:
    """Raises: ModelError for options that have no meaning together."""
    given = ["budget" if name == "budgets" else name for name, value in only.items() if value]
    other = [name for name in given if (name in ("block", "layers")) != delta]
    if other:
        raise ModelError(f"--{other[0]}: not {'with' if delta else 'without'} --delta")
    if delta and loss is None:
        raise ModelError("--delta: needs --max-loss, such as 0.5pt")
    if not delta and steps == 0:
        raise ModelError("--steps 0: only with --delta; candidates are compared after a training")


def _pick(how: Picking, *, resume: bool, as_json: bool) -> None:
    """Thresholds alone."""
    from edgernn.compress.picking import pick
    from edgernn.compress.picking_report import doubts, figures, markdown, rows
    from edgernn.train.checkpoint import write_bytes

    say = progress(as_json)
    found = pick(how, resume=resume, quiet=as_json, say=say)
    against = doubts(how, found)
    document = {"folder": str(how.out), **found.as_json(), "doubts": against}
    write_bytes(how.out / "report.md", markdown(how, found, against).encode())
    write_bytes(how.out / "report.json", json.dumps(document, indent=1).encode())
    if as_json:
        print_json(document)
        return
    print_table(rows(found))
    print_table(figures(how, found))
    for line in against:
        say(f"note: {line}")
    click.echo(f"{found.share:.1%} of the columns are read; the model is {how.out}")


def _search(how: Search, *, resume: bool, as_json: bool) -> None:
    """The frontier."""
    from edgernn.compress.frontier import deliver, search
    from edgernn.compress.frontier_report import markdown, pictures, rows
    from edgernn.train.checkpoint import write_bytes

    say = progress(as_json)
    found = search(how, resume=resume, quiet=as_json, say=say)
    table = rows(found)
    files = {
        "report.md": markdown(how, found).encode(),
        "points.json": json.dumps(table).encode(),
    }
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
