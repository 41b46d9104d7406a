"""Loaders of texts and real errors: splits, what is left out, and files that are damaged."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from edgernn.errors import DataError, UnknownName
from edgernn.keyboard.corpora import (
    CORPORA,
    DIALOGUES,
    FREQUENCIES,
    SPLITS,
    WIKITEXT,
    Typo,
    dialogues,
    encyclopedia,
    frequencies,
    plain,
    sentences,
    training_texts,
    twitter_typos,
    utterances,
)
from edgernn.keyboard.evaluation_sets import (
    JFLEG,
    KEYSTROKES,
    MISSPELLINGS,
    TRANSCRIPTS,
    Misspelling,
    learners,
    misspellings,
    replayed,
    transcripts,
)
from edgernn.keyboard.lexicon import (
    Lexicon,
    capitals,
    misspelt,
    well_spelt,
)
from edgernn.keyboard.words import Vocabulary

WIKI = """
 = Title =
 The club 's 17th @-@ place finish in 2012 \u2013 13 ( a record ) cost £ 2 @,@ 000 .
 He said " It is . "
 The <unk> won . No <unk> .
 It didn 't rain in the U.S. state ; the parents ' kitchen was dry . Was it ? Yes .
"""


def pack(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {"topic": "a", "worker": worker, "turns": [f"It\u2019s number {worker}", "日本", "123"]}
        for worker in range(1, 60)
    ]
    pack(tmp_path / DIALOGUES, "".join(json.dumps(row) + "\n" for row in rows))
    for name in WIKITEXT.values():
        pack(tmp_path / name, WIKI)
    pack(tmp_path / FREQUENCIES, "\ufeffthe 20\ncat 3\n")
    return tmp_path


def test_nobody_writes_in_two_splits(data: Path) -> None:
    workers = {name: {one.worker for one in dialogues(data, name)} for name in SPLITS}
    assert workers["test"] == {20, 40}
    assert workers["val"] == {1, 21, 41}
    assert len(set.union(*workers.values())) == sum(map(len, workers.values())) == 59


def test_only_what_can_be_typed_is_trained_on(data: Path) -> None:
    assert training_texts(data, "test", ("self_dialogue",)) == [
        "It's number 20",
        "It's number 40",
    ]
    assert len(training_texts(data)) == 54 + len(encyclopedia(data, "train"))


@pytest.mark.parametrize("name", [name for name in CORPORA if CORPORA[name].evaluation_only])
def test_what_is_for_evaluation_only_is_not_trained_on(data: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: for evaluation only .*; take self_dialogue or"):
        training_texts(data, corpora=("self_dialogue", name))


def test_unknown_names_are_told(data: Path) -> None:
    with pytest.raises(UnknownName, match="unknown corpus to train on 'self_dialog'"):
        training_texts(data, corpora=("self_dialog",))
    with pytest.raises(UnknownName, match="unknown split 'valid'"):
        dialogues(data, "valid")
    with pytest.raises(UnknownName, match="unknown split of JFLEG 'train'"):
        learners(data, "train")


def test_an_encyclopedia_is_put_back_as_it_was_printed() -> None:
    assert [one for line in WIKI.splitlines() for one in sentences(line)] == [
        "The club's 17th-place finish in 2012-13 (a record) cost £2,000.",
        'He said "It is."',
        "It didn't rain in the U.S. state; the parents' kitchen was dry.",
    ]
    assert plain(" “It\u2019s—so…”\u00a0\ufeffcafe\u0301 ") == '"It\'s-so..." café'


def test_frequencies_are_read_behind_a_byte_order_mark(data: Path) -> None:
    assert frequencies(data) == {"the": 20, "cat": 3}
    shares = Lexicon.read(data).shares
    assert shares["the"] > shares["cat"] > 0
    assert sum(shares.values()) == pytest.approx(1)


def test_further_words_are_those_of_books_and_what_texts_have_often(data: Path) -> None:
    lexicon = Lexicon.read(data)
    assert lexicon.further(Vocabulary(("the", "number")), 9).words == ("it's", "cat")
    assert lexicon.further(Vocabulary(("cat",)), 1).words == ("it's",)


def test_misspellings_are_what_frequencies_give_away() -> None:
    texts = ["I don't believe the quarterback"] * 60 + [
        "dont beleive",
        "Yes,but",
        "Quarterbakc",
        "80s",
    ]
    wrong = misspelt(texts, {"the"})
    assert wrong == {"dont", "beleive", "yes,but"}
    assert well_spelt(texts, wrong) == [*texts[:60], *texts[-2:]]


def test_words_that_always_have_capitals_are_told() -> None:
    texts = ["May I?", "So may I. May I, or may I not?", "I saw ANNA (Anna) may"] * 5
    assert capitals(texts) == {"i": "I"}
    assert capitals([*texts, *["Then Anna came"] * 90]) == {"i": "I", "anna": "Anna"}
    assert capitals(["So I went"] * 4) == {}, "too seldom to tell"


def test_texts_of_whoever_has_them_are_read_from_a_path(tmp_path: Path) -> None:
    (tmp_path / "subtitles.txt").write_text("- Don\u2019t!\n\n♪ la\n42\nSo what\u2028now?\n")
    assert list(utterances(tmp_path / "subtitles.txt")) == ["Don't!", "So what now?"]
    pack(tmp_path / "subtitles.txt.gz", "Hi.\n")
    assert list(utterances(tmp_path / "subtitles.txt.gz")) == ["Hi."]
    (tmp_path / "typos.txt").write_text("teh\tthe\tR1\t<>\tin teh (1)\tin the (9)\n")
    assert twitter_typos(tmp_path / "typos.txt") == [Typo("teh", "the", "R1")]
    (tmp_path / "typos.txt").write_text("teh\tthe\n")
    with pytest.raises(DataError, match=r"typos\.txt: line 1 has 2 columns; need 6"):
        twitter_typos(tmp_path / "typos.txt")


def test_no_pair_is_in_two_lists_of_misspellings(tmp_path: Path) -> None:
    rows = ["birkbeck\ta lot\talot\t2", "norvig1\ta_lot\talot\t1", "birkbeck\tthe\tteh\t5"]
    pack(tmp_path / MISSPELLINGS, "\n".join(["list\tcorrect\twrong\tcount", *rows]))
    lists = misspellings(tmp_path)
    assert lists["norvig1"] == [Misspelling("alot", "a lot", 1)]
    assert lists["birkbeck"] == [Misspelling("teh", "the", 5)]


def test_corrected_errors_are_there_where_the_keys_give_what_was_typed(tmp_path: Path) -> None:
    pack(tmp_path / TRANSCRIPTS, "p\ts\tshown\ttyped\n1\t1\tHi.\tHi\n1\t2\tNo.\tNo.\n")
    keys = [("SHIFT", 16), ("H", 72), ("o", 79), ("BKSP", 8), ("i", 73)]
    rows = [f"1\t{section}\t0\t0\t{key}\t{code}" for section in (1, 2) for key, code in keys]
    pack(tmp_path / KEYSTROKES, "\n".join(["participant\ts\tp\tr\tletter\tkeycode", *rows]))
    first, second = transcripts(tmp_path)
    assert (first.sentence, first.typed, first.keys) == ("Hi.", "Hi", "Ho\bi")
    assert second.keys == ""
    assert replayed("\b\ba\bbc") == "bc"


def test_learners_have_four_references(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / JFLEG, "w:gz") as archive:
        for name in ("src", *(f"ref{i}" for i in range(4))):
            content = f"I ca n't , {name} .\n".encode()
            info = tarfile.TarInfo(f"dev/dev.{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    (one,) = learners(tmp_path, "dev")
    assert one.source == "I can't, src."
    assert one.references[3] == "I can't, ref3."
    with pytest.raises(DataError, match=r"jfleg\.tar\.gz: not JFLEG"):
        learners(tmp_path, "test")


def test_absent_and_damaged_files_are_named_in_one_line(data: Path) -> None:
    with pytest.raises(DataError, match=r"typos_pairs\.tsv\.gz: no such file; --data takes"):
        misspellings(data)
    with pytest.raises(DataError, match=r"jfleg\.tar\.gz: no such file; --data takes"):
        learners(data, "dev")
    whole = (data / DIALOGUES).read_bytes()
    for content in (whole[:-20], b"text", whole[:40] + b"\xff" * 40 + whole[80:]):
        (data / DIALOGUES).write_bytes(content)
        with pytest.raises(DataError, match=r"self_dialogue\.jsonl\.gz: damaged after line"):
            dialogues(data, "train")
    pack(data / DIALOGUES, '{"topic": "a", "worker": 1}\n')
    with pytest.raises(DataError, match="line 1 is no dialogue: KeyError"):
        dialogues(data, "train")
    pack(data / FREQUENCIES, "")
    with pytest.raises(DataError, match=r"\.gz: empty; fetch it again"):
        frequencies(data)
    pack(data / FREQUENCIES, "the twenty\n")
    with pytest.raises(DataError, match="line 1 is 'the twenty'; need a word and its count"):
        frequencies(data)


@pytest.mark.slow
def test_real_files_hold_what_they_should(real_data: Path) -> None:
    assert [len(dialogues(real_data, name)) for name in SPLITS] == [20475, 1242, 918]
    assert len(encyclopedia(real_data, "val")) > 2000
    assert len(frequencies(real_data)) > 80_000
    lists = misspellings(real_data)
    assert [len(lists[name]) for name in ("norvig1", "aspell")] == [270, 513]
    typed = transcripts(real_data)
    assert len(typed) == 31_650
    assert sum(bool(one.keys) for one in typed) > 1500
    assert [len(learners(real_data, name)) for name in ("dev", "test")] == [754, 747]
