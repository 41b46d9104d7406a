"""`edgernn drift`: whether a state or an error grows over a long stream."""

from __future__ import annotations

import click

from edgernn.commands._complete import NumberTypeName, UnitOrModel
from edgernn.commands._form import command, print_json, print_table, progress

GROWS = 1  # exit code


@command
@click.argument("name", metavar="UNIT|MODEL|BUNDLE", type=UnitOrModel())
@click.option("--frames", type=int, default=1_000_000, show_default=True, help="How many.")
@click.option(
    "--number-type", multiple=True, default=("w8a8",), show_default=True,
    type=NumberTypeName(), help="Beside fp32; repeat it. Of a bundle its own.",
)  # fmt: skip
@click.option("--width", type=int, default=64, show_default=True, help="Of a unit.")
@click.option("--step", help="The only step of a model to follow.")
def drift(
    name: str, frames: int, number_type: tuple[str, ...], width: int, step: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Tell whether a state or an error grows in a long stream.

    A UNIT of edgernn/cells hears noise, a MODEL its own clips in random order, a BUNDLE its golden
    vectors. The rms of each state leaf, and of the error of each number type against torch in
    float64, is fitted over the last decade by a power of the frame's number. An exponent above 0.1
    grows; a random walk has 0.5. Ends with 1 if something grows.

    \b
    edgernn drift gru
    edgernn drift kws --number-type w8a8 --number-type w4a8
    edgernn drift kws.edgernn --frames 100000 --json
    """
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    from edgernn.drift import need_frames
    from edgernn.drift_subjects import subjects

    need_frames(name, frames)
    found, say = [], progress(as_json)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    for subject in subjects(name, number_type, width=width, step=step, say=say):
        with Progress(*columns, console=Console(stderr=True), disable=as_json) as bars:
            bar = bars.add_task(subject.name, total=frames)
            found.append(subject.follow(frames, lambda n, bar=bar: bars.advance(bar, n)))  # type: ignore[misc]
    if as_json:
        print_json([one.document() for one in found])
    else:
        for one in found:
            print_table(one.rows(), f"{one.name} over {one.frames:,} frames, beside {one.truth}")
    if any(one.grows for one in found):
        sys.exit(GROWS)


COMMAND = drift
