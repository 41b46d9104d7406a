"""How good a keyboard is: words and lines right, characters wrong, words spoilt, keystrokes saved.

A word is what stands between spaces, with its capitals and punctuation. Word accuracy is 1 - WER:
the fewest words substituted, deleted and inserted that make the corrected line of the intended one,
per intended word. So a word that was split costs two errors, as does a pair that was joined, and
the accuracy of a wild line may be negative. How arXiv:1709.06429 aligns words is not known to us.

Margins are half of the 95 % interval by a bootstrap over lines, which are taken as independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from edgernn.keyboard.words import parted
from edgernn.recognition.errors import WordErrors, resampled_rates, word_errors

Pair = tuple[str, str]  # a line as typed, and as intended


class Corrector(Protocol):
    """Mends what was typed."""

    def correct(self, line: str) -> str:
        """The whole line; what is right stays as it is."""

    def best(self, word: str, context: Sequence[str], n: int) -> list[str]:
        """At most n words that `word` may stand for after those of `context`, best first."""


class Completer(Protocol):
    """Goes on with a word, or foresees it."""

    def complete(self, before: Sequence[str], prefix: str, n: int) -> list[str]:
        """At most n words that begin with `prefix` after those of `before`, best first."""


class Share(NamedTuple):
    """A ratio of sums over lines."""

    value: float
    margin: float


def share(parts: ArrayLike, wholes: ArrayLike) -> Share:
    """`sum(parts) / sum(wholes)`, a part and a whole a line; 0 of nothing."""
    part, whole = np.asarray(parts), np.asarray(wholes)
    if not whole.sum():
        return Share(0.0, 0.0)
    low, high = np.quantile(resampled_rates(part, whole), [0.025, 0.975])
    return Share(float(part.sum() / whole.sum()), float(high - low) / 2)


def line_figures(intended: Sequence[str], corrected: Sequence[str]) -> dict[str, Share]:
    """Word accuracy, sequence accuracy (lines wholly right) and character error rate."""
    lines = list(zip(intended, corrected, strict=True))
    words = [word_errors(meant.split(), made.split()) for meant, made in lines]
    characters = [word_errors(meant, made) for meant, made in lines]
    right = [one.words - one.errors for one in words]
    return {
        "word_accuracy": share(right, _sizes(words)),
        "sequence_accuracy": share([meant == made for meant, made in lines], [1] * len(lines)),
        "cer": share([one.errors for one in characters], _sizes(characters)),
    }


def wrongly_changed(clean: Sequence[str], corrected: Sequence[str]) -> Share:
    """The share of words that were typed as intended, and of which the corrector made others.

    A word that is split counts once, two that are joined count twice.
    """
    each = [word_errors(a.split(), b.split()) for a, b in zip(clean, corrected, strict=True)]
    return share([one.substituted + one.deleted for one in each], _sizes(each))


def among_first(wanted: Sequence[str], found: Sequence[Sequence[str]], n: int) -> Share:
    """The share of words found among the first n; capitals do not count."""
    hits = [
        word.casefold() in {one.casefold() for one in some[:n]}
        for word, some in zip(wanted, found, strict=True)
    ]
    return share(hits, [1] * len(hits))


class Cost(NamedTuple):
    """What a line cost. foreseen: words that were picked before their first letter, of `words`."""

    pressed: int
    keys: int
    foreseen: int
    words: int


def typed_with(completer: Completer, line: str, n: int) -> Cost:
    """Type a line with n suggestions after each key; pick the wanted word as soon as it is there.

    Every character is a keystroke, and so is the space behind each word, the last one's too. To
    pick is one keystroke and brings the space. Signs around a word are typed; those behind a picked
    word take the place of its space, which is then typed. The word must be suggested as it is
    written, capitals too; one whose letters are all typed is not picked, so no pick costs more.
    """
    pressed = keys = foreseen = words = 0
    before: list[str] = []
    for word in line.split():
        _, core, tail = parted(word)
        keys += len(word) + 1
        pressed += len(word) + 1
        for letters in range(len(core)):
            if core in completer.complete(before, core[:letters], n):
                # letters and the pick, for the whole word and a space that no sign replaces
                pressed -= len(core) - letters - (1 if tail else 0)
                foreseen += letters == 0
                break
        words += bool(core)
        before.append(word)
    return Cost(pressed, keys, foreseen, words)


def keystrokes(completer: Completer, lines: Sequence[str], n: int = 3) -> dict[str, Share]:
    """The shares of keystrokes that n suggestions save, and of words they foresee."""
    each = [typed_with(completer, line, n) for line in lines]
    keys, words = [one.keys for one in each], [one.words for one in each]
    return {
        "keystrokes_saved": share([one.keys - one.pressed for one in each], keys),
        "foreseen": share([one.foreseen for one in each], words),
    }


def _sizes(each: Sequence[WordErrors]) -> list[int]:
    return [one.words for one in each]
