"""`edgernn supernet`: train many sizes of a model at once, list them, find one, cut it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgernn.commands._complete import Model, NumberTypeName, on_target
from edgernn.commands._form import command, print_json, print_table, progress
from edgernn.commands.train import train as train_one

MOST = 24  # subnetworks that a list tells by default


@click.group()
def supernet() -> None:
    """Networks of many sizes that share the weights of the largest.

    \b
    edgernn supernet train kws --recipe many.toml --data speech -o runs/many
    edgernn supernet list runs/many --data speech --json
    edgernn supernet search runs/many --data speech -t cortex-m4 --budget flash=64KB -o runs/found
    edgernn supernet extract runs/many hidden=96 --data speech -o runs/small
    edgernn export runs/small --target cortex-m4
    """


@command
@click.argument("folder", type=Model())
@click.option(
    "--data", type=click.Path(path_type=Path), help="With it, each one's validation figures."
)
@click.option("--most", type=click.IntRange(1), default=MOST, show_default=True)
@click.option("--rank", is_flag=True, help="How well they would be told apart untrained.")
def list_(folder: str, data: Path | None, most: int, rank: bool, as_json: bool) -> None:
    """The subnetworks of a trained FOLDER, the smallest first, with parameters and figures.

    Of more than --most, the smallest and the largest and an even choice between. With --rank each
    one's hidden covariance, a score of fresh weights (arXiv:2306.00288), and its rank correlation
    with the first figure.

    \b
    edgernn supernet list runs/many
    edgernn supernet list runs/many --data speech --json
    edgernn supernet list runs/many --data speech --rank
    """
    from edgernn.correlation import spearman
    from edgernn.errors import DataError
    from edgernn.supernet.extract import COVARIANCE, find_supernet, listed

    if rank and data is None:
        raise DataError("--rank: needs --data, whose batch the fresh networks hear")
    rows = listed(find_supernet(folder), data, most, rank=rank)
    if not rank:
        print_json(rows) if as_json else print_table(rows)
        return
    figure = list(rows[0])[2]  # behind name and parameters
    alike = spearman([row[COVARIANCE] for row in rows], [row[figure] for row in rows])
    if as_json:
        print_json({"subnetworks": rows, "rank_correlation": {figure: alike}})
    else:
        print_table(rows)
        click.echo(f"rank correlation of {COVARIANCE} and {figure}: {alike:+.2f}")


@command
@click.argument("folder", type=Model())
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path), help="To measure batch norms anew.")
@click.option("--path", metavar="0,1,1", help="The layer at each place: some skipped, some twice.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def extract(
    folder: str, name: str, data: Path | None, path: str | None, output: Path, as_json: bool
) -> None:
    """Cut the subnetwork NAME, such as hidden=96,layers=2, out of a trained FOLDER.

    What is left is a model like any other; its recipe is that of training it by itself.

    \b
    edgernn supernet extract runs/many hidden=96 --data speech -o runs/small
    edgernn supernet extract runs/many hidden=96,layers=3 --path 0,2,2 -o runs/looped
    edgernn export runs/small --target arm
    """
    from edgernn.supernet.extract import cut_out, find_supernet
    from edgernn.supernet.space import parse_label, parse_path

    net = find_supernet(folder)
    whole = None if data is None else net.whole(data)
    weights = cut_out(net, parse_label(name), output, whole, parse_path(path or ""))
    if as_json:
        print_json({"weights": weights})
    else:
        click.echo(f"wrote {weights}")


@command
@click.argument("folder", type=Model())
@click.option("--data", required=True, type=click.Path(path_type=Path), help="As for `train`.")
@on_target
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="WHAT=MOST",
    help="flash=512KB, ram=16KB, instructions=1M, macs=500k, latency=50us; several together.",
)
@click.option(
    "--number-type",
    type=NumberTypeName(),
    default="w8a8",
    show_default=True,
    help="Of the compiled networks.",
)
@click.option(
    "--method",
    type=click.Choice(["evolution", "controller", "random"]),
    default="evolution",
    show_default=True,
)
@click.option("--evaluations", type=click.IntRange(1), default=40, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--ray",
    is_flag=False,
    flag_value="",
    metavar="[ADDRESS]",
    help="Evaluate on a Ray cluster; without an address on what Ray finds, or begins here.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--resume", is_flag=True, help="Go on with what the output folder holds.")
def search(
    folder: str,
    data: Path,
    target: str,
    budgets: tuple[str, ...],
    number_type: str,
    output: Path,
    resume: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Find the best subnetwork of a trained FOLDER within a budget on a target.

    Best by the first figure of the validation, with the shared weights. Of the networks that no
    other settles, the costs are those of their compiled step; bytes and instructions of a chip are
    counted, times are taken here. Leaves `best` in the output folder: a model, and its bundle.

    Under `torchrun`, or on a Ray cluster with --ray, several are evaluated at a time; what is found
    is the same.

    \b
    edgernn supernet search runs/many --data speech -t cortex-m7 --budget flash=512KB -o runs/found
    edgernn supernet search runs/many --data speech -t host --budget latency=20us -o runs/fast
    torchrun --nproc-per-node 2 -m edgernn supernet search runs/many --data speech -t host -o runs/b
    """
    from edgernn.compress.budget import parse_budget
    from edgernn.graph.number_type import find_number_type
    from edgernn.supernet.extract import find_supernet
    from edgernn.supernet.finding import BEST, Finding, find
    from edgernn.target import find_target

    place = find_target(target)
    find_number_type(number_type, place.number_types)
    budget = parse_budget(budgets, firmware=place.kind == "firmware")
    net = find_supernet(folder)
    asked = Finding(net, data, target, output, budget, number_type, **how)
    found = find(asked, resume=resume, say=progress(as_json))
    if found is None:
        return
    rows, best = found
    if as_json:
        print_json({"best": best, "folder": output / BEST, "subnetworks": rows})
        return
    print_table(_even(rows))
    click.echo(f"best: {best}, in {output / BEST}")


def _even(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the same columns, empty where nothing was measured."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, "") for name in names} for row in rows]


supernet.add_command(train_one, "train")
supernet.add_command(list_, "list")
supernet.add_command(extract)
supernet.add_command(search)
COMMAND: Any = supernet
