"""`edgernn profile`: what a step of a bundle costs, here, on a device and on its chip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from edgernn.commands._form import command, print_json, print_table, progress


def _share(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """`5%` or `0.05`."""
    if value is None:
        return None
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError as cause:
        raise click.BadParameter(f"{value!r} is no share; give 5% or 0.05") from cause
    if not 0 <= share < 10:
        raise click.BadParameter(f"{value} is out of range; give 5% or 0.05")
    return share


@command
@click.argument("bundles", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--device", "-d", multiple=True, help="ssh://user@board, local, qemu:cortex-m4, ...")
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 60),
    default=2.0,
    show_default=True,
    help="How long to time each artifact that runs natively.",
)
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with plots.")
@click.option("--compare", type=click.Path(path_type=Path), help="An earlier --json of the same.")
@click.option("--fail-above", callback=_share, help="End with 1 if slower by more, such as 5%.")
def profile(
    bundles: tuple[Path, ...],
    device: tuple[str, ...],
    seconds: float,
    html: Path | None,
    compare: Path | None,
    fail_above: float | None,
    as_json: bool,
) -> None:
    """Time BUNDLES here or on a device, count them on a chip.

    Times are measured: the first step, p50, p90, p99 and the longest, steps a second, real-time
    factor (computing time over real time), memory. On a device a static program of the step does
    it, which is sent, run and removed. Counts are exact: instructions a step, and bytes of flash,
    state, scratch and stack. An emulator's time is never shown.

    \b
    edgernn profile kws.edgernn
    edgernn profile kws.edgernn --device ssh://pi@board --html report.html
    edgernn profile kws.edgernn --device local --json > before.json
    edgernn profile kws.edgernn --device local --compare before.json --fail-above 5%
    """
    from edgernn.errors import BundleError, DataError, ToolError
    from edgernn.profile.compare import SLOWER, apart
    from edgernn.profile.compare import compare as verdicts_of
    from edgernn.profile.measuring import profile as profiles_of
    from edgernn.profile.page import page
    from edgernn.profile.report import document

    if html is not None and not html.parent.is_dir():
        raise BundleError(f"{html}: not a file in an existing directory")
    if fail_above is not None and compare is None:
        raise DataError("--fail-above: says what --compare OLD.json may cost; give that, too")
    old = None if compare is None else _read(compare)
    found = profiles_of(bundles, seconds, progress(as_json), device)
    made = document(found)
    plain = json.loads(json.dumps(made))
    verdicts = [] if old is None else verdicts_of(old, plain)
    others = apart(plain)
    if html is not None:
        html.write_text(page(found, verdicts, others), encoding="utf-8")
    if as_json:
        print_json(made | ({"verdicts": [one.row() for one in verdicts]} if verdicts else {}))
    else:
        for one in found:
            for title, rows in one.tables():
                print_table(rows, title)
            for note in one.notes():
                click.echo(f"note: {note}")
        for title, told in (("beside the first", others), (f"against {compare}", verdicts)):
            if told:
                print_table([one.row() for one in told], title)
    if cut := [row for one in found for row in one.devices if row.partial]:
        raise ToolError(f"partial: {cut[0].partial}")
    if fail_above is not None and any(
        one.verdict == SLOWER and one.ratio > 1 + fail_above for one in verdicts
    ):
        raise SystemExit(1)


def _read(path: Path) -> dict[str, Any]:
    from edgernn.errors import DataError
    from edgernn.profile.compare import checked

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise DataError(f"{path}: {cause.strerror or cause}") from cause
    except ValueError as cause:
        raise DataError(f"{path}: is no JSON: {cause}") from cause
    return checked(found, str(path))


COMMAND = profile
