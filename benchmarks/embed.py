"""What a call of a package costs above the bare step in C, language by language.

    python -m benchmarks.embed kws.edgernn wakeword.edgernn keyboard.edgernn --write

Each language is measured beside C in the same run, call by call in turn. One whose tools are absent
is named and left out; what the page has of it stays.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.document import table, write_section
from edgernn.bundle import open_bundle
from edgernn.errors import EdgernnError, ToolError
from edgernn.profile.latency import machine

LANGUAGES = ("python", "android", "web")
PAGE = Path("docs/embed/index.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.embed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--only", choices=LANGUAGES, help="one language")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    parser.add_argument("--json", action="store_true", help="rows instead of tables")
    options = parser.parse_args(arguments)
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        for language in [options.only] if options.only else LANGUAGES:
            try:
                found[language] = rows(language, options.bundles)
            except ToolError as absent:
                print(f"{language}: {absent}", file=sys.stderr)
        for language, each in found.items():
            lines = shown(language, each, options.bundles)
            if options.write:
                write_section(f"embed {language}", lines, PAGE)
            if not options.json:
                print("\n".join([f"## {language}", *lines, ""]))
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found, indent=1))
    return 0


def rows(language: str, bundles: Sequence[Path]) -> list[dict[str, Any]]:
    """A row for each step of each bundle. Raises: ToolError where the language's tools lack."""
    benchmark = importlib.import_module(f"benchmarks.embed_{language}")
    return [
        {"model": bundle.manifest["model"], **row}
        for bundle in map(open_bundle, bundles)
        for row in benchmark.measured(bundle)
    ]


def shown(language: str, found: Sequence[dict[str, Any]], bundles: Sequence[Path]) -> list[str]:
    """A table, and where and by what it was measured."""
    names = " ".join(path.name for path in bundles)
    benchmark = importlib.import_module(f"benchmarks.embed_{language}")
    lines = table(list(found[0]), [[str(cell) for cell in row.values()] for row in found])
    said = f"{machine()}; {benchmark.versions()}"
    command = f"`python -m benchmarks.embed {names} --only {language} --write`"
    return [*lines, "", f"{said}. Made by {command}."]


if __name__ == "__main__":
    raise SystemExit(main())
