"""`edgernn completion`: the script that makes a shell complete our commands."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command(name="completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL.

    \b
    eval "$(edgernn completion bash)"                                   # in ~/.bashrc
    eval "$(edgernn completion zsh)"                                    # in ~/.zshrc
    edgernn completion fish > ~/.config/fish/completions/edgernn.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "edgernn", "_EDGERNN_COMPLETE")
    # `source` would first run bash to ask its version, and bash may not be here
    click.echo(script.source_template % script.source_vars())


COMMAND = completion
