"""`edgernn profile`: what a step of a bundle costs, here and on its chip."""

from __future__ import annotations

from pathlib import Path

import click

from edgernn.commands._form import command, print_json, print_table, progress


@command
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 60),
    default=2.0,
    show_default=True,
    help="How long to time each artifact that runs on this machine.",
)
def profile(bundle: Path, seconds: float, as_json: bool) -> None:
    """Time a BUNDLE here, count it on its chip.

    Times are measured: p50 and p99 of a step, steps a second, real-time factor (computing time
    over real time), peak memory of the process. Counts are exact: instructions a step, and bytes
    of flash, state, scratch and stack. An emulator's time is never shown.

    \b
    edgernn profile kws.edgernn
    edgernn profile kws.edgernn --seconds 10 --json
    """
    from edgernn.profile.report import profile as profile_bundle

    profiles = profile_bundle(bundle, seconds, progress(as_json))
    if as_json:
        print_json([one.as_json() for one in profiles])
        return
    for one in profiles:
        for title, rows in one.tables():
            print_table(rows, title)
        for note in one.notes():
            click.echo(f"note: {note}")


COMMAND = profile
