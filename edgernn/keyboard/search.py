"""Which words were typed: a beam search over the words of a sentence, run of keys by run of keys.

A run is what was typed between two spaces. It holds one word as a rule, none where a space was
struck within a word, two or three where spaces were missed. A reading says what each run holds; a
later run may make another reading the likeliest, which revises what stands there. What all readings
agree on is settled, and what is LAG runs old.

The network alone now and then puts a frequent word in the place of a rare one that was typed
without a slip, or leaves a slip as it is. So each edit between what was typed and what is read
costs SLIP nats beside what the network thinks of it, and to leave what was typed as it is STRANGE a
letter, or LISTED where it is made of listed words: film's, well-known. What the network gives to a
word that has no label goes, less LISTED, to each listed word that is typed so or nearly so. A
reading that is MARGIN nats less likely than the best is not followed. All of this is our choice.

Everything is float32 in a stated order, so that a twin in C may have the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.errors import DataError
from edgernn.keyboard.letters import lower
from edgernn.keyboard.own_words import OwnWords, edits
from edgernn.keyboard.spellings import Spellings
from edgernn.keyboard.words import UNKNOWN
from edgernn.single import F32, likeliest, log_sigmoid, log_softmax

LAG = 6  # runs after which a reading is held to the best one's
MOST = 3  # words in a run
TYPED = UNKNOWN  # the label of a word that the vocabulary lacks
SLIP, STRANGE, LISTED = 3.0, 0.8, 0.0  # nats: an edit, a letter left as typed, a word of a list
MARGIN = 6.0  # nats; held-out turns are read as well with it as without, in half the time
POOL = 16  # words that a run is compared with, the likeliest
SPARE = 2  # letters by which a word may be shorter than the runs that it is read from

Ask = Callable[[Array], Array]  # history's vector -> logits at the last keystroke
Tell = Callable[[int, Any], tuple[Array, Any]]  # a label, history's state -> vector, state after


@dataclass(frozen=True, slots=True)
class Held:
    """A word that a run holds: as a list, the user, or the run itself spells it.

    as_is: and so it is written, whatever the run's case.
    """

    text: str
    label: int
    score: np.float32
    as_is: bool = False


Runs = tuple[tuple[Held, ...], ...]  # the words of each


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of each run that is not settled. score: natural log of its likelihood.

    vector, state: what `history` makes of the words up to here.
    """

    runs: Runs
    score: np.float32
    vector: Array
    state: Any

    @property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(word.text for word in words) for words in self.runs)


Readings = tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Chances:
    """Natural logs: of each label as a run's next word; of there being one, and of there not."""

    words: Array
    more: np.float32
    end: np.float32

    @classmethod
    def of(cls, logits: Array) -> Chances:
        """The last logit is that of an end."""
        end = F32(logits[-1])
        return cls(log_softmax(logits[:-1]), log_sigmoid(F32(-end)), log_sigmoid(end))


class Search:
    """Reads runs. labels: those of `words`. further: words beyond them. own: the user's.

    slip, strange, listed, margin: as above; without a margin all are followed that the beam takes.

    Readings come the best first.

    Raises: DataError for a beam below 1, a margin that is not above 0.
    """

    def __init__(
        self,
        tell: Tell,
        labels: Sequence[str],
        beam: int,
        own: OwnWords | None = None,
        further: Sequence[str] = (),
        *,
        slip: float = SLIP,
        strange: float = STRANGE,
        listed: float = LISTED,
        margin: float | None = MARGIN,
    ) -> None:
        if beam < 1:
            raise DataError(f"beam {beam}; need at least 1")
        if margin is not None and not margin > 0:
            raise DataError(f"margin {margin}; need nats above 0, or none")
        self.margin = F32(np.inf if margin is None else margin)
        self.tell, self.labels, self.beam = tell, labels, beam
        self.own = own or OwnWords()
        self.slip, self.strange, self.listed = F32(slip), F32(strange), F32(listed)
        self._known = {lower(labels[at]): at for at in range(len(labels) - 2, TYPED, -1)}
        self.spellings = Spellings([*labels[1:-1], *further])

    def begin(self) -> Readings:
        """Of a sentence of which nothing was typed yet."""
        vector, state = self.tell(len(self.labels) - 1, None)
        return (Reading((), F32(0), vector, state),)

    def close(
        self, readings: Readings, typed: Sequence[str], ask: Ask, *, fixed: bool
    ) -> tuple[Readings, Runs]:
        """Read the last of the runs that are not settled; gives the words of those that now are.

        typed: all of these runs. fixed: the last one is held as it is.
        """
        near = [] if fixed else self._near(typed[-1])
        sure = [_firm(one, typed, 0 if fixed else MOST) for one in readings]
        grown = [replace(one, runs=(*one.runs, ())) for one in sure]
        done: list[Reading] = []
        for count in range(MOST + 1):
            bar = self._bar([self.likely(one, typed[-1]) for one in done])
            grown = [one for one in grown if not (count and one.score < bar)]
            asked = [(one, Chances.of(ask(one.vector))) for one in grown]
            if count or not fixed:
                ended = [_scored(one, its.end) for one, its in asked if _whole(one, typed)]
                done += [_scored(one, self._cost(one, typed)) for one in ended]
            asked = [pair for pair in asked if not count or pair[0].runs[-1][-1].label != TYPED]
            if count == (1 if fixed else MOST) or not asked:
                break
            if fixed:
                more = [self._told(one, self._typed(typed[-1], its)) for one, its in asked]
            else:
                more = [
                    self._told(one, held)
                    for one, its in asked
                    for held in [*_unlabelled(its, () if count else near), *self._labelled(its)]
                ]
            more = self._best(more, [self._begun(one, typed) for one in more])
            grown = [self._moved(one) for one in more]
        return _settled(self._best(done, [self.likely(one, typed[-1]) for one in done]))

    def _best(self, some: Sequence[Reading], scores: Sequence[np.float32]) -> list[Reading]:
        """The likeliest by these scores, within the margin, at most as many as the beam takes.

        Of those with the same words the likelier stands for both.
        """
        found: dict[Any, tuple[np.float32, Reading]] = {}
        for one, score in zip(some, scores, strict=True):
            known = found.get(one.texts)
            if known is None or score > known[0]:
                found[one.texts] = score, one
        bar = self._bar(scores)
        order = sorted(found.values(), key=lambda pair: -pair[0])[: self.beam]
        return [one for score, one in order if not score < bar]

    def _bar(self, scores: Iterable[np.float32]) -> np.float32:
        """What is less likely than that is not followed beside these."""
        return F32(max(scores, default=-F32(np.inf)) - self.margin)

    def _near(self, typed: str) -> list[Held]:
        """The run itself, and the user's and listed words that it may be.

        score: nats beside what the network gives to a word without a label.
        """
        found = [Held(typed, TYPED, F32(-self._spelt(typed)), as_is=True)]
        own = self.own.near(typed)
        found += [Held(text, TYPED, F32(nats), as_is=True) for text, nats in own]
        for text in self.spellings.near(typed):
            found.append(Held(text, self._known.get(lower(text), TYPED), F32(-self.listed)))
        return found

    def _typed(self, typed: str, its: Chances) -> Held:
        """The run itself as its only word."""
        label = self._known.get(lower(typed), TYPED)
        return Held(typed, label, F32(its.more + its.words[label]), as_is=True)

    def _labelled(self, its: Chances) -> list[Held]:
        """The likeliest labels."""
        order = likeliest(its.words[1:], POOL) + 1
        return [
            Held(self.labels[label], int(label), F32(its.more + its.words[label]))
            for label in order
        ]

    def _cost(self, one: Reading, typed: Sequence[str]) -> np.float32:
        """Of the edits between the last runs and their words, once there are some."""
        words, letters = _last(one, typed)
        return F32(-self.slip * F32(edits(words, letters)[-1])) if words else F32(0)

    def likely(self, one: Reading, typed: str) -> np.float32:
        """Its score; while no word has come for the last run, that stands as it was typed."""
        waits = one.runs and not one.runs[-1]
        return F32(one.score - self._spelt(typed)) if waits else one.score

    def _spelt(self, typed: str) -> np.float32:
        """The cost of a run that is left as it was typed."""
        if self.spellings.joined(typed):
            return self.listed
        return F32(self.strange * F32(len(typed)))

    def _begun(self, one: Reading, typed: Sequence[str]) -> np.float32:
        """The least of that, however many letters these words stand for."""
        return F32(one.score - self.slip * F32(min(edits(*_last(one, typed)))))

    def _told(self, one: Reading, held: Held) -> Reading:
        runs = (*one.runs[:-1], (*one.runs[-1], held))
        return replace(one, runs=runs, score=F32(one.score + held.score))

    def _moved(self, one: Reading) -> Reading:
        """With `history` behind its last word."""
        vector, state = self.tell(one.runs[-1][-1].label, one.state)
        return replace(one, vector=vector, state=state)


def _unlabelled(its: Chances, near: Sequence[Held]) -> list[Held]:
    """Words of `Search._near`, as likely as the network has it."""
    base = F32(its.more + its.words[TYPED])
    return [replace(held, score=F32(base + held.score)) for held in near]


def _last(one: Reading, typed: Sequence[str]) -> tuple[str, str]:
    """The words of the last run, and what was typed since the one before that has some."""
    first = len(one.runs) - 1
    while first and not one.runs[first - 1]:
        first -= 1
    words = " ".join(word.text for word in one.runs[-1])
    return lower(words), lower(" ".join(typed[first : len(one.runs)]))


def _firm(one: Reading, typed: Sequence[str], most: int) -> Reading:
    """With its last runs held as they were typed if more than so many have no word."""
    count = len(one.runs)
    while count and not one.runs[count - 1]:
        count -= 1
    waiting = typed[count : len(one.runs)]
    if len(waiting) <= most:
        return one
    return replace(
        one, runs=one.runs[:count] + tuple((Held(t, TYPED, F32(0), as_is=True),) for t in waiting)
    )


def _settled(readings: Sequence[Reading]) -> tuple[Readings, Runs]:
    """Without the runs that are no longer in question; readings of other old words are dropped."""
    best = readings[0]
    old = max(0, len(best.runs) - LAG)
    readings = [one for one in readings if one.texts[:old] == best.texts[:old]]
    count = 0
    for texts in zip(*(one.texts for one in readings), strict=True):
        if len(set(texts)) > 1:
            break
        count += 1
    while count and not best.runs[count - 1]:  # a run without a word waits for the next
        count -= 1
    left = [
        replace(one, runs=one.runs[count:], score=F32(one.score - best.score)) for one in readings
    ]
    return tuple(left), best.runs[:count]


def _whole(one: Reading, typed: Sequence[str]) -> bool:
    """Whether no letters are lost: runs without a word are part of a later word as long."""
    waiting = 0
    for words, letters in zip(one.runs, typed, strict=True):
        if not words:
            waiting += len(letters)
        elif waiting:
            if sum(len(word.text) for word in words) < waiting + len(letters) - SPARE:
                return False
            waiting = 0
    return True


def _scored(one: Reading, more: np.float32) -> Reading:
    return replace(one, score=F32(one.score + more))
