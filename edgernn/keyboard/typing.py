"""Sentences as a person types them: touches beside the key, slips, and which keystroke is whose.

A touch is drawn from a Gaussian around the key that is meant, and hits the nearest key; how wide
the Gaussian is follows from how many touches are to miss. Before that, slips have changed which
keys are meant. `python -m benchmarks.typing_errors --data PATH` measures what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import DataError
from edgernn.keyboard.layout import QWERTY, SPACE, Layout, code_points, shifted
from edgernn.keyboard.slips import KINDS, Slip
from edgernn.keyboard.touches import touches_on

MOST = 0.3  # of a sentence's characters that can be asked to be wrong
USUAL = 0.05  # the rate whose Gaussian a clean sentence is typed with
OVERLAP = 0.25  # at a rate of 1, edits that are counted as fewer where they lie together


class Keystroke(NamedTuple):
    """A character, and where the touch was from the centre of its key, in key widths.

    Both are 0 where no touch is known.
    """

    char: str
    dx: float = 0.0
    dy: float = 0.0


class Span(NamedTuple):
    """Keystrokes start..stop - 1 are all of the intended words first..last - 1.

    They end before a space that was typed and meant. So a space that was missed joins two words
    in a span, and one that was typed within a word stays in that word's.
    """

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed for a sentence.

    intended: the sentence, its words apart by single spaces.
    text: what came of it, a character a keystroke.
    offsets: of touches from the centres of their keys (N, 2), in key widths.
    words: the intended word that each keystroke belongs to (N,), never falling; a space belongs to
        the word before it.
    slips: those in it. missed: how many touches hit another key than meant.
    """

    intended: str
    text: str
    offsets: NDArray[np.float32]
    words: NDArray[np.int32]
    slips: tuple[Slip, ...] = ()
    missed: int = 0

    def keystrokes(self) -> list[Keystroke]:
        """One a character."""
        both = self.offsets.astype(float).tolist()
        return [Keystroke(char, dx, dy) for char, (dx, dy) in zip(self.text, both, strict=True)]

    def spans(self) -> list[Span]:
        """The finest parts that stand for whole words, in order."""
        if not self.intended:
            return []
        spaces = code_points(self.text)[:-1] == ord(SPACE)
        cuts = np.flatnonzero(spaces & (np.diff(self.words) > 0))
        starts, stops = [0, *(cuts + 1).tolist()], [*cuts.tolist(), len(self.text)]
        firsts = [0, *self.words[cuts + 1].tolist()]
        lasts = [*firsts[1:], len(self.intended.split(SPACE))]
        return [Span(*one) for one in zip(starts, stops, firsts, lasts, strict=True)]


def plainly_typed(text: str) -> Typed:
    """A text as it is, of which neither touches nor intention are known."""
    text = normalized(text)
    return Typed(text, text, np.zeros((len(text), 2), np.float32), word_of_each(text))


def normalized(text: str) -> str:
    """Words apart by single spaces."""
    return SPACE.join(text.split())


def word_of_each(text: str) -> NDArray[np.int32]:
    """Which word each character is of, or behind, in a text apart by single spaces."""
    spaces = code_points(text) == ord(SPACE)
    return np.asarray(np.cumsum(spaces) - spaces, np.int32)


@dataclass(frozen=True, slots=True)
class Errors:
    """How many errors a sentence has, and of which kinds.

    lowest, highest: share of the characters that are wrong, drawn evenly for each sentence.
    clean: share of the sentences without any error.
    blind: share of the sentences whose touch points are not known.
    The rest are the kinds' parts of all edits; in what proportion counts. A sentence that has no
    place for a slip (no apostrophe, say) has as many touches beside the key instead.

    Raises: DataError for shares that are none.
    """

    lowest: float = 0.0
    highest: float = 0.12
    clean: float = 0.2
    blind: float = 0.3
    touch: float = 0.5
    transposition: float = 0.1
    omission: float = 0.12
    repetition: float = 0.08
    missing_space: float = 0.05
    spurious_space: float = 0.03
    phonetic: float = 0.06
    case: float = 0.03
    apostrophe: float = 0.03
    homophone: float = 0.0

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self)):
            if not 0 <= getattr(self, name) <= 1:
                raise DataError(f"errors: {name} is {getattr(self, name)}; need 0 to 1")
        if not self.lowest <= self.highest <= MOST:
            raise DataError(
                f"errors: rates {self.lowest} to {self.highest}; need low to high, at most {MOST}"
            )
        if self.touch == 0:
            raise DataError("errors: touch is 0; need some, for sentences without other places")

    def drawn_rate(self, rng: np.random.Generator) -> float:
        """A sentence's share of wrong characters."""
        rate = float(rng.uniform(self.lowest, self.highest))
        return 0.0 if rng.random() < self.clean else rate


@dataclass(frozen=True)
class Typist:
    """Types sentences with such errors on such a keyboard."""

    errors: Errors = field(default_factory=Errors)
    layout: Layout = QWERTY

    def typed(
        self,
        text: str,
        rng: np.random.Generator,
        *,
        rate: float | None = None,
        touches: bool | None = None,
    ) -> Typed:
        """A sentence as it is typed once; the same of an equal generator.

        rate: share of its characters that are wrong in the mean, else drawn. touches: whether
        touch points are known, else drawn.

        Raises: DataError for a rate that is none.
        """
        text = normalized(text)
        if rate is None:
            rate = self.errors.drawn_rate(rng)
        elif not 0 <= rate <= MOST:
            raise DataError(f"typist: rate {rate}; need 0 to {MOST}")
        if touches is None:
            touches = bool(rng.random() >= self.errors.blind)
        edits = rate * (1 + OVERLAP * rate) * len(text)
        slips, lost = self._slips(text, edits, rng)
        aimed, words = _slipped(text, slips)
        hit, offsets = self._touched(aimed, edits * self.touch_part + lost, rng)
        missed = sum(one != other for one, other in zip(aimed, hit, strict=True))
        known = offsets.astype(np.float32) if touches else np.zeros((len(hit), 2), np.float32)
        return Typed(text, hit, known, words, tuple(slips), missed)

    @cached_property
    def _parts(self) -> NDArray[np.float64]:
        """Of all edits, those that slips of each kind make."""
        parts = np.array([getattr(self.errors, kind) for kind in KINDS])
        return np.asarray(parts / (parts.sum() + self.errors.touch))

    @cached_property
    def touch_part(self) -> float:
        """Of all edits, those that touches make which hit another key than meant."""
        return float(1 - self._parts.sum())

    def _slips(self, text: str, edits: float, rng: np.random.Generator) -> tuple[list[Slip], float]:
        """Slips in the order of the text, none beside another; the edits without a place."""
        taken: set[int] = set()
        chosen: list[Slip] = []
        lost = 0.0
        counts = rng.poisson(edits * self._parts / COSTS)
        for index in np.flatnonzero(counts).tolist():
            places, cost = KIND_LIST[index]
            left = int(counts[index])
            for slip in _shuffled(places(text), rng):
                if not left:
                    break
                around = range(slip.start - 1, slip.stop + 1)
                if taken.isdisjoint(around):
                    taken.update(around)
                    chosen.append(slip)
                    left -= 1
            lost += left * cost
        return sorted(chosen, key=lambda slip: slip.start), lost

    def _touched(
        self, aimed: str, misses: float, rng: np.random.Generator
    ) -> tuple[str, NDArray[np.float64]]:
        """The characters that touches hit, and their offsets; strangers are no touches."""
        model = touches_on(self.layout)
        keys = model.keys(self.layout.labels(aimed))
        known = np.flatnonzero(keys >= 0)
        offsets = np.zeros((len(aimed), 2))
        if not known.size:
            return aimed, offsets
        meant = keys[known]
        sure = misses == 0
        sigma = model.sigma(meant, misses or USUAL * self.touch_part * len(meant))
        hit, offsets[known] = model.drawn(meant, sigma, rng, sure=sure)
        chars = list(aimed)
        for index in np.flatnonzero(hit != meant).tolist():
            at, key = int(known[index]), self.layout.keys[int(hit[index])]
            chars[at] = shifted(key.char) if chars[at].isupper() else key.char
        return "".join(chars), offsets


KIND_LIST = list(KINDS.values())
COSTS = np.array([cost for _, cost in KIND_LIST])


def _shuffled(slips: Sequence[Slip], rng: np.random.Generator) -> Iterator[Slip]:
    return (slips[i] for i in rng.permutation(len(slips)).tolist())


def _slipped(text: str, slips: Sequence[Slip]) -> tuple[str, NDArray[np.int32]]:
    """The text with its slips, and which word each character is of."""
    own = word_of_each(text)
    if not slips:
        return text, own
    pieces, words, last = [], [], 0
    for slip in slips:
        pieces += [text[last : slip.start], slip.typed]
        whose = own[max(slip.start, slip.stop - 1)]
        words += [own[last : slip.start], np.full(len(slip.typed), whose, np.int32)]
        last = slip.stop
    return "".join([*pieces, text[last:]]), np.concatenate([*words, own[last:]])
