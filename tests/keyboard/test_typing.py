"""What a typist types: as wrong as asked, with touches that tell, and words that stay theirs."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest

from edgernn.errors import DataError
from edgernn.keyboard.layout import AZERTY, QWERTY
from edgernn.keyboard.slips import KINDS, RULES, phonetic_slips
from edgernn.keyboard.touches import SIGMAS, touches_on
from edgernn.keyboard.typing import (
    Errors,
    Keystroke,
    Span,
    Typed,
    Typist,
    normalized,
    plainly_typed,
)
from edgernn.recognition.errors import word_errors

hypothesis = pytest.importorskip("hypothesis")
given, settings, st = hypothesis.given, hypothesis.settings, hypothesis.strategies

TEXTS = (
    "I don't know whether their friend received the letter yesterday.",
    "Yeah, it's a good movie! Have you seen the first one?",
    "We were in New York for 3 days (it rained), then home.",
    "Their favourite team lost 21 to 14 because of the quarterback",
)
quick = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def alone(kind: str) -> Typist:
    """Whose only slips are of one kind, beside a few touches."""
    none = dict.fromkeys(KINDS, 0.0)
    return Typist(Errors(**{**none, kind: 1.0}, touch=0.001))


def measured(rate: float, count: int, typist: Typist | None = None) -> float:
    rng = np.random.default_rng(0)
    typist = typist or Typist()
    typed = [typist.typed(TEXTS[i % len(TEXTS)], rng, rate=rate) for i in range(count)]
    wrong = sum(word_errors(one.intended, one.text).errors for one in typed)
    return wrong / sum(len(one.intended) for one in typed)


@pytest.mark.parametrize(("rate", "count"), [(0.05, 400), (0.15, 150)])
def test_as_many_characters_are_wrong_as_asked(rate: float, count: int) -> None:
    assert measured(rate, count) == pytest.approx(rate, rel=0.08)  # 3 deviations of such a draw


def test_a_rate_of_nothing_types_what_was_meant_with_touches_about_the_keys() -> None:
    rng = np.random.default_rng(0)
    for text in TEXTS * 20:
        typed = Typist().typed(text, rng, rate=0.0, touches=True)
        assert typed.text == typed.intended == text
        assert typed.missed == 0
        assert 0.05 < np.abs(typed.offsets).max() < 1


def test_the_key_pressed_is_the_nearest_to_the_touch() -> None:
    rng, missed = np.random.default_rng(0), 0
    for text in TEXTS * 5:
        typed = Typist().typed(text, rng, rate=0.15, touches=True)
        missed += typed.missed
        for char, dx, dy in typed.keystrokes():
            key = QWERTY.key(char)
            assert QWERTY.nearest(key.x + dx, key.y + dy, key.page) == key
    assert missed > 50


def test_offsets_of_misses_point_back_to_what_was_meant() -> None:
    touches = touches_on(QWERTY)
    keys = touches.keys(QWERTY.labels("g" * 4000))
    hit, offsets = touches.drawn(keys, 0.3, np.random.default_rng(0))
    away = touches.centres[keys] - touches.centres[hit]
    missed = hit != keys
    assert missed.sum() > 100
    assert ((offsets[missed] * away[missed]).sum(1) > 0).mean() > 0.95  # but where it lies beyond


@pytest.mark.parametrize("layout", [QWERTY, AZERTY], ids=lambda one: one.name)
def test_misses_are_as_many_as_the_gaussian_was_widened_for(layout: object) -> None:
    touches = touches_on(layout)  # type: ignore[arg-type]
    keys = np.tile(touches.keys(layout.labels(TEXTS[0] + TEXTS[2])), 200)  # type: ignore[attr-defined]
    for share in (0.02, 0.1):
        sigma = touches.sigma(keys, share * len(keys))
        hit, _ = touches.drawn(keys, sigma, np.random.default_rng(0))
        assert (hit != keys).mean() == pytest.approx(share, rel=0.06)
    assert touches.sigma(keys, 1.0 * len(keys)) == SIGMAS[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_makes_slips_of_its_own(kind: str) -> None:
    rng, typist = np.random.default_rng(0), alone(kind)
    slips = [s for text in TEXTS * 10 for s in typist.typed(text, rng, rate=0.05).slips]
    assert {slip.kind for slip in slips} == {kind}


@pytest.mark.parametrize("kind", KINDS)
def test_a_slip_costs_the_edits_that_it_says(kind: str) -> None:
    places, _ = KINDS[kind]
    found = [(text, slip) for text in TEXTS for slip in places(text)]
    fewest = [word_errors(text[s.start : s.stop], s.typed).errors for text, s in found]
    assert fewest == [slip.cost for _, slip in found]
    assert found
    assert all(text[s.start : s.stop] != s.typed for text, s in found)


def test_spellings_by_sound_are_those_of_the_table() -> None:
    made = {
        "receive".replace("receive"[slip.start : slip.stop], slip.typed, 1)
        for slip in phonetic_slips("receive")
    }
    assert "recieve" in made
    assert len(RULES) > 30
    assert [slip.typed for slip in phonetic_slips("knight")] == ["n", "te"]


def test_the_same_generator_types_the_same() -> None:
    one, other = (
        [Typist().typed(text, np.random.default_rng([seed, 1])) for text in TEXTS]
        for seed in (7, 7)
    )
    assert [typed.text for typed in one] == [typed.text for typed in other]
    assert all((a.offsets == b.offsets).all() for a, b in zip(one, other, strict=True))
    assert [t.text for t in one] != [
        Typist().typed(t, np.random.default_rng(8)).text for t in TEXTS
    ]


def test_a_share_of_sentences_is_clean_and_another_blind() -> None:
    rng, typist = np.random.default_rng(0), Typist(Errors(lowest=0.1, clean=0.25, blind=0.5))
    typed = [typist.typed(TEXTS[0], rng) for _ in range(400)]
    assert np.mean([one.text == one.intended for one in typed]) == pytest.approx(0.25, abs=0.07)
    assert np.mean([not one.offsets.any() for one in typed]) == pytest.approx(0.5, abs=0.08)


def spans(intended: str, text: str, words: list[int]) -> list[Span]:
    return Typed(intended, text, np.zeros((len(text), 2)), np.array(words)).spans()


def test_spans_join_words_without_a_space_and_keep_split_ones_whole() -> None:
    assert spans("a bc d", "a bc d", [0, 0, 1, 1, 1, 2]) == [
        Span(0, 1, 0, 1),
        Span(2, 4, 1, 2),
        Span(5, 6, 2, 3),
    ]
    assert spans("a bc d", "abc d", [0, 1, 1, 1, 2]) == [Span(0, 3, 0, 2), Span(4, 5, 2, 3)]
    assert spans("a bc d", "a b c d", [0, 0, 1, 1, 1, 1, 2]) == [
        Span(0, 1, 0, 1),
        Span(2, 5, 1, 2),
        Span(6, 7, 2, 3),
    ]
    assert spans("the cat", "thec at", [0, 0, 0, 1, 1, 1, 1]) == [Span(0, 7, 0, 2)]
    assert spans("", "", []) == []


def check(typed: Typed, text: str) -> None:
    """All that holds of what was typed, whatever it was."""
    assert typed.intended == normalized(text)
    assert len(typed.text) == len(typed.offsets) == len(typed.words) == len(typed.keystrokes())
    assert np.isfinite(typed.offsets).all()
    assert (np.diff(typed.words) >= 0).all()
    words, spans = typed.intended.split(), typed.spans()
    assert [one for span in spans for one in range(span.first, span.last)] == [*range(len(words))]
    assert all(after.start == before.stop + 1 for before, after in pairwise(spans))
    assert set(typed.words.tolist()) <= set(range(len(words)))
    for span in spans:
        assert set(typed.words[span.start : span.stop]) == set(range(span.first, span.last))


@quick
@given(st.text(max_size=60), st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.15, 0.3]))
def test_any_text_is_typed_and_each_word_keeps_its_keystrokes(
    text: str, seed: int, rate: float
) -> None:
    check(Typist().typed(text, np.random.default_rng(seed), rate=rate), text)
    check(plainly_typed(text), text)


@quick
@given(st.lists(st.sampled_from([*"aAib' .,5", "ll", "the", "é", "😀"]), max_size=40))
def test_short_words_are_never_lost(parts: list[str]) -> None:
    text = "".join(parts)
    for seed in range(5):
        check(Typist().typed(text, np.random.default_rng(seed), rate=0.3), text)


def test_strangers_are_kept_as_they_are() -> None:
    rng = np.random.default_rng(0)
    typed = Typist().typed("😀😀 я", rng, rate=0.3, touches=True)
    assert [char for char in typed.text if char in "😀я"] == list("😀😀я")
    assert not typed.offsets[[char == "😀" for char in typed.text]].any()
    assert plainly_typed(" a\tb ").keystrokes() == [Keystroke(char) for char in "a b"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"clean": 1.5}, "clean is 1.5; need 0 to 1"),
        ({"case": float("nan")}, "case is nan"),
        ({"lowest": 0.2, "highest": 0.1}, "rates 0.2 to 0.1; need low to high, at most 0.3"),
        ({"touch": 0.0}, "touch is 0; need some"),
    ],
)
def test_shares_that_are_none_are_refused(change: dict[str, float], line: str) -> None:
    assert change.keys() <= {one.name for one in fields(Errors)}
    with pytest.raises(DataError, match=line):
        Errors(**change)
    with pytest.raises(DataError, match=r"rate 0\.5; need 0 to 0\.3"):
        Typist().typed("a", np.random.default_rng(0), rate=0.5)
