"""`edgernn cells`: every recurrent unit side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from edgernn.commands._form import command, print_json, print_table, progress

PAGE = """# Recurrent units
Every unit is one file in `edgernn/cells`, obeys [one law](protocol.md), and exports to ONNX and C;
[add your own](add-a-cell.md). Here each is {width} wide: inputs, and units where it can choose.

- *State bytes* are of one stream in float32.
- *MACs* are those of the products of one step; what is done element by element is not counted.
- *Parallel* says how whole sequences are computed in training: a `scan` in about log T operations,
  or `chunks` by matrix products. Others go frame by frame, GRU, LSTM and RNN by torch's kernels.
- *Number types* hold the unit as it begins: within their tolerance of torch over noise. The
  percentage is the rms error in shares of the output's rms. Weights trained for a type err less.

{table}

This page is the output of `edgernn cells --markdown`."""


@command
@click.argument("units", nargs=-1, metavar="[UNIT]...")
@click.option("--width", type=int, default=64, show_default=True, help="Inputs and units of each.")
@click.option("--markdown", is_flag=True, help="Print the page docs/cells.md.")
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

    from edgernn.zoo import described, measured, unit_classes

    say = progress(as_json)
    rows = []
    for sort in unit_classes(units):
        unit = described(sort, width)
        say(f"{unit.name}: capturing a step and running it in each number type")
        rows.append(measured(unit, width))
    if as_json:
        print_json([asdict(row) | {"width": width} for row in rows])
    elif markdown:
        click.echo(_page([_row(row, "what") for row in rows], width))
    else:
        print_table([_row(row, "file") for row in rows])


def _row(unit: Any, second: str) -> dict[str, Any]:
    """A line of the table. second: which attribute stands next to the name."""
    errors = unit.number_types.items()
    return {
        "unit": unit.name,
        second: getattr(unit, second),
        "parameters": unit.parameters,
        "state bytes": unit.state_bytes,
        "MACs a step": unit.macs,
        "parallel": unit.parallel or None,
        "number types": [kind if kind == "fp32" else f"{kind} {e:.1%}" for kind, e in errors],
        "source": unit.source,
    }


def _page(rows: Sequence[Mapping[str, Any]], width: int) -> str:
    """The page of the documents: a table in Markdown, and how it is made anew."""
    from edgernn.figures import figure

    cells = [list(rows[0]), ["---"] * len(rows[0])]
    cells += [[figure(value) for value in row.values()] for row in rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in cells)
    return PAGE.format(width=width, table=table)


COMMAND = cells
