"""`edgernn embed`: a bundle as a package that drops into a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgernn.commands._complete import PackageName, TargetName
from edgernn.commands._form import command, print_json, progress


@command
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--as", "kind", type=PackageName(), default="c", show_default=True, help="For which language."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The package's folder."
)
@click.option("--on", type=TargetName(), help="c, python, android: the one target it is for.")
@click.option("--name", help="Of the package; the model's if none.")
def embed(
    bundle: Path, kind: str, output: Path, on: str | None, name: str | None, as_json: bool
) -> None:
    """Make of a BUNDLE a package for an app or a program.

    The steps, the loop that ties them, and an API in the habits of its language. Code that is made
    for a target beyond the bundle's own runs its golden vectors first. A folder that holds a
    package is replaced whole.

    \b
    edgernn embed kws.edgernn -o kws
    edgernn embed kws.edgernn --on cortex-m7 -o firmware/kws
    edgernn embed kws.edgernn --as web -o kws-web
    edgernn embed next.edgernn --name kws_next -o next
    """
    from edgernn.bundle import open_bundle
    from edgernn.package import called, find_package, package_place, write_package

    package_place(output)  # before minutes of compiling
    package, opened = find_package(kind), open_bundle(bundle)
    files = package.files(opened if name is None else called(opened, name), on, progress(as_json))
    write_package(files, output)
    if as_json:
        print_json(report(bundle, kind, output, files))
        return
    for file in sorted(files):
        click.echo(output / file)


def report(bundle: Path, kind: str, output: Path, files: Any) -> dict[str, Any]:
    """What was written, with sizes in bytes."""
    sizes = {name: len(content) for name, content in sorted(files.items())}
    return {"bundle": bundle, "as": kind, "folder": output, "files": sizes}


COMMAND = embed
