"""`edgernn verify`: is this bundle whole, and does it give the numbers that it promises?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edgernn.commands._form import command, print_json, print_table


@command
@click.argument("bundle", type=click.Path(path_type=Path))
def verify(bundle: Path, as_json: bool) -> None:
    """Check every byte and number of a BUNDLE.

    Its golden vectors are run on everything in it that runs here.

    \b
    edgernn verify kws.edgernn
    edgernn verify kws.edgernn --json
    """
    from edgernn.verify import verify as verify_bundle

    report = verify_bundle(bundle)
    if as_json:
        print_json(asdict(report))
    else:
        print_table(report.rows())


COMMAND = verify
