"""`edgernn type`: what a keyboard decoder makes of what is typed, live or line by line."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgernn.commands._complete import TargetName
from edgernn.commands._form import command, print_json
from edgernn.errors import DataError

if TYPE_CHECKING:
    from edgernn.keyboard.decode import Keyboard


@command
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--words", type=click.Path(path_type=Path), help="Your own words, one a line.")
@click.option("--beam", type=click.IntRange(1), default=4, show_default=True, help="Readings.")
@click.option(
    "--suggestions", type=click.IntRange(1), default=3, show_default=True, help="Completions."
)
@click.option("--no-capitals", is_flag=True, help="A sentence may begin in lower case.")
@click.option("--each", is_flag=True, help="With --json, a document for every keystroke.")
@click.option("--on", type=TargetName(), help="Which code of the bundle: host, cortex-m7, any...")
def type_(
    bundle: Path,
    words: Path | None,
    beam: int,
    suggestions: int,
    no_capitals: bool,
    each: bool,
    on: str | None,
    as_json: bool,
) -> None:
    """Correct and complete what you type.

    BUNDLE is that of a keyboard decoder. In a terminal the text is shown as it is read, with
    completions beneath: Tab accepts the marked one, arrows mark another. Ctrl-Z takes the last
    correction back and keeps its words as typed, Enter ends a sentence, Ctrl-D or Ctrl-C ends and
    prints the text.

    Otherwise each line of stdin is typed key by key, as a text of its own, and printed as it is
    read; with --json as a document a line, which tells of every word how it may be read and what
    it changed. Stdin is UTF-8; control characters stay in the text.

    \b
    edgernn type keyboard.edgernn
    edgernn type keyboard.edgernn --words names.txt > letter.txt      # the editor is on stderr
    edgernn type keyboard.edgernn < typed.txt > read.txt
    echo 'teh cat' | edgernn type keyboard.edgernn --json
    echo 'teh cat' | edgernn type keyboard.edgernn --json --each
    """
    from edgernn.keyboard.decode import Keyboard
    from edgernn.keyboard.lines import decoded, keystrokes, typed_line
    from edgernn.keyboard.own_words import OwnWords
    from edgernn.runtime import open_steps

    if each and not as_json:
        raise DataError("--each: needs --json")
    if sys.stdin is None:
        raise DataError("standard input is closed")
    own = OwnWords.read(words) if words else None
    keyboard = Keyboard(
        open_steps(bundle, on=on),
        beam=beam,
        suggestions=suggestions,
        own=own,
        capitals=not no_capitals,
    )
    if not as_json and sys.stdin.isatty() and (sys.stdout.isatty() or sys.stderr.isatty()):
        _edit(keyboard)
        return
    for line in decoded(sys.stdin.buffer):
        if each:
            for char, shown in keystrokes(keyboard, line):
                print_json({"key": char, **asdict(shown)}, indent=None)
        elif as_json:
            print_json(asdict(typed_line(keyboard, line)), indent=None)
        else:
            _print(typed_line(keyboard, line).text)


def _edit(keyboard: Keyboard) -> None:
    """A text in the terminal; printed whatever ends it."""
    from edgernn.keyboard.terminal import Editor

    editor = Editor(keyboard)
    try:
        editor.run()
    finally:
        if editor.text:
            _print(editor.text)


def _print(text: str) -> None:
    """A text, to the byte: UTF-8 whatever the locale, and bytes of stdin that are none."""
    click.echo(text.encode(errors="surrogateescape"), nl=not text.endswith("\n"))


COMMAND = type_
