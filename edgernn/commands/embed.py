"""`edgernn embed`: the C of a bundle, to be built into a program or a firmware of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from edgernn.commands._complete import TargetName
from edgernn.commands._form import command, print_json


@command
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="A folder; made if new."
)
@click.option("--on", type=TargetName(), help="Which code of the bundle; its own target's if none.")
def embed(bundle: Path, output: Path, on: str | None, as_json: bool) -> None:
    """Write the C of a BUNDLE into a folder.

    Source and header of every step; beside those of a recogniser or a keyboard the loop that ties
    them, as recognizer.h or keyboard.h describes it.

    \b
    edgernn embed kws.edgernn -o firmware/kws
    edgernn embed asr.edgernn -o firmware/asr
    """
    from edgernn.bundle import open_bundle
    from edgernn.loops import embedded_files
    from edgernn.step_code import artifact
    from edgernn.toolchain import write_whole

    opened = open_bundle(bundle)
    target = on or opened.manifest["target"]
    files = embedded_files(opened, target)
    for name, text in files.items():
        write_whole(output / name, text.encode(), mode=0o644)
    if as_json:
        print_json({"bundle": bundle, "target": target, "folder": output, "files": sorted(files)})
        return
    for name in sorted(files):
        click.echo(output / name)
    compiled = artifact(opened, next(iter(opened.manifest["steps"])), target)["facts"]["compiled"]
    click.echo(f"compiled with: {compiled}", err=True)


COMMAND = embed
