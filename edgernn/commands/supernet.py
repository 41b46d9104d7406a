"""`edgernn supernet`: train many sizes of a model at once, list them, cut one out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgernn.commands._complete import Model
from edgernn.commands._form import command, print_json, print_table
from edgernn.commands.train import train as train_one

MOST = 24  # subnetworks that a list tells by default


@click.group()
def supernet() -> None:
    """Networks of many sizes that share the weights of the largest.

    \b
    edgernn supernet train kws --recipe many.toml --data speech -o runs/many
    edgernn supernet list runs/many --data speech --json
    edgernn supernet extract runs/many hidden=96 --data speech -o runs/small
    edgernn export runs/small --target cortex-m4
    """


@command
@click.argument("folder", type=Model())
@click.option(
    "--data", type=click.Path(path_type=Path), help="With it, each one's validation figures."
)
@click.option("--most", type=click.IntRange(1), default=MOST, show_default=True)
def list_(folder: str, data: Path | None, most: int, as_json: bool) -> None:
    """The subnetworks of a trained FOLDER, the smallest first, with parameters and figures.

    Of more than --most, the smallest and the largest and an even choice between.

    \b
    edgernn supernet list runs/many
    edgernn supernet list runs/many --data speech --json
    """
    from edgernn.supernet.extract import find_supernet, listed

    rows = listed(find_supernet(folder), data, most)
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


@command
@click.argument("folder", type=Model())
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path), help="To measure batch norms anew.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def extract(folder: str, name: str, data: Path | None, output: Path, as_json: bool) -> None:
    """Cut the subnetwork NAME, such as hidden=96,layers=2, out of a trained FOLDER.

    What is left is a model like any other; its recipe is that of training it by itself.

    \b
    edgernn supernet extract runs/many hidden=96 --data speech -o runs/small
    edgernn export runs/small --target arm
    """
    from edgernn.supernet.extract import cut_out, find_supernet
    from edgernn.supernet.space import parse_label

    weights = cut_out(find_supernet(folder), parse_label(name), output, data)
    if as_json:
        print_json({"weights": weights})
    else:
        click.echo(f"wrote {weights}")


supernet.add_command(train_one, "train")
supernet.add_command(list_, "list")
supernet.add_command(extract)
COMMAND: Any = supernet
