"""How the programs of a package end."""

from __future__ import annotations

import sys
from collections.abc import Callable

from . import EdgernnError


def ended(body: Callable[[], None]) -> int:
    """Run it. Gives the exit code: 2, behind one line, for what was refused."""
    try:
        body()
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
