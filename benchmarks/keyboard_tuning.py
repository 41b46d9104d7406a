"""Settings of the keyboards without a network, on validation dialogues.

    python -m benchmarks.keyboard_tuning --data PATH [--only "noisy channel"]

Taken are those with the most words right at 5 % of the characters wrong, of those that spoil at
most one word in a hundred where nothing is wrong; for the n-gram, those that save the most
keystrokes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.document import table
from benchmarks.keyboard_sets import Sets, sets
from benchmarks.keyboard_tables import TITLES, cell
from benchmarks.peers.keyboard import channel, ispell, ngram, symspell
from edgernn.errors import EdgernnError
from edgernn.keyboard.metrics import Corrector, Share, keystrokes, line_figures, wrongly_changed

Tried = Iterator[tuple[object, Mapping[str, Share]]]
RATE, SUGGESTIONS = 0.05, 3
COSTS = channel.Costs()
EDITS = ((7.0, 12.5), (10.0, 17.5))


def judged(given: Sets, corrector: Corrector) -> Mapping[str, Share]:
    """Figures at RATE, and words spoilt."""
    lines = given.with_errors(RATE, "val")
    intended = [line.intended for line in lines]
    found = line_figures(intended, [corrector.correct(line.text) for line in lines])
    return found | {"changed": wrongly_changed(intended, list(map(corrector.correct, intended)))}


def checkers(given: Sets) -> Tried:
    """Words made known to the system's checker."""
    for least in (2, 5, 20):
        for names in (False, True):
            one = ispell.Settings(least, names)
            yield one, judged(given, ispell.Ispell("aspell", given.library, one))


def spellings(given: Sets) -> Tried:
    """Edits, short words, training words that are right."""
    for least in (2, 5, 20):
        words = symspell.Words.of(given.library, symspell.Settings(least=least))
        for distance, short in ((1, 0), (2, 0), (2, 4), (2, 6)):
            one = replace(words.settings, distance=distance, short=short)
            yield one, judged(given, symspell.Words(words.dictionary, one))


def channels(given: Sets) -> Tried:
    """Costs, each by itself beside the others that were taken."""
    words, model = symspell.Words.of(given.library), ngram.NGram(given.library)
    tried = [replace(COSTS, unknown=each) for each in (18.0, 26.0)]
    tried += [replace(COSTS, edits=each) for each in EDITS]
    tried += [replace(COSTS, case=each) for each in (4.0, 8.0)]
    tried += [replace(COSTS, split=each) for each in (4.0, 7.0)]
    tried += [replace(COSTS, join=each) for each in (4.0, 8.0)]
    for one in [COSTS, *tried]:
        yield one, judged(given, channel.Channel(words, model, one))


def completers(given: Sets) -> Tried:
    """Lengths of n-grams."""
    for order in (3, 4, 5):
        for least in (1, 2, 3):
            one = ngram.Settings(order, least)
            model = ngram.NGram(given.library, one)
            yield one, keystrokes(model, given.dialogues("val"), SUGGESTIONS)


TRIED: dict[str, Callable[[Sets], Tried]] = {
    "aspell": checkers,
    "symspell, words": spellings,
    "noisy channel": channels,
    "n-gram": completers,
}


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=list(TRIED))
    parser.add_argument("--lines", type=int, default=300, help="of the sample; 300")
    options = parser.parse_args()
    try:
        given = sets(options.data, options.lines)
        for name in [options.only] if options.only else list(TRIED):
            head: list[str] = []
            for setting, figures in TRIED[name](given):
                row = [f"`{setting}`", *(cell(dict(figures), one, 2) for one in figures)]
                lines = table([name, *(TITLES[one] for one in figures)], [row])
                print("\n".join(lines[2:] if head else lines), flush=True)
                head = lines
    except EdgernnError as cause:
        print(f"error: {cause}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
