"""`edgernn demo`: a page on this machine to speak and type to."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from edgernn.commands._form import command, print_json, progress

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
    exported the first time. Ends with Ctrl-C. With --json it prints one document, then serves.

    \b
    edgernn demo
    edgernn demo kws.edgernn digits.edgernn --no-browser
    edgernn demo --port 0 --json
    """
    from edgernn.demo.ready import ready, shipped
    from edgernn.demo.server import Server
    from edgernn.demo.site import site

    say = progress(as_json)
    found = [ready(path, say) for path in bundles or shipped(say)]
    with Server(site(found), port) as server:
        if as_json:
            print_json({"url": server.url, "models": [one.name for one in found]})
        else:
            click.echo(f"{server.url}  (Ctrl-C ends it)")
        if not (no_browser or as_json or webbrowser.open(server.url)):
            say("no browser was found here; open the address in one")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")


COMMAND = demo
