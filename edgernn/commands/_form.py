"""What the commands share: the options --json and --debug, tables, and a line of progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from edgernn.figures import figure

Function = Callable[..., Any]


def command(function: Function) -> click.Command:
    """A function as a command of its own name, with --json and --debug."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option(
            "--debug", is_flag=True, expose_value=False, callback=_debug, help="Show error traces."
        ),
    ):
        function = option(function)
    return click.command(name=function.__name__.rstrip("_"))(function)


def _debug(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta["edgernn.debug"] = True  # one dict for the whole command line


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """One JSON document on stdout; numpy numbers and paths as plain ones. No indent: a line."""
    click.echo(json.dumps(value, indent=indent, default=_plain))


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def print_table(rows: Sequence[Mapping[str, Any]], title: str = "") -> None:
    """Rows as a table: the keys of the first row are the head."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if title:
        click.secho(f"\n{title}", bold=sys.stdout.isatty())
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in rows[0] if rows else ():
        number = all(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(figure(value)) for value in row.values()))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a pipe has no width: let no line be cut
    console.print(table)


def progress(as_json: bool) -> Callable[[str], None]:
    """Where a long command says what it does: stderr, dimmed; nowhere with --json."""

    def say(line: str) -> None:
        if not as_json:
            click.secho(line, err=True, dim=sys.stderr.isatty())

    return say
