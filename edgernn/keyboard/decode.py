"""Read what is typed, keystroke by keystroke, by the steps of a keyboard decoder's bundle.

Needs numpy alone. Steps: `keys`, `history`, `words` (see models/keyboard).

    keyboard = Keyboard(open_steps("keyboard.edgernn"))
    for character in "teh cat ":
        shown = keyboard.push(Keystroke(character))
    shown.text, shown.completions
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, reduce
from itertools import pairwise
from typing import Any

import numpy as np

from edgernn.backend import Array, need_steps
from edgernn.errors import DataError
from edgernn.keyboard.changes import changed
from edgernn.keyboard.encoding import ENTER, encode
from edgernn.keyboard.layout import QWERTY, SPACE
from edgernn.keyboard.letters import lower
from edgernn.keyboard.own_words import LONGEST, OwnWords
from edgernn.keyboard.search import MARGIN, TYPED, Ask, Chances, Readings, Runs, Search
from edgernn.keyboard.typing import Keystroke
from edgernn.keyboard.words import capital, cased_like, ends_sentence, parted
from edgernn.keyboard.writing import Run, written
from edgernn.single import F32, add_logs, exp, likeliest, log

STEPS = ("keys", "history", "words")
BACK = 64  # keystrokes that can be taken back one by one
ROOM = 512  # bytes of UTF-8 that may be in question; with more all of it stays as it is
NONE = Keystroke("")  # what is before the first


def check_steps(names: Iterable[str]) -> None:
    """Raises: DataError if these are not the steps of a keyboard decoder."""
    need_steps(names, STEPS, "keyboard decoder")


@dataclass(frozen=True, slots=True)
class Guess:
    """A word that may be meant, and its probability in (0, 1]."""

    word: str
    share: float


@dataclass(frozen=True, slots=True)
class Revision:
    """Words that stood in the text before the last run, and what stands there now."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What an app shows after a keystroke.

    text: all that was typed, as it is read now. typing: what stands at its end behind the last
    space and is not settled. completions: words that they may become, or behind a word what may
    follow, or before the first key of a line words that lines begin with, the likeliest first.
    readings: behind a word the likeliest ways to read it, with their
    shares. revised: what changed before the word that has just ended, if anything.
    """

    text: str
    typing: str = ""
    completions: tuple[Guess, ...] = ()
    readings: tuple[Guess, ...] = ()
    revised: Revision | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """All that changes from keystroke to keystroke.

    settled: text that is no longer in question. runs: those behind it; typing: the open one.
    completions: of the keystroke before it, `key`. first: with capitals, a sentence begins with
    the open run. sure: the open run is held as it was typed, cut: its beginning is settled.
    """

    keys: Any
    words: Any
    readings: Readings
    settled: str = ""
    runs: tuple[Run, ...] = ()
    typing: str = ""
    completions: tuple[Guess, ...] = ()
    key: Keystroke = NONE
    first: bool = False
    sure: bool = False
    cut: bool = False

    @property
    def text(self) -> str:
        return self.settled + written(self.readings[0].runs, self.runs) + self.typing


class Keyboard:
    """One text that is being typed.

    sessions: of `edgernn.runtime.open_steps`. beam: readings that are followed. suggestions: how
    many completions there are. back: keystrokes that can be taken back one by one. own: the user's
    words. capitals: the first word of a sentence begins with one, if it is read from a list.
    margin: nats below the likeliest from which on a reading is not followed; None: all are.

    Raises: DataError if the sessions or their labels are no keyboard decoder's, or for a beam,
        suggestions or back below 1, or a margin that is not above 0.
    """

    def __init__(
        self,
        sessions: Mapping[str, Any],
        *,
        beam: int = 4,
        suggestions: int = 3,
        back: int = BACK,
        own: OwnWords | None = None,
        capitals: bool = True,
        margin: float | None = MARGIN,
    ) -> None:
        check_steps(sessions)
        for name, count in (("beam", beam), ("suggestions", suggestions), ("back", back)):
            if count < 1:
                raise DataError(f"{name} {count}; need at least 1")
        self.sessions, self.suggestions, self.own = sessions, suggestions, own or OwnWords()
        self.capitals = capitals
        self.labels = sessions["words"].labels
        further = sessions["words"].further_words
        self._first = self._first_words(sessions["words"].first_words)
        if len(self.labels) < 3:
            raise DataError(f"labels {', '.join(self.labels)}; need <typed>, words and <end>")
        for session in sessions.values():
            session.reset()
        self._start = {name: session.state for name, session in sessions.items()}
        self._search = Search(self._tell, self.labels, beam, self.own, further, margin=margin)
        self._past: deque[Moment] = deque(maxlen=back)
        self.begin()

    def begin(self) -> Shown:
        """An empty text."""
        self._now = self._fresh("")
        self._past.clear()
        return self._shown()

    def push(self, key: Keystroke) -> Shown:
        """Take a keystroke. Raises: DataError as `encode`; then nothing has changed."""
        row, before = encode([key]), self._now
        self._make_room(key)
        ask = self._heard(row)
        self._past.append(before)
        if not key.char.isspace():
            self._now = replace(self._now, typing=self._now.typing + key.char, sure=False)
            return self._offer(key, ask)
        ways = self._close(ask) if self._now.cut or self._now.typing else ()
        self._behind(key.char)
        shown = self._offer(key, ask)
        revised = _revised(before.text, shown.text, before.typing) if ways else None
        return replace(shown, readings=ways, revised=revised)

    def back(self) -> Shown:
        """Take the last keystroke back; before the first there is nothing to take back.

        Behind so many as are held it is the last character of the text as it is read.
        """
        if self._past:
            self._now = self._past.pop()
        else:
            self._retype(self._now.text[:-1])
        return self._shown()

    def accept(self, word: str) -> Shown:
        """Put this word in the place of the open one, and a space behind it.

        It is typed so, and not corrected; punctuation around the open one stays.

        Raises: DataError for none or several words.
        """
        if word.split() != [word]:
            raise DataError(f"word {word!r}: need one, without spaces")
        lead, _, trail = parted(self._now.typing)
        self._reopen()
        for char in f"{lead}{word}{trail}":
            self.push(Keystroke(char))
        self._now = replace(self._now, sure=True)
        return self.push(Keystroke(SPACE))

    def undo(self) -> Shown:
        """Take back the last correction among BACK keystrokes, and keep its words as typed.

        What came after it is typed anew. Without a correction nothing changes.
        """
        moments = [*self._past, self._now]
        for at in range(len(moments) - 1, 0, -1):
            before, after = moments[at - 1], moments[at]
            change = changed(before.text + after.key.char, after.text)
            if change:
                break
        else:
            return self._shown()
        for word in change.before.split():
            self.keep(parted(word)[1])
        while len(self._past) >= at:
            self._past.pop()
        self._now = replace(before, readings=before.readings[:1], sure=True)
        for earlier, moment in pairwise(moments[at - 1 :]):
            self._now = replace(self._now, sure=self._now.sure or earlier.sure)
            shown = self.push(moment.key)
        return shown

    def keep(self, word: str) -> None:
        """Do not correct this word again: the user has typed it on purpose."""
        self.own.keep(word)

    def _fresh(self, text: str) -> Moment:
        """Before a sentence, behind this text."""
        keys, words = self._start["keys"], self._start["words"]
        cut = not text[-1:].isspace() and text != ""
        begins = text[-1:] in ("", ENTER)
        return Moment(
            *(keys, words, self._search.begin()),
            settled=text,
            completions=self._first if begins else (),
            first=self.capitals and begins,
            cut=cut,
        )

    def _first_words(self, shares: Mapping[str, float]) -> tuple[Guess, ...]:
        """What is offered before the first key of a line."""
        if strange := [word for word in shares if word not in self.labels[1:-1]]:
            raise DataError(f"first words: {strange[0]!r} is no label of words")
        order = sorted(shares, key=lambda word: -shares[word])[: self.suggestions]
        texts = map(capital, order) if self.capitals else order
        return tuple(
            Guess(text, float(F32(shares[word]))) for text, word in zip(texts, order, strict=True)
        )

    def _make_room(self, key: Keystroke) -> None:
        """If the keystroke would be one too many, what is in question stays as it is read now."""
        now = self._now
        typed = "".join([*(run.typed + run.behind for run in now.runs), now.typing, key.char])
        if len(typed.encode("utf-8", "surrogatepass")) <= ROOM:
            return
        best = replace(now.readings[0], runs=(), score=F32(0))
        cut = now.cut or now.typing != ""
        self._now = replace(
            now, readings=(best,), settled=now.text, runs=(), typing="", first=False, cut=cut
        )

    def _reopen(self) -> None:
        """Before the open run."""
        count = len(self._now.typing)
        if count > len(self._past):
            self._past.clear()
            first = self._now.first
            self._now = replace(self._fresh(self._now.text[:-count]), first=first)
        elif count:
            self._now = self._past[-count]
            for _ in range(count):
                self._past.pop()

    def _retype(self, text: str) -> None:
        """Behind this text; the run at its end is typed anew, so that it can go on.

        Of one of more than LONGEST characters, which is not corrected, the beginning is settled.
        """
        start = len(text)
        while start > max(0, len(text) - LONGEST) and not text[start - 1].isspace():
            start -= 1
        self._now = self._fresh(text[:start])
        for char in text[start:]:
            self.push(Keystroke(char))

    def _shown(self) -> Shown:
        return Shown(self._now.text, self._now.typing, self._now.completions)

    def _offer(self, key: Keystroke, ask: Ask) -> Shown:
        """Behind ENTER stands what lines begin with, which the network was never asked."""
        if key.char != ENTER:
            self._now = replace(self._now, completions=self._completions(ask))
        self._now = replace(self._now, key=key)
        return self._shown()

    def _heard(self, row: Array) -> Ask:
        """Step through the keystroke; gives what tells the logits there, for any words before."""
        keys, words = self.sessions["keys"], self.sessions["words"]
        keys.load_state(self._now.keys)
        vector = keys.step(row).ravel()
        before = self._now.words

        @cache
        def asked(past: bytes) -> Array:
            words.load_state(before)
            logits: Array = words.step(np.concatenate([vector, np.frombuffer(past, F32)])).ravel()
            if len(logits) != len(self.labels):
                raise DataError(f"words: {len(logits)} logits for {len(self.labels)} labels")
            return logits

        def ask(past: Array) -> Array:
            return asked(past.astype(F32).tobytes())

        ask(self._now.readings[0].vector)  # what it carries on is the same for all
        self._now = replace(self._now, keys=keys.state, words=words.state)
        return ask

    def _tell(self, label: int, state: Any) -> tuple[Array, Any]:
        history = self.sessions["history"]
        history.load_state(self._start["history"] if state is None else state)
        vector = history.step(np.array([label])).ravel()
        return vector, history.state

    def _close(self, ask: Ask) -> tuple[Guess, ...]:
        """Read the run that has ended; gives how it may be read."""
        now = self._now
        runs = (*now.runs, Run(now.typing, first=now.first))
        typed = [parted(run.typed)[1] for run in runs]
        core = typed[-1]
        sure = now.sure or now.cut or lower(core) in self.own.kept
        fixed = sure or not correctable(core)
        readings, settled = self._search.close(now.readings, typed, ask, fixed=fixed)
        self._now = replace(
            now,
            settled=now.settled + written(settled, runs),
            runs=runs[len(settled) :],
            typing="",
            first=self.capitals and ends_sentence(now.typing),
            cut=False,
            readings=readings,
            sure=False,
        )
        return self._ways(settled, runs[-1])

    def _ways(self, settled: Runs, run: Run) -> tuple[Guess, ...]:
        """How the last run may be read: by each reading, or by what all of them agree on."""
        readings = self._now.readings
        core = parted(run.typed)[1]
        nats = [self._search.likely(one, core) for one in readings]
        total = reduce(add_logs, nats)
        shares: dict[str, np.float32] = {}
        for one, likely in zip(readings, nats, strict=True):
            text = written(one.runs[-1:] or settled[-1:], (run,))
            shares[text] = F32(shares.get(text, F32(0)) + exp(F32(likely - total)))
        # sums are rounded; of a run that was cut there may be nothing left
        return tuple(Guess(text, min(float(share), 1.0)) for text, share in shares.items() if text)

    def _behind(self, char: str) -> None:
        """Put down a space; ENTER ends the sentence."""
        now = self._now
        if now.runs:
            last = now.runs[-1]
            now = replace(now, runs=(*now.runs[:-1], replace(last, behind=last.behind + char)))
        else:
            now = replace(now, settled=now.settled + char)
        self._now = now
        if char == ENTER:
            self._now = self._fresh(now.text)

    def _completions(self, ask: Ask) -> tuple[Guess, ...]:
        """The likeliest words; the user's own share what the vocabulary lacks."""
        typing, chances = self._now.typing, Chances.of(ask(self._now.readings[0].vector))
        order = likeliest(chances.words[1:], self.suggestions) + 1
        found = [(cased_like(self.labels[at], typing), chances.words[at]) for at in order]
        if self._now.first:
            found = [(capital(word), share) for word, share in found]
        begun = parted(typing)[1]
        own = self.own.begun(begun) if begun else []
        found += [(word, chances.words[TYPED] - log(F32(len(own)))) for word in own]
        found.sort(key=lambda one: -one[1])
        return tuple(Guess(word, float(exp(share))) for word, share in found[: self.suggestions])


def correctable(core: str) -> bool:
    """Whether another word may be read from what was typed: letters, not too many, no digits."""
    letters = any(char.isalpha() for char in core) and not any(char.isdigit() for char in core)
    return letters and len(core) <= LONGEST and not QWERTY.strangers(core)


def _revised(before: str, after: str, typed: str) -> Revision | None:
    """What changed in front of the run that has just ended, word by word."""
    old = before.removesuffix(typed)
    if after.startswith(old.rstrip()):
        return None
    same = 0
    was, now = old.split(), after.split()
    while same < min(len(was), len(now)) and was[same] == now[same]:
        same += 1
    return Revision(" ".join(was[same:]), " ".join(now[same : len(was)]))
