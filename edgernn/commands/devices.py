"""`edgernn devices`: where a step can be measured, and what that is."""

from __future__ import annotations

from typing import Any

import click

from edgernn.commands._form import command, print_json, print_table, progress


@command
@click.argument("urls", nargs=-1)
def devices(urls: tuple[str, ...], as_json: bool) -> None:
    """List the devices that are there, or describe URLS.

    Without URLS: this machine, emulators, phones that adb knows and hosts that ~/.ssh/config names.
    Each is asked for its CPU and features, cores, clock and its governor, memory and system, by a
    small program; a host of ssh only if it is named here.

    \b
    edgernn devices
    edgernn devices ssh://pi@board
    """
    from dataclasses import asdict

    from edgernn.device import find_device
    from edgernn.errors import EdgernnError
    from edgernn.profile.about import about
    from edgernn.profile.reach import known, unasked

    say = progress(as_json)
    rows: list[dict[str, Any]] = []
    documents = []
    failed = None
    told = unasked()
    for url, note in [(url, told.get(url, "")) for url in urls] or known():
        if note:
            rows.append({"device": url, "what": note, "features": None})
            documents.append({"device": url, "note": note})
            continue
        say(f"{url}: asking")
        try:
            found = about(find_device(url))
        except EdgernnError as cause:
            failed = cause
            rows.append({"device": url, "what": str(cause), "features": None})
            documents.append({"device": url, "error": str(cause)})
            continue
        rows.append({"device": url, "what": found.line(), "features": list(found.features) or None})
        documents.append({"device": url, **asdict(found)})
    if as_json:
        print_json(documents)
    else:
        print_table(rows)
    if urls and failed is not None and len(urls) == 1:
        raise failed


COMMAND = devices
