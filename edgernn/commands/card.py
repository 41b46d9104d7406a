"""`edgernn card`: what a model was trained on, what it gets right, what it costs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgernn.commands._complete import Model
from edgernn.commands._form import command, print_json, progress


@command
@click.argument("model", type=Model())
@click.argument("bundles", nargs=-1, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Measure again, on this data.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for a new card.")
def card(
    model: str, bundles: tuple[Path, ...], data: Path | None, output: Path | None, as_json: bool
) -> None:
    """Print the card of a MODEL.

    A card gives data, licence, accuracy, size, and how to reproduce them.

    With --data the network and the BUNDLES made from it are measured anew (minutes), and
    metrics.json and CARD.md written: into the model's own folder, or that of -o.

    \b
    edgernn card kws
    edgernn card kws kws-host-fp32.edgernn kws-host-w8a8.edgernn --data speech -o new-card
    """
    from edgernn.errors import ModelError
    from edgernn.model import find_model

    path = find_model(model).card
    if data is not None:
        from edgernn.card import measure, write_card

        metrics = measure(model, data, bundles, say=progress(as_json))
        path = write_card(model, metrics, output)
    elif bundles or output:
        raise click.UsageError("BUNDLES and -o need --data")
    if path is None:
        raise ModelError(f"{model}: has no card; make one with --data")
    text = path.read_text(encoding="utf-8")
    if as_json:
        metrics_path = path.with_name("metrics.json")
        figures = metrics_path.read_text(encoding="utf-8") if metrics_path.is_file() else "null"
        print_json({"model": model, "card": text, "metrics": json.loads(figures)})
    else:
        click.echo(text, nl=False)


COMMAND = card
