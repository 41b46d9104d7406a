"""`edgernn demo`: a page on this machine to speak and type to."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgernn.commands._form import command, print_json, progress

if TYPE_CHECKING:
    from edgernn.demo.site import Site
    from edgernn.verify import Say

PORT = 8417


@command
@click.argument("bundles", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="0: one that is free.",
)
@click.option("--no-browser", is_flag=True, help="Do not open one.")
def demo(bundles: tuple[Path, ...], port: int, no_browser: bool, as_json: bool) -> None:
    """Serve a page to try BUNDLES on: speak to them, type to them.

    Models run in the page, as WebAssembly, and show what they hear and what a step costs; nothing
    is sent anywhere. Without BUNDLES it is the shipped keyword spotter and keyboard, which are
    exported the first time, while the page tells how far it is. Ends with Ctrl-C. With --json it
    prints one document, then serves.

    \b
    edgernn demo
    edgernn demo kws.edgernn digits.edgernn --no-browser
    edgernn demo --port 0 --json
    """
    from edgernn.demo.ready import SHIPPED, ready
    from edgernn.demo.server import Server
    from edgernn.demo.site import Site

    say, site = progress(as_json), Site()
    found = [ready(path, say) for path in bundles]
    for one in found:
        site.add(one)
    with Server(site.pages, port) as server:
        if as_json:
            print_json({"url": server.url, "models": [one.name for one in found] or list(SHIPPED)})
        else:
            click.echo(f"{server.url}  (Ctrl-C ends it)")
        if not bundles:
            site.making("Begins")
            threading.Thread(target=_ships, args=(site, say), daemon=True).start()
        if not (no_browser or as_json or webbrowser.open(server.url)):
            say("no browser was found here; open the address in one")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")


def _ships(site: Site, say: Say) -> None:
    """Make the shipped models ready while the page is served, which tells how far it is."""
    from edgernn.demo.ready import SHIPPED, ready, shipped
    from edgernn.errors import EdgernnError

    def both(line: str) -> None:
        say(line)
        site.making(line)

    try:
        for model in SHIPPED:
            site.add(ready(shipped(model, both), both))
    except (EdgernnError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        site.failed(str(error))
    else:
        site.making("")


COMMAND = demo
