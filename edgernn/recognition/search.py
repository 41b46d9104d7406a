"""Beam search over the monotonic lattice of a transducer, frame by frame, without end.

A frame adds to each hypothesis a blank or one label. Hypotheses of the same labels are one, their
likelihoods summed. What all of them agree on is certain, and leaves the search. With a beam of 1
it is greedy decoding.

Its twin is firmware_stubs/recognition/recognizer_search.c: float32, and the order of every sum and
choice, are part of what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import takewhile
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.errors import DataError
from edgernn.recognition.hot_words import NOTHING, HotWords, Node
from edgernn.recognition.vocabulary import BLANK
from edgernn.single import add_logs, exp, log_softmax

LAG = 50  # frames after which a hypothesis is held to the best one's words


@dataclass(frozen=True, slots=True)
class Emitted:
    """A label, the encoder's frame that it came at, and its probability there, if it was asked."""

    label: int
    frame: int
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Labels that are not certain yet. score: natural log of their likelihood, hot words added.

    node: where in the hot words it is. predicted, state: the predictor's, after the last label.
    """

    words: tuple[Emitted, ...]
    score: np.float32
    node: Node
    predicted: Array
    state: Any

    @property
    def labels(self) -> tuple[int, ...]:
        return tuple(word.label for word in self.words)

    def old(self, frame: int) -> tuple[int, ...]:
        """The labels that came LAG frames ago or before."""
        return tuple(word.label for word in self.words if word.frame <= frame - LAG)


Predict = Callable[[int, Any], tuple[Array, Any]]  # a label and the state -> vector, state after
Join = Callable[[Array, Array], Array]  # the encoder's and the predictor's vector -> logits


class BeamSearch:
    """One stream's search. last: the frame of the latest label, None before any.

    Raises: DataError for a beam below 1.
    """

    def __init__(self, predict: Predict, join: Join, beam: int, hot: HotWords) -> None:
        if beam < 1:
            raise DataError(f"beam {beam}; need at least 1")
        self.predict, self.join, self.beam, self.hot = predict, join, beam, hot
        self.begin()

    def begin(self) -> None:
        """Nothing was said yet."""
        self.last: int | None = None
        predicted, state = self.predict(BLANK, None)
        self.found = [Hypothesis((), NOTHING, self.hot.root, predicted, state)]

    def push(self, encoded: Array, frame: int) -> list[Emitted]:
        """Take one frame of the encoder; give the labels that have become certain."""
        grown: dict[tuple[int, ...], Hypothesis] = {}
        origin: dict[tuple[int, ...], Hypothesis] = {}
        for one in self.found:
            chances = log_softmax(self.join(encoded, one.predicted))
            _add(grown, replace(one, score=one.score + chances[BLANK]))
            for label in _likeliest(chances, self.beam):
                node, change = self.hot.step(one.node, label)
                word = Emitted(label, frame, float(exp(chances[label])))
                score = one.score + chances[label] + change
                more = replace(one, words=(*one.words, word), score=score, node=node)
                if _add(grown, more):
                    origin[more.labels] = one
        best = sorted(grown.values(), key=lambda one: -one.score)[: self.beam]
        self.found = [self._moved(one, origin.get(one.labels)) for one in best]
        return self._certain(frame)

    def _moved(self, one: Hypothesis, origin: Hypothesis | None) -> Hypothesis:
        """With the predictor after its last label, and scores that do not grow for ever."""
        if origin is None or origin.labels == one.labels:
            return one
        predicted, state = self.predict(one.words[-1].label, origin.state)
        return replace(one, predicted=predicted, state=state)

    def _certain(self, frame: int) -> list[Emitted]:
        """What all hypotheses agree on; those with other old words than the best are dropped."""
        best = self.found[0]
        if best.words:
            self.last = best.words[-1].frame
        old = best.old(frame)
        self.found = [
            one
            for one in self.found
            if one.labels[: len(old)] == old and len(one.old(frame)) <= len(old)
        ]
        same = zip(*(one.labels for one in self.found), strict=False)
        count = sum(1 for _ in takewhile(lambda labels: len(set(labels)) == 1, same))
        self.found = [
            replace(one, words=one.words[count:], score=one.score - best.score)
            for one in self.found
        ]
        return list(best.words[:count])

    def ranked(self) -> list[Hypothesis]:
        """The hypotheses as if nothing followed, the best first; scores are posteriors' logs."""
        ended = [replace(h, score=h.score + self.hot.left(h.node)) for h in self.found]
        total = reduce(add_logs, [one.score for one in ended])
        ended = [replace(one, score=one.score - total) for one in ended]
        return sorted(ended, key=lambda one: -one.score)

    def end(self) -> list[Emitted]:
        """The rest of the best hypothesis; the search begins anew."""
        rest = list(self.ranked()[0].words)
        self.begin()
        return rest


def _add(grown: dict[tuple[int, ...], Hypothesis], one: Hypothesis) -> bool:
    """Join a hypothesis with its like; whether it is now the one that stands for them."""
    other = grown.get(one.labels)
    if other is None:
        grown[one.labels] = one
        return True
    total = add_logs(one.score, other.score)
    first = bool(one.score > other.score)
    grown[one.labels] = replace(one if first else other, score=total)
    return first


def _likeliest(chances: Array, count: int) -> Sequence[int]:
    """Labels other than the blank, the likeliest first."""
    order = np.argsort(-chances[1:], kind="stable")[:count] + 1
    return [int(label) for label in order]
