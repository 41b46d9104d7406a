"""Keyboards without a network: what they mend, what they leave alone, that chances add up."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.peers.keyboard import AsTyped, Library, is_word, tokens
from benchmarks.peers.keyboard import ngram as grams
from benchmarks.peers.keyboard.channel import Channel, Costs
from benchmarks.peers.keyboard.ispell import COMMANDS, Ispell
from benchmarks.peers.keyboard.ispell import Settings as CheckerSettings
from benchmarks.peers.keyboard.ngram import END, START, NGram
from benchmarks.peers.keyboard.symspell import Compound, Settings, Words
from edgernn.errors import MissingExtra, ToolError
from edgernn.keyboard.metrics import Corrector
from edgernn.keyboard.words import cased_like

TEXT = [
    "I love the movie, I really do.",
    "I love the music of Batman.",
    "The movie is about the batcave, and a letter from Robin.",
    "He sent a form to the office.",
    "I love Batman and Robin.",
    "It's a letter from the cat.",
]
LIBRARY = Library(
    TEXT * 5, {"the": 100, "movie": 9, "form": 8, "from": 30, "moved": 3, "office": 2}
)
MODEL = NGram(LIBRARY, grams.Settings(order=3))
PRUNED = NGram(LIBRARY, grams.Settings(order=3, rarest=8))
needs_symspell = pytest.mark.skipif(
    importlib.util.find_spec("symspellpy") is None, reason="needs the extra `bench`"
)
WORDS = st.sampled_from([*MODEL.words, "zebra"])


@pytest.fixture(scope="module")
def words() -> Words:
    return Words.of(LIBRARY)


@pytest.fixture(scope="module")
def correctors(words: Words) -> dict[str, Corrector]:
    return {
        "words": words,
        "compound": Compound(words.dictionary, words.settings),
        "channel": Channel(words, MODEL, Costs(edits=(6.0, 11.0))),
    }


@pytest.mark.parametrize("model", [MODEL, PRUNED], ids=["whole", "pruned"])
@settings(deadline=None)
@given(st.lists(WORDS, max_size=5))
def test_chances_behind_any_words_add_up_to_one(model: NGram, before: list[str]) -> None:
    ids = [model.ids.get(word, model.ids[grams.UNKNOWN]) for word in before]
    chances = model.chosen(model.contexts(ids), np.arange(len(model.words)))
    assert chances.sum() == pytest.approx(1)
    assert (chances > 0).all()


def test_what_is_rare_is_dropped_and_left_to_shorter_ones() -> None:
    assert PRUNED.least_bytes < MODEL.least_bytes
    every = np.arange(len(MODEL.words))
    love = [PRUNED.ids["I"], PRUNED.ids["love"]]  # 15 times; behind it "the" 10, "Batman" 5 times
    one, other = (m.chosen(m.contexts(love), every) for m in (MODEL, PRUNED))
    assert other[PRUNED.ids["the"]] >= one[MODEL.ids["the"]]
    assert one[MODEL.ids["Batman"]] > 2 * other[PRUNED.ids["Batman"]]


def test_counts_are_of_lines_and_none_runs_into_the_next() -> None:
    ids = MODEL.ids
    after_start = MODEL.chosen(MODEL.contexts(MODEL.line_start()), np.arange(len(MODEL.words)))
    assert after_start.argmax() == ids["I"], "half of the lines"
    first = MODEL.levels[0]
    assert first.share[first.keys.searchsorted(ids[START])] == 0, "it is never foretold"
    behind_end = MODEL.contexts([ids[END]])
    assert MODEL.followers(behind_end, 0, len(MODEL.words)).size == 0


@given(st.text(st.sampled_from("abcmoTIB "), max_size=3), st.integers(1, 4))
def test_completions_go_on_with_the_prefix_and_are_the_likeliest(prefix: str, n: int) -> None:
    prefix = prefix.strip()
    found = MODEL.complete(["I", "love"], prefix, n)
    assert len(found) == len(set(found)) <= n
    assert all(word.startswith(prefix) for word in found)
    contexts = MODEL.contexts([*MODEL.line_start(), *MODEL.encode("I love")])
    chances = MODEL.chosen(contexts, np.arange(len(MODEL.words)))
    every = [
        i for i, word in enumerate(MODEL.words) if word.startswith(prefix) and word[0].isalnum()
    ]
    best = sorted((chances[i] for i in every), reverse=True)[:n]
    mine = [chances[MODEL.ids[word]] for word in found if word in MODEL.ids]
    assert mine[: len(best)] == pytest.approx(best)


def test_a_capital_that_is_not_met_is_put_on() -> None:
    assert "Music" in MODEL.complete([], "Mu", 3)
    assert MODEL.complete([], "zz", 3) == []


def test_signs_are_kept_apart_and_capitals_are_lent() -> None:
    assert tokens('He said: "don\'t..."') == ["He", "said", ":", '"', "don't", '..."']
    assert [cased_like("the", like) for like in ("Teh", "TEH", "teh", "T")] == [
        "The", "THE", "the", "The",
    ]  # fmt: skip
    assert is_word("don't")
    assert not any(map(is_word, ("", "'", "b2b", "a_b")))


@needs_symspell
@pytest.mark.parametrize("name", ["words", "compound", "channel"])
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("I lvoe the moive, I really do.", "I love the movie, I really do."),
        ("Teh letter.", "The letter."),
        ("(the offce)", "(the office)"),
        ("THE MOVEI 1999 :-)", "THE MOVIE 1999 :-)"),
        ("It's  a   letter", "It's  a   letter"),
        ("", ""),
        (" ,", " ,"),
        ("żółć 日本語", "żółć 日本語"),
    ],
)
def test_words_are_mended_and_what_is_around_them_stays(
    name: str, typed: str, meant: str, correctors: dict[str, Corrector]
) -> None:
    assert correctors[name].correct(typed) == meant


@needs_symspell
@pytest.mark.parametrize("name", ["compound", "channel"])
def test_lost_and_stray_spaces_are_mended(name: str, correctors: dict[str, Corrector]) -> None:
    assert correctors[name].correct("I lovethe music") == "I love the music"
    assert correctors[name].correct("a lett er from") == "a letter from"


@needs_symspell
def test_a_known_word_is_mended_by_what_stands_before_it(correctors: dict[str, Corrector]) -> None:
    assert correctors["channel"].correct("a letter form the cat") == "a letter from the cat"
    assert correctors["words"].correct("a letter form the cat") == "a letter form the cat"


@needs_symspell
@pytest.mark.parametrize("name", ["words", "compound", "channel"])
def test_the_nearest_words_come_first(name: str, correctors: dict[str, Corrector]) -> None:
    found = correctors[name].best("movei", (), 3)
    assert found[0] == "movie"
    assert len(found) <= 3
    assert correctors[name].best("zzzzzzz", (), 3) == ["zzzzzzz"]


@needs_symspell
def test_short_words_are_mended_by_one_edit(words: Words) -> None:
    assert Settings(short=4).most("form") == 1
    assert Settings(short=4).most("forms") == 2
    assert Settings(distance=0).most("form") == 0


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "symspellpy", None)
    with pytest.raises(MissingExtra, match=r"symspellpy is not installed; run: .*bench"):
        Words.of(LIBRARY)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match="hunspell is not installed; run: apt-get install"):
        Ispell("hunspell", LIBRARY)


@pytest.fixture(params=COMMANDS)
def checker(request: pytest.FixtureRequest) -> Iterator[Ispell]:
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    made = Ispell(request.param, LIBRARY, CheckerSettings(least=5, names=False))
    yield made
    made.close()


def test_the_systems_checker_mends_and_is_told_our_words(checker: Ispell) -> None:
    assert checker.correct("I recieve, the Batcave") == "I receive, the Batcave"
    assert checker.correct("a batcave 42 :-) It's") == "a batcave 42 :-) It's"
    assert "receive" in checker.best("recieve", (), 5)
    assert checker.best("office", (), 5) == ["office"]
    assert checker.best("@#!", (), 2) == ["@#!"]


def test_as_typed_changes_nothing() -> None:
    assert AsTyped().correct(" a  b") == " a  b"
    assert AsTyped().best("a", (), 5) == ["a"]
