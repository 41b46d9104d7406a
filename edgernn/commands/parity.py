"""`edgernn parity`: every backend, number type and target of a model against torch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edgernn.commands._complete import Model, TargetName
from edgernn.commands._form import command, print_json, print_table, progress


@command
@click.argument("models", type=Model(), nargs=-1)
@click.option("--backend", multiple=True, help="Of those alone: c, onnx, litert, tvm.")
@click.option("--number-type", multiple=True, help="Of those alone.")
@click.option("--target", "-t", multiple=True, type=TargetName(), help="Of those alone.")
@click.option(
    "--frames",
    type=click.IntRange(10),
    default=100_000,
    show_default=True,
    help="Steps of the stream on this machine.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Where the recordings are: measure what each model is for, too.",
)
@click.option("--html", type=click.Path(path_type=Path), help="Write the matrix as a page.")
def parity(
    models: tuple[str, ...],
    backend: tuple[str, ...],
    number_type: tuple[str, ...],
    target: tuple[str, ...],
    frames: int,
    data: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Compare all that MODELS can become with torch.

    Without a MODEL, all that come trained. Here each runs a long stream within the tolerance of
    its number type; on other targets, emulated, its bits are those of here. Ends with 1 if
    something differs.

    \b
    edgernn parity kws wakeword
    edgernn parity kws --backend c --number-type w8a8 -t cortex-m0 -t wasm
    edgernn parity mine.py:build --frames 10000 --html parity.html
    edgernn parity kws --data PATH
    """
    from edgernn.errors import BundleError, DataError
    from edgernn.model import shipped_names
    from edgernn.parity import BACKENDS, RED, TARGETS
    from edgernn.parity import parity as cells_of
    from edgernn.parity_page import COLUMNS, page, written
    from edgernn.profile.latency import machine

    if data is not None and not data.is_dir():
        raise DataError(f"{data}: no such directory; --data takes the one with the archives")
    if html is not None and not html.parent.is_dir():
        raise BundleError(f"{html}: not a file in an existing directory")
    cells = list(
        cells_of(
            models or shipped_names(),
            backends=backend or BACKENDS,
            number_types=number_type,
            targets=target or TARGETS,
            frames=frames,
            data=data,
            say=progress(as_json),
        )
    )
    if html is not None:
        html.write_text(page(cells, machine()), encoding="utf-8")
    if as_json:
        print_json([asdict(cell) for cell in cells])
    else:
        for model in dict.fromkeys(cell.model for cell in cells):
            own = [cell for cell in cells if cell.model == model]
            rows = [
                {
                    title: written(name, value)
                    if not isinstance(value := getattr(cell, name), str)
                    else value
                    for name, title in COLUMNS
                }
                for cell in own
            ]
            print_table(rows, model)
            for cell in own:
                if cell.why:
                    where = f"{cell.step}, {cell.backend} {cell.number_type}, {cell.target}"
                    click.echo(f"{where}: {cell.result}: {cell.why}")
    if any(cell.result == RED for cell in cells):
        raise SystemExit(1)


COMMAND = parity
