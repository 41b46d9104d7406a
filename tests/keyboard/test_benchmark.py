"""The benchmark of keyboards: every part runs, goes on where it was, and is written as it is."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import keyboard, keyboard_ours, keyboard_systems, keyboard_tables
from benchmarks.keyboard_ours import opened
from benchmarks.keyboard_sets import Sets
from benchmarks.keyboard_wrong import WHY, reasons
from benchmarks.peers.keyboard import Library
from benchmarks.rows import Rows
from edgernn.keyboard import measured
from edgernn.keyboard.decode import Guess, Shown
from edgernn.keyboard.encoding import ENTER
from edgernn.keyboard.evaluation_sets import RATES
from edgernn.keyboard.measured import in_python
from edgernn.keyboard.typing import Keystroke, Typed, plainly_typed

from .spelling import keyboard as spelt

SPOKEN = ["I love the movie.", "The cat is in the hat.", "I do not know it."]
NAMES = ["as typed", "symspell, words", "noisy channel", "n-gram"]
needs_symspell = pytest.mark.skipif(
    importlib.util.find_spec("symspellpy") is None, reason="needs the extra `bench`"
)


def swapped(line: str, rate: float, place: int) -> Typed:
    """Two characters of the last word, where a rate is asked for."""
    typed = line[:-3] + line[-2] + line[-3] + line[-1] if rate else line
    return replace(plainly_typed(line), text=typed)


def literal(data: Path, lines: int) -> Sets:
    return Sets(
        lines,
        Library(SPOKEN * 9, {"the": 9, "movie": 5, "love": 3}),
        dict.fromkeys(("train", "val", "test"), SPOKEN),
        {"print": ["The cat."]},
        [("I love teh movie", "I love the movie.")],
        {"list": [("moive", "movie"), ("lvoe", "love")]},
        swapped,
    )


@pytest.fixture
def page(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the page with empty sections, and literal sets."""
    sections = re.compile(
        r"(<!-- keyboards \w+: begin -->).*?(?=<!-- keyboards \w+: end)", re.DOTALL
    )
    page = tmp_path / "keyboards.md"
    page.write_text(sections.sub(r"\1\n\n", (root / keyboard.PAGE).read_text()))
    monkeypatch.setattr(keyboard, "PAGE", page)
    monkeypatch.setattr(keyboard, "RESULTS", tmp_path / "keyboards.json")
    monkeypatch.setattr(keyboard, "sets", literal)
    return page


def run(folder: Path, *more: str) -> int:
    asked = ["--data", str(folder), "--output", str(folder / "runs"), "--systems", *NAMES]
    return keyboard.main([*asked, *more])


@needs_symspell
def test_every_part_is_measured_and_written(page: Path) -> None:
    assert run(page.parent, "--write") == 0
    kept = json.loads((page.parent / "keyboards.json").read_text())["rows"]
    assert len(kept) == 3 * (len(RATES) + len(keyboard.SEEN) + 3 + 2 + 1 + 1) + 1
    typed = kept["errors 5 % as typed 1000"]
    assert typed["word_accuracy"][0] == pytest.approx(1 - 3 / 15)
    assert typed["sequence_accuracy"][0] == 0
    assert kept["wrong 5 % as typed 1000"]["left"][0] == pytest.approx(3 / 15)
    assert kept["wrong Aalto as typed 1000"]["left"][0] == pytest.approx(1 / 4)
    assert kept["errors 0 % as typed 1000"]["cer"] == [0, 0]
    assert kept["errors 5 % symspell, words 1000"]["word_accuracy"][0] > 0.9
    assert kept["misspellings list symspell, words 1000"]["top-1"][0] == 1
    assert kept["clean print noisy channel 1000"]["changed"][0] == 0
    assert kept["completion dialogues n-gram 1000"]["keystrokes_saved"][0] > 0.3
    written = page.read_text()
    assert "| as typed | 80.0 ±" in written
    assert "beside what was typed" in written
    for part in keyboard.PARTS:
        section = written.partition(f"<!-- keyboards {part}: begin -->")[2].partition("<!--")[0]
        assert "| ---" in section, part
    assert (page.parent / keyboard_tables.PICTURE).is_file()


@needs_symspell
def test_what_is_there_is_not_measured_again(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(page.parent, "--only", "errors") == 0
    rows = page.parent / "runs" / "rows.json"
    before = rows.read_bytes()
    monkeypatch.setattr(keyboard, "line_figures", None)
    assert run(page.parent, "--only", "errors") == 0
    assert rows.read_bytes() == before


def test_what_is_not_installed_is_told_and_left_out(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "symspellpy", None)
    assert run(page.parent, "--only", "aalto", "--write") == 0
    assert "symspellpy is not installed; run: pip install" in capsys.readouterr().err
    assert "| as typed |" in page.read_text()
    assert "| symspell" not in page.read_text()


def test_nothing_is_told_of_no_rows(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows.json")
    assert [made(rows, 10) for made in keyboard_tables.TABLES.values()] == [[]] * len(
        keyboard.PARTS
    )
    keyboard_tables.draw(rows, 10, tmp_path)
    assert not list(tmp_path.iterdir())


def test_rows_are_kept_with_what_is_told_of_all(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows.json", facts={"words": [1, 2]})
    rows.note({"a": 1}, "some", "key")
    again = Rows(tmp_path / "none.json", tmp_path / "rows.json")
    assert again.facts == {"words": [1, 2]}
    assert again.get("some", "key") == {"a": 1}
    assert again.get("some") is None


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyboard that spells by distance in every bundle's place."""
    monkeypatch.setattr(keyboard_ours, "open_bundle", lambda path: None)
    monkeypatch.setattr(keyboard_systems, "least_bytes", lambda path: 2_600_000)
    monkeypatch.setattr(measured, "in_c", lambda bundle, **how: in_python(spelt(**how)))


def test_a_keyboard_of_ours_corrects_completes_and_names_what_a_word_may_be(ours: None) -> None:
    one = opened(Path("a.edgernn"))
    assert one.correct("Teh cta, i see it.") == "The cat, I see it."
    assert one.best("hello", (), 5)[0] == one.best("helo", ("the",), 5)[0] == "hello"
    assert one.complete([], "", 3) == [], "it knows no words that lines begin with"
    assert one.complete([], "h", 3) == one.complete([], "h", 3)
    assert "hello" in one.complete(["the"], "hel", 3)
    assert "Hello" in one.complete([], "Hel", 3)
    assert one.correct("teh") == "the", "after words were completed"


def test_before_the_first_key_stands_what_lines_begin_with() -> None:
    def shows(keys: Iterable[Keystroke]) -> Iterator[Shown]:
        for key in keys:
            yield Shown("", completions=(Guess("I", 0.2),) if key.char == ENTER else ())

    one = measured.Measured(shows, shows)
    assert one.complete([], "", 3) == ["I"]
    assert one.complete([], "h", 3) == one.complete(["the"], "", 3) == []


def test_bundles_are_measured_by_name_with_and_without_touches(page: Path, ours: None) -> None:
    """Touches that are all in the middle of their keys change nothing."""
    names = ["ours", "ours, touches"]
    asked = bundled(page, *names)
    assert keyboard.main([*asked, "errors", "--write"]) == 0
    assert keyboard.main([*asked, "completion", "--write"]) == 0
    rows = json.loads((page.parent / "keyboards.json").read_text())["rows"]
    both = [rows[f"errors 5 % {name} 1000"]["word_accuracy"] for name in names]
    assert both[0] == both[1]
    assert rows["completion dialogues ours 1000"]["bytes"] == 2_600_000
    assert "| ours | 2.6 |" in page.read_text()


def bundled(page: Path, *names: str) -> list[str]:
    """The command for a bundle of ours, but for the part."""
    (bundle := page.with_name("a.edgernn")).write_bytes(b"one")
    asked = ["--data", str(page.parent), "--output", str(page.parent / "runs")]
    return [*asked, "--bundle", f"ours={bundle}", "--systems", *names, "--only"]


def test_another_bundle_of_a_name_is_measured_anew(
    page: Path, ours: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*bundled(page, "as typed", "ours"), "aalto"]
    counted, line_figures = [], keyboard.line_figures
    monkeypatch.setattr(
        keyboard, "line_figures", lambda *pair: [counted.append(pair), line_figures(*pair)][1]
    )
    assert [keyboard.main(asked), keyboard.main(asked)] == [0, 0]
    assert len(counted) == 2
    page.with_name("a.edgernn").write_bytes(b"another")
    assert keyboard.main(asked) == 0
    assert len(counted) == 3
    page.with_name("a.edgernn").unlink()
    assert keyboard.main(asked) == 2
    assert capsys.readouterr().err.endswith("a.edgernn: No such file or directory\n")


def test_a_bundle_without_a_name_is_told(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(page.parent, "--bundle", "a.edgernn") == 2
    assert capsys.readouterr().err == "error: --bundle a.edgernn: need NAME=FILE\n"


def test_what_was_typed_is_not_among_what_it_may_be() -> None:
    assert keyboard.others("teh", ["Teh", "the", "tea"]) == ["the", "tea"]


def test_what_is_wrong_is_told_apart() -> None:
    line = replace(plainly_typed("The cat ate Zork in May"), text="teh kat ate Zrok inMay")
    known = {"the", "cat", "ate", "in", "may"}.__contains__
    texts = ("the kat ate Zrok inMay", "The cut ate Zork in May", "The cat ate Zork in May.")
    each = [reasons([line], [text], known) for text in texts]
    found = [{why: round(6 * share.value) for why, share in one.items()} for one in each]
    none = dict.fromkeys(WHY, 0)
    assert found == [
        {**none, "signs": 1, "left": 1, "unlisted": 1, "spaces": 2},
        {**none, "another": 1},
        {**none, "signs": 1},
    ]
