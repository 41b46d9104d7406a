"""Words and back to the character, and vocabularies in files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from edgernn.errors import DataError
from edgernn.keyboard.corpora import dialogues, encyclopedia
from edgernn.keyboard.evaluation_sets import transcripts
from edgernn.keyboard.letters import SIGNS, in_words, lower, upper
from edgernn.keyboard.words import (
    UNKNOWN,
    Casing,
    Vocabulary,
    Word,
    cased_like,
    counted,
    ends_sentence,
    join,
    parted,
    shift_slipped,
    split,
    word_of,
)

hypothesis = pytest.importorskip("hypothesis")
given, settings, st = hypothesis.given, hypothesis.settings, hypothesis.strategies


def test_a_word_is_a_core_a_casing_and_punctuation() -> None:
    assert split("\"Don't  tell IBM, iPhone\t3D (90s) ... 😀!") == [
        Word("don't", Casing.CAPITALISED, '"'),
        Word("tell"),
        Word("ibm", Casing.UPPER, "", ","),
        Word("iphone", Casing.MIXED, "", "", "iPhone"),
        Word("3d", Casing.CAPITALISED),
        Word("90s", Casing.LOWER, "(", ")"),
        Word("", Casing.LOWER, "..."),
        Word("", Casing.LOWER, "😀!"),
    ]
    assert split("I'm I A.M.")[:2] == [
        Word("i'm", Casing.CAPITALISED),
        Word("i", Casing.CAPITALISED),
    ]


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=40) | st.text("aßİΣςǅ'_-1 \u0301\u00a0.", max_size=20))
def test_any_text_is_joined_again(text: str) -> None:
    assert join(split(text)) == " ".join(text.split())


def test_signs_are_no_letters_and_of_ascii_all_that_are_none() -> None:
    everywhere = [chr(at) for first, last in SIGNS for at in range(first, last + 1)]
    assert not [char for char in everywhere if char.isalnum()]
    plain = [chr(at) for at in range(128)]
    assert [in_words(char) for char in plain] == [char.isalnum() for char in plain]
    assert parted("\u201cteh\u2014") == ("\u201c", "teh", "\u2014")
    assert parted("caf\u00e9\u732b") == ("", "caf\u00e9\u732b", "")


def test_letters_of_ascii_and_latin_1_have_case_and_no_others() -> None:
    text = "Az\u00c9\u00e9\u00d7\u00f7\u00df\u00ff\u0130\u0436\u03a9"
    assert upper(text) == "AZ\u00c9\u00c9\u00d7\u00f7\u00df\u00ff\u0130\u0436\u03a9"
    assert lower(text) == "az\u00e9\u00e9\u00d7\u00f7\u00df\u00ff\u0130\u0436\u03a9"
    assert cased_like("\u00e9tat", "The") == "\u00c9tat"


@pytest.mark.slow
def test_real_texts_are_joined_again(real_data: Path) -> None:
    texts = [turn for name in ("train", "val", "test") for one in dialogues(real_data, name)
             for turn in one.turns]  # fmt: skip
    texts += encyclopedia(real_data, "train")
    texts += [text for one in transcripts(real_data) for text in (one.sentence, one.typed)]
    assert len(texts) > 400_000
    assert [text for text in texts if join(split(text)) != " ".join(text.split())] == []


def test_marks_are_part_of_the_letter_that_they_combine_with() -> None:
    assert parted("(cafe\u0301)") == ("(", "cafe\u0301", ")")
    assert parted("ok\u2764\ufe0f") == ("", "ok", "\u2764\ufe0f")
    assert parted("\u0301") == ("\u0301", "", "")


def test_a_long_word_is_parted_at_once() -> None:
    word = "a" + "!" * 100_000 + "a" * 100_000 + "?"  # hours by a pattern that tries each sign anew
    assert parted(word) == ("", word[:-1], "?")


def test_the_most_frequent_cores_are_the_vocabulary() -> None:
    counts = counted(["The the THE cat, cat's 10 10 10 10 -", "a dog a"])
    assert counts == Counter({"10": 4, "the": 3, "a": 2, "cat": 1, "cat's": 1, "dog": 1})
    vocabulary = Vocabulary.of(counts, 3)
    assert vocabulary.words == ("the", "a", "cat")
    assert [vocabulary.label(core) for core in ("the", "cat", "dog", "")] == [1, 3, UNKNOWN, 0]
    assert len(vocabulary) == 4
    assert vocabulary.coverage(counts) == 6 / 12


def test_capitals_of_a_word_stay_as_do_those_that_are_typed() -> None:
    vocabulary = Vocabulary.of({"i'm": 3, "nfl": 2, "the": 1}, 3, {"i'm": "I'm", "nfl": "NFL"})
    assert vocabulary.words == ("I'm", "NFL", "the")
    assert [vocabulary.label(core) for core in ("i'm", "nfl", "the")] == [1, 2, 3]
    typed = ("im", "Im", "IM", "iM", "Imm")
    assert [cased_like("I'm", one) for one in typed] == ["I'm", "I'm", "I'M", "I'm", "I'm"]
    assert [cased_like("iPhone", one) for one in typed] == [
        *["iPhone"] * 2,
        "IPHONE",
        *["iPhone"] * 2,
    ]
    assert [cased_like("crazy", one) for one in ('"Cazy', "(CAZY,", "'cazy")] == [
        "Crazy",
        "CRAZY",
        "crazy",
    ]
    assert [cased_like("the", one) for one in ("teh", "Teh", "TEH", "tEh", "TeH")] == [
        "the", "The", "THE", "the", "The",
    ]  # fmt: skip


def test_a_sentence_ends_with_its_signs_and_what_closes_behind_them() -> None:
    ends = ("cat.", "Cat!", "what?!", '"yes!"', "(so.)", "3.", ".", 'd."')
    none = ("cat", "cat,", "well...", "..", "U.S.", "e.g.", '"', "", "cat.'", "(cat)")
    assert all(map(ends_sentence, ends))
    assert not any(map(ends_sentence, none))


def test_shift_slips_where_two_capitals_begin_a_word() -> None:
    slipped = ("THe", '"ONe,"', "WOnder", "ÉTat", "DOn't")
    meant = ("The", "THE", "tHE", "iPhone", "TVs", "TV's", "OK", "A", "", "McD", "ABcD", "X")
    assert all(shift_slipped(word_of(surface)) for surface in slipped)
    assert not any(shift_slipped(word_of(surface)) for surface in meant)


def test_a_vocabulary_is_the_same_from_its_file(tmp_path: Path) -> None:
    vocabulary = Vocabulary(("the", "don't", "café", "r&b", "90s", "I've"))
    vocabulary.save(tmp_path / "words.txt")
    assert Vocabulary.load(tmp_path / "words.txt") == vocabulary


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "no words; need at least one"),
        (b"the\n\ncat\n", "word 2 is ''; need one without spaces"),
        (b"the\nThe\n", "'The' is word 1 and word 2"),
        (b"two words\n", "word 1 is 'two words'"),
        (b"end.\n", "word 1 is 'end.'"),
        (b"a\nb\na\n", "'a' is word 1 and word 3"),
        (b"\xff\xfe", "codec can't decode"),
    ],
)
def test_files_that_are_no_vocabulary_are_named(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"words\.txt: .*{line}") as caught:
        Vocabulary.load(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"absent\.txt.*No such file"):
        Vocabulary.load(tmp_path / "absent.txt")
