"""Keyboards side by side: `python -m benchmarks.keyboard --data PATH --only errors`.

Corrects held-out dialogues with errors put in, clean text, sentences that people typed, and single
misspellings; completes held-out dialogues. See docs/keyboards.md. What was measured is not measured
again: the same command goes on. `--lines` is the size of each sample, the same for all systems.
`--write` puts tables and the picture into docs/.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import keyboard_tables
from benchmarks.document import write_section
from benchmarks.keyboard_ours import Touched
from benchmarks.keyboard_sets import Sets, sets
from benchmarks.keyboard_systems import Systems
from benchmarks.keyboard_wrong import reasons
from benchmarks.rows import Rows
from edgernn.errors import DataError, EdgernnError, MissingExtra, ToolError
from edgernn.keyboard.evaluation_sets import RATES
from edgernn.keyboard.metrics import (
    Pair,
    Share,
    among_first,
    keystrokes,
    line_figures,
    wrongly_changed,
)
from edgernn.keyboard.typing import Typed, plainly_typed

PAGE, RESULTS = Path("docs/keyboards.md"), Path("docs/keyboards.json")
SUGGESTIONS, NEAREST = 3, (1, 5)
SEEN, SEEN_RATE = {"held out": "test", "trained on": "train"}, 0.05
OFTEN = 2  # occurrences in the training dialogues that make a word known

Figures = Mapping[str, Share | int]
Measure = Callable[[str], Figures]  # of a system, by its name


class Bench:
    """The parts: what each measures on which set."""

    def __init__(self, sets: Sets, systems: Systems) -> None:
        self.sets, self.systems = sets, systems

    def _mistyped(self, lines: Sequence[Typed], name: str) -> Figures:
        return line_figures([typed.intended for typed in lines], self._made(lines, name))

    def _made(self, lines: Sequence[Typed], name: str) -> list[str]:
        corrector = self.systems.corrector(name)
        if isinstance(corrector, Touched):
            return [corrector.meant(typed) for typed in lines]
        return [corrector.correct(typed.text) for typed in lines]

    def _copied(self, pairs: Sequence[Pair], name: str) -> Figures:
        corrector = self.systems.corrector(name)
        made = [corrector.correct(typed) for typed, _ in pairs]
        return line_figures([intended for _, intended in pairs], made)

    def errors(self) -> Iterator[tuple[str, Measure]]:
        """Dialogues by the share of characters that are wrong."""
        for rate in RATES:
            yield f"{100 * rate:g} %", partial(self._mistyped, self.sets.with_errors(rate))

    def seen(self) -> Iterator[tuple[str, Measure]]:
        """Dialogues at 5 %, and as many of those that all that is learnt was learnt from."""
        for title, split in SEEN.items():
            yield title, partial(self._mistyped, self.sets.with_errors(SEEN_RATE, split))

    def wrong(self) -> Iterator[tuple[str, Measure]]:
        """Why words are not the intended ones: of dialogues at 5 % and 0, of what people typed."""
        yield "5 %", partial(self._wrong, self.sets.with_errors(SEEN_RATE))
        yield "0 %", partial(self._wrong, self.sets.with_errors(0.0))
        copied = [replace(plainly_typed(typed), intended=to) for typed, to in self.sets.aalto()]
        yield "Aalto", partial(self._wrong, copied)

    def _wrong(self, lines: Sequence[Typed], name: str) -> Figures:
        return reasons(lines, self._made(lines, name), self._known)

    def _known(self, core: str) -> bool:
        library = self.sets.library
        return core in library.frequencies or library.lower_counts[core] >= OFTEN

    def clean(self) -> Iterator[tuple[str, Measure]]:
        """Words spoilt."""
        for title, lines in self.sets.clean().items():
            yield title, partial(self._spoilt, lines)

    def _spoilt(self, lines: Sequence[str], name: str) -> Figures:
        corrector = self.systems.corrector(name)
        return {"changed": wrongly_changed(lines, [corrector.correct(line) for line in lines])}

    def aalto(self) -> Iterator[tuple[str, Measure]]:
        """Sentences that people were shown and typed."""
        pairs = self.sets.aalto()
        yield "Aalto", partial(self._copied, pairs)

    def misspellings(self) -> Iterator[tuple[str, Measure]]:
        """Single words."""
        for title in self.sets.misspelt:
            yield title, partial(self._nearest, self.sets.misspellings(title))

    def _nearest(self, pairs: Sequence[tuple[str, str]], name: str) -> Figures:
        corrector, wanted = self.systems.corrector(name), [right for _, right in pairs]
        found = [others(wrong, corrector.best(wrong, (), max(NEAREST) + 1)) for wrong, _ in pairs]
        return {f"top-{n}": among_first(wanted, found, n) for n in NEAREST}

    def completion(self) -> Iterator[tuple[str, Measure]]:
        """Dialogues typed with suggestions."""
        yield "dialogues", partial(self._completed, self.sets.dialogues("test"))

    def _completed(self, lines: Sequence[str], name: str) -> Figures:
        figures = keystrokes(self.systems.completer(name), lines, SUGGESTIONS)
        return {"bytes": self.systems.completer_bytes(name), **figures}


def others(typed: str, words: Sequence[str]) -> list[str]:
    """Words that are not the one that was typed."""
    return [word for word in words if word.casefold() != typed.casefold()]


PARTS: dict[str, Callable[[Bench], Iterator[tuple[str, Measure]]]] = {
    "errors": Bench.errors,
    "seen": Bench.seen,
    "wrong": Bench.wrong,
    "clean": Bench.clean,
    "aalto": Bench.aalto,
    "misspellings": Bench.misspellings,
    "completion": Bench.completion,
}


def carried_out(part: str, bench: Bench, rows: Rows, names: Sequence[str]) -> None:
    """A row of each set and system that has none; what is not installed is told and left out.

    A row of another bundle of the same name, or of another loop, is none.
    """
    lines = bench.sets.lines
    for title, measure in PARTS[part](bench):
        for name in names:
            known, bundle = rows.get(part, title, name, str(lines)), bench.systems.digests.get(name)
            if known is not None and known.get("bundle") == bundle:
                continue
            start = time.perf_counter()
            try:
                figures = measure(name)
            except (MissingExtra, ToolError) as cause:
                print(f"{name}: {cause}", file=sys.stderr)
                continue
            seconds = round(time.perf_counter() - start, 1)
            row = {"part": part, "set": title, "system": name, "lines": lines, "seconds": seconds}
            row |= {"bundle": bundle} if bundle else {}
            rows.note({**row, **figures}, part, title, name, str(lines))


def named(bundles: Sequence[str]) -> dict[str, Path]:
    """Files by name. Raises: DataError for what is no NAME=FILE."""
    found = {}
    for one in bundles:
        name, equals, file = one.partition("=")
        if not name or not equals:
            raise DataError(f"--bundle {one}: need NAME=FILE")
        found[name] = Path(file)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.keyboard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--only", choices=list(PARTS), help="one part")
    parser.add_argument("--systems", nargs="+", help="some of them, by name")
    parser.add_argument(
        "--bundle",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a keyboard that edgernn export made, again for others",
    )
    parser.add_argument("--lines", type=int, default=1000, help="of each set; 1000")
    parser.add_argument("--output", type=Path, default=Path("runs/keyboard"))
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {RESULTS}")
    options = parser.parse_args(arguments)
    rows = Rows(options.output / "rows.json", RESULTS)
    try:
        given = sets(options.data, options.lines)
        bench = Bench(given, Systems(given.library, named(options.bundle)))
        for part in [options.only] if options.only else list(PARTS):
            every = bench.systems.completers if part == "completion" else bench.systems.correctors
            names = [name for name in every if not options.systems or name in options.systems]
            carried_out(part, bench, rows, names)
            lines = keyboard_tables.TABLES[part](rows, options.lines)
            print("\n".join([f"## {part}", "", *lines, ""]))
            if options.write and lines:
                write_section(f"keyboards {part}", lines, PAGE)
        if options.write:
            keyboard_tables.draw(rows, options.lines, PAGE.parent)
            rows.write(RESULTS)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
