"""`edgernn targets`: what a model can be compiled for."""

from __future__ import annotations

from typing import Any

from edgernn.commands._form import command, print_json, print_table


@command
def targets(as_json: bool) -> None:
    """List what a model can be compiled for.

    \b
    edgernn targets
    edgernn targets --json
    """
    from edgernn.backend import find_runner
    from edgernn.target import all_targets

    rows: list[dict[str, Any]] = []
    for target in all_targets().values():
        board = target.board
        missing = find_runner(target.runner).missing()
        rows.append(
            {
                "target": target.name,
                "what": target.summary,
                "also called": list(target.aliases) or None,
                "number types": list(target.number_types),
                "flash bytes": board.flash_bytes if board else None,
                "RAM bytes": board.ram_bytes if board else None,
                "runs here": "yes" if missing is None else missing,
            }
        )
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


COMMAND = targets
