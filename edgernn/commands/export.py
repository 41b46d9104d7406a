"""`edgernn export`: a model as a verified bundle."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edgernn.commands._complete import Model, TargetName
from edgernn.commands._form import command, print_json, print_table, progress


@command
@click.argument("model", type=Model())
@click.option("--target", "-t", required=True, type=TargetName(), help="See `edgernn targets`.")
@click.option(
    "--number-type", default="fp32", show_default=True, metavar="[fp32|w8a8]", help="Arithmetic."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Default: MODEL-TARGET-TYPE.edgernn."
)
@click.option("--cc", help="C compiler: zig (default), gcc, clang, or the path of one.")
@click.option("--explain", is_flag=True, help="Say what each pass did and where each buffer lives.")
def export(
    model: str,
    target: str,
    number_type: str,
    output: Path | None,
    cc: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Compile a MODEL for a target and prove it equal to torch.

    MODEL is a name that `edgernn models` lists, or your own `file.py:build`. The bundle is written
    only if what was compiled gives torch's numbers.

    \b
    edgernn export kws --target cortex-m4 --number-type w8a8 -o kws.edgernn
    edgernn export kws --target arm
    edgernn export mine.py:build --target host --cc gcc
    """
    from edgernn.exporting import export as export_model

    name = Path(model.partition(":")[0]).stem
    path = output or Path(f"{name}-{target}-{number_type}.edgernn")
    report = export_model(model, target, number_type, path, cc, progress(as_json))
    if as_json:
        print_json(asdict(report))
    else:
        if explain:
            click.echo("\n".join(report.notes))
        print_table(report.rows())
        click.echo(f"wrote {path}")


COMMAND = export
