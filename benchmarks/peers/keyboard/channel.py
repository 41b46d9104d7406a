"""A noisy channel: readings of each word from SymSpell, weighed by the n-gram model in a beam.

A line's cost is -log of its words' probabilities, and what its errors cost: edits, capitals, a
space that was left out or put in. It looks at words that are known too: `form` may become `from`.
Signs are kept and only tell the model where they stand.
"""

from __future__ import annotations

import heapq
import importlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from benchmarks.peers.keyboard import is_word
from benchmarks.peers.keyboard.ngram import UNKNOWN, Floats, NGram
from benchmarks.peers.keyboard.symspell import Words
from edgernn.keyboard.words import cased_like, parted

WIDTH = 6  # hypotheses that are kept at each word
MOST = 24  # readings of a word


@dataclass(frozen=True, slots=True)
class Costs:
    """In nats. edits: of one, and of two. unknown: of a word that neither model nor list has."""

    edits: tuple[float, float] = (8.5, 15.0)
    case: float = 6.0
    split: float = 5.0
    join: float = 6.0
    unknown: float = 22.0


class Reading(NamedTuple):
    """What a word may have been meant to be; a split has two ids."""

    cost: float
    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Beam:
    """A line so far. before: ids of its tokens."""

    cost: float
    texts: tuple[str, ...] = field(compare=False)
    before: tuple[int, ...] = field(compare=False)


class Channel:
    """Words that stood for other words, by the model that says which."""

    def __init__(self, spelling: Words, model: NGram, costs: Costs | None = None) -> None:
        self.spelling, self.model, self.costs = spelling, model, costs or Costs()
        self.verbosity = importlib.import_module("symspellpy").Verbosity
        self.forms: dict[str, list[str]] = defaultdict(list)
        for word in model.words:
            self.forms[word.lower()].append(word)
        self.readings = lru_cache(1 << 16)(self._readings)

    def _id(self, text: str) -> int:
        ids = self.model.ids
        return ids.get(text, ids.get(text.lower(), ids[UNKNOWN]))

    def _readings(self, word: str) -> list[Reading]:
        """The word itself first; then words near to it, in the capitals that they are met in."""
        low, found = word.lower(), {word: 0.0}
        if not is_word(word):
            return self._with_ids(found)
        spelling, most = self.spelling.dictionary, self.spelling.settings.most(low)
        near = spelling.lookup(low, self.verbosity.ALL, most)
        terms = {one.term: one.distance for one in near[:MOST]} | {low: 0}
        for term, distance in terms.items():
            edits = self.costs.edits[distance - 1] if distance else 0.0
            like = cased_like(term, word)
            shouted = len(word) > 1 and word.isupper()
            for text in {like} if shouted else {like, *self.forms.get(term, ())}:
                cost = edits + (self.costs.case if text != like else 0.0)
                found[text] = min(cost, found.get(text, cost))
        return self._with_ids(found) + self._splits(word)

    def _with_ids(self, found: dict[str, float]) -> list[Reading]:
        made = []
        for text, cost in found.items():
            known = self.model.ids[UNKNOWN] != (place := self._id(text))
            made.append(Reading(cost + (0.0 if known else self.costs.unknown), text, (place,)))
        return made

    def _splits(self, word: str) -> list[Reading]:
        found = []
        for cut in range(1, len(word)):
            texts = word[:cut], word[cut:]
            if all(text in self.model.ids for text in texts):
                ids = tuple(self.model.ids[text] for text in texts)
                found.append(Reading(self.costs.split, " ".join(texts), ids))
        return found

    def correct(self, line: str) -> str:
        words = [parted(word) for word in line.split(" ")]
        beams: list[list[Beam]] = [[] for _ in range(len(words) + 1)]
        beams[0] = [Beam(0.0, (), tuple(self.model.line_start()))]
        for at, (head, core, tail) in enumerate(words):
            kept = heapq.nsmallest(WIDTH, beams[at])
            readings = self.readings(core) if core else [Reading(0.0, "", ())]
            beams[at + 1] += self._extended(kept, head, readings, tail)
            if at + 1 < len(words) and not tail and not words[at + 1][0]:
                other, tail = words[at + 1][1:]
                beams[at + 2] += self._extended(kept, head, self._joins(core, other), tail)
        return " ".join(min(beams[-1]).texts)

    def _joins(self, one: str, other: str) -> list[Reading]:
        if not is_word(one) or not is_word(other) or not self.forms.get((one + other).lower()):
            return []
        return [
            reading._replace(cost=reading.cost + self.costs.join)
            for reading in self.readings(one + other)
            if len(reading.ids) == 1
        ]

    def _extended(
        self, beams: Sequence[Beam], head: str, readings: Sequence[Reading], tail: str
    ) -> list[Beam]:
        """The cheapest lines that go on with a reading."""
        if not readings:
            return []
        signs, behind = self.model.encode(head), self.model.encode(tail)
        befores = [(*beam.before, *signs) for beam in beams]
        every = np.array([self._costs(before, readings) for before in befores])
        every += np.array([[beam.cost] for beam in beams])
        made = []
        for place in np.argsort(every, None, kind="stable")[:WIDTH]:
            i, k = divmod(int(place), len(readings))
            texts = (*beams[i].texts, head + readings[k].text + tail)
            before = (*befores[i], *readings[k].ids, *behind)
            made.append(Beam(float(every[i, k]), texts, before))
        return made

    def _costs(self, before: Sequence[int], readings: Sequence[Reading]) -> Floats:
        """Of each reading behind these words."""
        costs = np.array([reading.cost for reading in readings])
        if not readings[0].ids:
            return costs
        first = np.array([reading.ids[0] for reading in readings])
        costs -= np.log(self.model.chosen(self.model.contexts(before), first))
        for i, reading in enumerate(readings):
            for k, word in enumerate(reading.ids[1:], 1):
                contexts = self.model.contexts([*before, *reading.ids[:k]])
                costs[i] -= np.log(self.model.chosen(contexts, np.array([word]))[0])
        return costs

    def best(self, word: str, context: Sequence[str], n: int) -> list[str]:
        readings = self.readings(word)
        before = self.model.encode(" ".join(context))
        order = np.argsort(self._costs(before, readings), kind="stable")
        return [readings[i].text for i in order[:n]]
