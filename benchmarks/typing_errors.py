"""What a keyboard learns from: texts, vocabularies, and errors as they are induced.

    python -m benchmarks.typing_errors --data PATH [--sentences N] [--write]

Tables of docs/keyboard.md. Rates are edits of characters between what was meant and what was typed,
over N turns of the validation workers; of each kind, the part of all edits. `--write` puts them
there, and draws docs/keyboard-touches.svg: where touches go when 5 % of the characters are wrong.
`--vocabulary models/keyboard/words.txt` makes that file, `further.txt` and `first.txt` beside it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.document import table, write_section
from benchmarks.figure import pyplot, saved
from edgernn.errors import EdgernnError
from edgernn.keyboard.corpora import CORPORA, SPLITS, TRAINING, frequencies, training_texts
from edgernn.keyboard.layout import PITCH, QWERTY
from edgernn.keyboard.lexicon import Lexicon, first_words, misspelt, well_spelt
from edgernn.keyboard.slips import KINDS
from edgernn.keyboard.touches import touches_on
from edgernn.keyboard.typing import Typed, Typist
from edgernn.keyboard.words import counted
from edgernn.recognition.errors import word_errors

PAGE, PICTURE = Path("docs/keyboard.md"), Path("docs/keyboard-touches.svg")
RATES = (0.02, 0.05, 0.10, 0.15)
SIZES = (10_000, 15_000, 20_000)
SIZE = 15_000  # of the keyboard's own
FURTHER = 40_000  # words beyond them
TALK, FIRST = ("self_dialogue",), 16  # texts that begin as messages do; words that begin many
DRAWN = 40  # touches of each key in the picture


def text_table(data: Path) -> list[str]:
    """Texts and words of each corpus and split, and what misspellings take from training."""
    wrong = misspelt(training_texts(data), frequencies(data))
    rows = []
    for name in TRAINING:
        for split in SPLITS:
            texts = training_texts(data, split, (name,))
            kept = well_spelt(texts, wrong)
            words = [f"{sum(len(text.split()) for text in some):,}" for some in (texts, kept)]
            licence = CORPORA[name].licence
            rows.append([f"{name}, {split}", licence, f"{len(texts):,}", words[0], words[1]])
    return table(["corpus, split", "licence", "texts", "words", "words, well spelt"], rows)


def coverage_table(data: Path) -> list[str]:
    """The share of words of held-out dialogues that vocabularies have."""
    lexicon = Lexicon.read(data)
    counts = counted(training_texts(data, "test", ("self_dialogue",)))
    spoken = Counter({core: n for core, n in counts.items() if any(map(str.isalpha, core))})
    rows = []
    for size in SIZES:
        vocabulary = lexicon.vocabulary(size)
        both = (vocabulary.coverage(counts), vocabulary.coverage(spoken))
        rows.append([f"{size:,}", *(f"{100 * share:.2f} %" for share in both)])
    return table(["words", "of all words", "of those with a letter"], rows)


def error_table(texts: Sequence[str]) -> list[str]:
    """The rate that is measured for each rate asked for, and the parts of the kinds."""
    typist, rows = Typist(), []
    shown = [kind for kind in ("touch", *KINDS) if getattr(typist.errors, kind)]
    for rate in RATES:
        rng = np.random.default_rng([0, round(1000 * rate)])
        typed = [typist.typed(text, rng, rate=rate) for text in texts]
        wrong = sum(word_errors(one.intended, one.text).errors for one in typed)
        share = wrong / sum(len(one.intended) for one in typed)
        parts = kinds(typed)
        cells = [f"{100 * parts[kind] / max(1, parts.total()):.1f} %" for kind in shown]
        rows.append([f"{100 * rate:.0f} %", f"{100 * share:.2f} %", *cells])
    head = ["asked", "measured", *(kind.replace("_", " ") for kind in shown)]
    return table(head, rows)


def kinds(typed: Sequence[Typed]) -> Counter[str]:
    """The edits of each kind."""
    counts = Counter({"touch": sum(one.missed for one in typed)})
    for one in typed:
        for slip in one.slips:
            counts[slip.kind] += slip.cost
    return counts


def per_second(texts: Sequence[str]) -> float:
    """Texts a second of CPU time, with rates drawn."""
    typist, rng = Typist(), np.random.default_rng(0)
    typist.typed(texts[0], rng)
    begun = time.process_time()
    for text in texts:
        typist.typed(text, rng)
    return len(texts) / (time.process_time() - begun)


def draw(texts: Sequence[str], path: Path = PICTURE, rate: float = 0.05) -> None:
    """The letters' page with touches at such a rate, in red those that hit another key."""
    plot, model, rng = pyplot(), touches_on(QWERTY), np.random.default_rng(0)
    usual = model.keys(QWERTY.labels("".join(texts)))
    sigma = model.sigma(usual, rate * Typist().touch_part * len(usual))
    shown = [i for i, key in enumerate(QWERTY.keys) if key in QWERTY.on(0)]
    keys = np.repeat(np.array(shown), DRAWN)
    hit, offsets = model.drawn(keys, sigma, rng)
    points = model.centres[hit] + offsets
    figure, axis = plot.subplots(figsize=(7, 3.9))
    for key in QWERTY.on(0):
        corner = (key.x - key.width / 2 + 0.04, key.y - PITCH / 2 + 0.04)
        size = (key.width - 0.08, PITCH - 0.08)
        axis.add_patch(plot.Rectangle(corner, *size, fill=False, edgecolor="#bbbbbb"))
        axis.text(key.x, key.y, key.char, ha="center", va="center", fontsize=13)
    for some, colour in ((hit == keys, "#1f77b4"), (hit != keys, "#d62728")):
        axis.plot(*points[some].T, ".", markersize=2.5, color=colour)
    axis.set_aspect("equal")
    axis.invert_yaxis()
    axis.axis("off")
    axis.set_title(f"touches {sigma:.2f} key widths (standard deviation) around what is meant")
    saved(figure, path)


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=1500)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--vocabulary", type=Path, help="make this file instead")
    given = parser.parse_args()
    try:
        if given.vocabulary:
            lexicon = Lexicon.read(given.data)
            vocabulary = lexicon.vocabulary(SIZE)
            vocabulary.save(given.vocabulary)
            further = lexicon.further(vocabulary, FURTHER)
            further.save(given.vocabulary.with_name("further.txt"))
            first = first_words(training_texts(given.data, corpora=TALK), vocabulary, FIRST)
            rows = "".join(f"{word} {share:.5f}\n" for word, share in first.items())
            given.vocabulary.with_name("first.txt").write_text(rows, encoding="utf-8")
            return 0
        texts = training_texts(given.data, "val", ("self_dialogue",))[: given.sentences]
        made = {
            "keyboard texts": text_table(given.data),
            "keyboard vocabulary": coverage_table(given.data),
            "keyboard errors": error_table(texts),
        }
        if given.write:
            draw(texts)
        for name, lines in made.items():
            print("\n".join([name, *lines, ""]))
            if given.write:
                write_section(name, lines, PAGE)
        print(f"{per_second(texts):,.0f} texts a second of one core")
    except EdgernnError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
