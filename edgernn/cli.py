"""The command line: a group that finds its commands by file name, and turns errors into one line.

A command is one file, `edgernn/commands/NAME.py` holding `COMMAND`. What a command needs it imports
inside its function, so that `edgernn --help` and completion answer at once.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any

import click

from edgernn import __version__, commands
from edgernn.errors import EdgernnError, UnknownName

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


class Commands(click.Group):
    """Commands found in edgernn/commands; the place where every error becomes one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = (module.name for module in pkgutil.iter_modules(commands.__path__))
        return sorted(name for name in found if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"edgernn.commands.{cmd_name}").COMMAND
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if not args[0].startswith("-") and args[0] not in known:
            raise UnknownName("command", args[0], known)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgernnError as error:
            _show(ctx, error, str(error))
        except BrokenPipeError:
            raise
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            _show(ctx, error, f"{name}{error.strerror or error}")
        except KeyboardInterrupt:
            click.echo("\ninterrupted", err=True)
            ctx.exit(EXIT_INTERRUPTED)


def _show(ctx: click.Context, error: BaseException, line: str) -> None:
    """One line on stderr and exit code 2; with --debug the trace before it."""
    if ctx.meta.get("edgernn.debug"):
        import traceback

        traceback.print_exception(error)
    click.echo(f"error: {' '.join(line.split())}", err=True)
    ctx.exit(EXIT_BAD_INPUT)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgernn")
def group() -> None:
    """Streaming recurrent networks, from torch to the edge.

    \b
    edgernn export kws --target cortex-m4 --number-type w8a8 -o kws.edgernn
    edgernn verify kws.edgernn
    edgernn run kws.edgernn clip.wav
    edgernn profile kws.edgernn
    """


def main() -> None:
    """The entry point `edgernn`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a sign shows ?
    group(prog_name="edgernn")
