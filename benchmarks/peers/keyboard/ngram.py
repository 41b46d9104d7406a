"""An n-gram model that completes words: interpolated modified Kneser-Ney, over numpy arrays.

Written here because completing needs all words that follow a context and begin with a prefix. With
the vocabulary sorted, and n-grams kept as sorted numbers `context * words + word`, those are one
slice; libraries (KenLM, nltk.lm) answer for one word at a time.
Source: Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.keyboard import Library, tokens

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

START, END, UNKNOWN = "\x00<s>", "\x00</s>", "\x00<unk>"  # sorted before every word
LAST = chr(0x10FFFF)
BYTES = 5  # of an n-gram in a trie: 17 bits of a word, 8 of its share, 8 of the rest, 7 of a place


@dataclass(frozen=True, slots=True)
class Settings:
    """order: words of the longest n-gram. least: occurrences that make a training word known.

    rarest: occurrences below which an n-gram of several words is dropped, once all have been
    counted; what it foretold is left to the shorter ones.
    """

    order: int = 4
    least: int = 2
    rarest: int = 1


@dataclass(frozen=True, slots=True)
class Level:
    """N-grams of one length, sorted by `key = context * words + word`.

    context is the place of the n-gram without its last word, one level below. share: the discounted
    share of its context's occurrences. rest: by context, what is left to the level below.
    """

    keys: Ids
    share: Floats
    rest: Floats


class NGram:
    """Probabilities of words behind words; completes them. Raises nothing for unknown words."""

    def __init__(self, library: Library, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        known = {word for word, count in library.counts.items() if count >= settings.least}
        self.words = sorted(known | library.frequencies.keys() | {START, END, UNKNOWN})
        self.ids = {word: i for i, word in enumerate(self.words)}
        frequency = [library.frequencies.get(word, 0) + 1.0 for word in self.words]
        self.base: Floats = np.array(frequency) / sum(frequency)
        self.offered = np.array([word[0].isalnum() for word in self.words])
        self.levels = self._counted(library.tokens, settings.order, settings.rarest)
        self._common: dict[tuple[int, int, int], Ids] = {}

    def encode(self, line: str) -> list[int]:
        """The ids of a line's tokens."""
        return self._encoded(tokens(line))

    def _encoded(self, line: Sequence[str]) -> list[int]:
        unknown = self.ids[UNKNOWN]
        return [self.ids.get(one, unknown) for one in line]

    @property
    def least_bytes(self) -> int:
        """About what a compact form needs: the words' letters, and so much for each n-gram."""
        letters = sum(len(word.encode()) + 1 for word in self.words)
        return letters + BYTES * sum(len(level.keys) for level in self.levels)

    def _counted(self, lines: Sequence[Sequence[str]], order: int, rarest: int) -> list[Level]:
        start, end, size = self.ids[START], self.ids[END], len(self.words)
        text: Ids = np.array([i for line in lines for i in (start, *self._encoded(line), end)])
        first = text == start  # a line begins with as many of them as any context has words
        place = np.zeros(len(text), np.int64)  # of the n-gram that ends here, in its level
        begins = np.zeros(1, bool)  # whether an n-gram of the level below begins with START
        levels, grams = [], []
        for length in range(1, order + 1):
            key = np.where(first, place, np.roll(place, 1)) * size + text
            keys, at, place, count = np.unique(
                key, return_index=True, return_inverse=True, return_counts=True
            )
            begins = begins[keys // size] if length > 1 else keys == start
            grams.append((keys, at, place, count, begins))
        kept = np.ones(1, bool)  # contexts
        for length, (keys, _, place, count, begins) in enumerate(grams, 1):
            often = count >= (rarest if length > 1 else 1)
            if length < order:  # how many different words it follows; nothing comes before START
                continued = np.bincount(place[grams[length][1]], minlength=len(keys))
                count = np.where(begins, count, continued)
            contexts = len(grams[length - 2][0]) if length > 1 else 1
            whole = _smoothed(keys, np.where(keys % size == start, 0, count), contexts, size)
            levels.append(whole if rarest == 1 else _pruned(whole, often, kept, size))
            kept = often
        return levels

    def contexts(self, before: Sequence[int]) -> list[int]:
        """Places of the empty context, the last word, the last two, ..., while they are known."""
        found = [0]
        for length in range(1, min(len(self.levels), len(before) + 1)):
            place = 0
            for level, word in zip(self.levels, before[-length:], strict=False):
                key = place * len(self.words) + word
                place = int(level.keys.searchsorted(key))
                if place == len(level.keys) or level.keys[place] != key:
                    return found
            found.append(place)
        return found

    def followers(self, contexts: Sequence[int], low: int, high: int) -> Ids:
        """The words low to high in the sorted vocabulary that were seen behind the last word."""
        if len(contexts) < 2:
            return np.zeros(0, np.int64)
        keys, first = self.levels[1].keys, contexts[1] * len(self.words)
        a, b = keys.searchsorted((first + low, first + high))
        found: Ids = keys[a:b] - first
        return found

    def chosen(self, contexts: Sequence[int], ids: Ids) -> Floats:
        """Probabilities of some words."""
        found = self.base[ids]
        for level, context in zip(self.levels, contexts, strict=False):
            keys = context * len(self.words) + ids
            at = np.minimum(level.keys.searchsorted(keys), len(level.keys) - 1)
            found = found * level.rest[context] + level.share[at] * (level.keys[at] == keys)
        return found

    def line_start(self) -> list[int]:
        """What stands before the first word of a line."""
        return [self.ids[START]] * (len(self.levels) - 1)

    def complete(self, before: Sequence[str], prefix: str, n: int) -> list[str]:
        """The likeliest words; where too few have its capital, those without it follow."""
        contexts = self.contexts([*self.line_start(), *self.encode(" ".join(before))])
        found = self._likeliest(contexts, prefix, n)
        if len(found) < n and prefix[:1].isupper():
            small = self._likeliest(contexts, prefix[0].lower() + prefix[1:], n)
            found += [one for word in small if (one := prefix[0] + word[1:]) not in found]
        return found[:n]

    def _likeliest(self, contexts: Sequence[int], prefix: str, n: int) -> list[str]:
        """Of what was seen behind the last word, and the commonest of all: no other comes first."""
        low, high = bisect_left(self.words, prefix), bisect_left(self.words, prefix + LAST)
        seen = self.followers(contexts, low, high)
        ids = np.union1d(seen[self.offered[seen]], self._commonest(low, high, n))
        order = np.argsort(-self.chosen(contexts, ids), kind="stable")
        return [self.words[i] for i in ids[order[:n]]]

    def _commonest(self, low: int, high: int, n: int) -> Ids:
        if (found := self._common.get((low, high, n))) is None:
            ids = np.arange(low, high)[self.offered[low:high]]
            found = ids[np.argsort(-self.chosen([0], ids), kind="stable")[:n]]
            self._common[low, high, n] = found
        return found


def _pruned(level: Level, often: Mask, kept: Mask, size: int) -> Level:
    """The n-grams that occur often. kept: contexts that are, among them all that these have."""
    context = level.keys // size
    lost = np.bincount(context[~often], level.share[~often], len(kept))
    place = np.cumsum(kept) - 1
    keys = (place[context] * size + level.keys % size)[often]
    return Level(keys, level.share[often], (level.rest + lost)[kept])


def _smoothed(keys: Ids, count: Ids, contexts: int, size: int) -> Level:
    """Three discounts, for words seen once, twice and more often behind a context.

    Each is a tenth at least: of a text without words seen once there is none to estimate.
    """
    seen = [max(1, int((count == times).sum())) for times in range(5)]
    ratio = seen[1] / (seen[1] + 2 * seen[2])
    more = [times - (times + 1) * ratio * seen[times + 1] / seen[times] for times in (1, 2, 3)]
    taken = np.clip([0.0, *more], [0, 0.1, 0.1, 0.1], [0, 1, 2, 3])[np.minimum(count, 3)]
    context = keys // size
    total = np.bincount(context, count, contexts)
    rest = np.bincount(context, taken, contexts) / np.maximum(1, total)
    share = (count - taken) / np.maximum(1, total)[context]
    return Level(keys, share, np.where(total > 0, rest, 1.0))
