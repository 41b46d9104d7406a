"""`edgernn cells`: every recurrent unit side by side."""

from __future__ import annotations

import click

from edgernn.commands._form import command, print_json, print_table, progress


@command
@click.argument("units", nargs=-1, metavar="[UNIT]...")
@click.option("--width", type=int, default=64, show_default=True, help="Inputs and units of each.")
@click.option("--markdown", is_flag=True, help="Print the table of docs/cells.md.")
def cells(units: tuple[str, ...], width: int, markdown: bool, as_json: bool) -> None:
    """List the recurrent units side by side.

    Each, or each UNIT, a file of edgernn/cells or a class: parameters, state, MACs of the products
    of one step, how whole sequences are computed, source. A number type is named where it stays
    within its tolerance of torch over noise, with its rms error; weights are as they begin.

    \b
    edgernn cells
    edgernn cells gru mingru --width 128
    edgernn cells --json
    """
    from dataclasses import asdict

    from edgernn.zoo import described, markdown_table, measured, table_row, unit_classes

    say = progress(as_json)
    rows = []
    for sort in unit_classes(units):
        unit = described(sort, width)
        say(f"{unit.name}: capturing a step and running it in each number type")
        rows.append(measured(unit, width))
    if as_json:
        print_json([asdict(row) | {"width": width} for row in rows])
    elif markdown:
        click.echo(markdown_table(rows, width))
    else:
        print_table([table_row(row, "file") for row in rows])


COMMAND = cells
