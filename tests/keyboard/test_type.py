"""`edgernn type` on lines: what it prints, what it tells as JSON, what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgernn.cli import group
from edgernn.errors import DataError
from edgernn.keyboard.own_words import OwnWords

from ..fakes import use_fakes, write_bundle
from .spelling import steps


@pytest.fixture(autouse=True)
def spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgernn.runtime.open_steps", lambda path, on=None: steps())


def edgernn(*words: object, given: str | bytes = "") -> Result:
    return CliRunner().invoke(
        group, ["type", "--no-capitals", *map(str, words)], given, prog_name="edgernn"
    )


def read(given: str | bytes, *options: object) -> str:
    """What lines become."""
    result = edgernn("k.edgernn", *options, given=given)
    assert result.exit_code == 0, result.output
    return result.stdout_bytes.decode()


def documents(given: str, *options: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read(given, "--json", *options).splitlines()]


def refused(*words: object, given: str | bytes = "") -> str:
    """The one line that a command is refused with, whatever it has printed before."""
    result = edgernn(*words, given=given)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_each_line_is_printed_as_it_is_read() -> None:
    assert read("teh cta\n\nhelloworld") == "the cat\n\nhello world\n"
    assert read("teh\r\n") == "the\r\n"
    assert read("") == ""
    plain = CliRunner().invoke(group, ["type", "k.edgernn"], "teh cta\nhello\n")
    assert plain.stdout == "The cat\nHello\n", "but for --no-capitals"


@pytest.mark.parametrize(
    "line",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 it\u2764\ufe0f 1\ufe0f\u20e3",
        "\u732b \u0434\u0430 \u0645\u0631\u062d\u0628\u0627 \u0ba4\u0bae\u0bbf\u0bb4\u0bcd",
        "cafe\u0301 caf\u00e9 Z\u0351\u036b\u0343algo \u0301",
        "a\x00b \x01 \x1b[31mX\x1b[0m x\by\x7f \x07 \u202eright",
        "  hello  world\tit\u00a0can\u3000\u2028see  ",
        "q" * 10_000,
        "4x4 90s 1,000 10:30 v2.0",
        "... --- !?",
    ],
)
def test_what_no_key_types_is_printed_to_the_byte(line: str) -> None:
    assert read(f"{line}\n") == f"{line}\n"


def test_a_document_tells_what_became_of_each_word() -> None:
    (line, other) = documents("teh 4x4,\nee hel\n")
    assert (line["typed"], line["text"]) == ("teh 4x4,", "the 4x4,")
    first, second = line["words"]
    assert first["changed"] == {"before": "teh", "after": "the", "start": 0}
    assert first["readings"][0]["word"] == "the"
    assert sum(reading["share"] for reading in first["readings"]) == pytest.approx(1)
    assert second == {
        "typed": "4x4,",
        "changed": None,
        "revised": None,
        "readings": [{"word": "4x4,", "share": pytest.approx(1)}],
    }
    assert other["text"] == "see hel"
    assert [word["revised"] for word in other["words"]] == [None, {"before": "he", "after": "see"}]


def test_each_keystroke_has_a_document() -> None:
    found = documents("teh\nI", "--each", "--suggestions", 2)
    assert [(one["key"], one["text"]) for one in found] == [
        *(("t", "t"), ("e", "te"), ("h", "teh"), ("\n", "the\n")),
        *(("I", "I"), ("\n", "I\n")),
    ]
    counts = [len(one["completions"]) for one in found]
    assert counts == [2, 2, 2, 0, 2, 0]  # these steps know no words that lines begin with
    assert "--each: needs --json" in refused("k.edgernn", "--each")


def test_own_words_are_read_and_bad_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("Anneliese\n\n O'Brien \n")
    assert read("annelise", "--words", path) == "Anneliese\n"
    assert OwnWords.read(path).worth.keys() == {"Anneliese", "O'Brien"}
    path.write_text("")
    assert read("teh", "--words", path) == "the\n"
    for content, line in (
        ("Ann\ntwo words\n", r"names.txt, line 2: own word 'two words': need 1 to 32 letters"),
        ("Ann\nBob\n\nAnn\n", r"names.txt, line 4: own word 'Ann': is there already"),
        ("x" * 33, r"names.txt, line 1: own word "),
    ):
        path.write_text(content)
        assert line in refused("k.edgernn", "--words", path)
    path.write_bytes(b"\xff\xfe")
    assert "names.txt: cannot be read as text" in refused("k.edgernn", "--words", path)
    assert "absent.txt: cannot be read" in refused("k.edgernn", "--words", tmp_path / "absent.txt")
    with pytest.raises(DataError, match="own word ''"):
        OwnWords.of([""])


def test_bytes_that_are_no_text_are_named_after_the_lines_before_them() -> None:
    result = edgernn("k.edgernn", given=b"teh\n\xe7\x8c\xab \xff\ncta\n")
    assert (result.exit_code, result.stdout) == (2, "the\n")
    assert result.stderr == "error: standard input, line 2: byte 5 is 0xff, not UTF-8\n"


def test_options_out_of_range_are_refused() -> None:
    for option in ("--beam", "--suggestions"):
        result = edgernn("k.edgernn", option, 0)
        assert result.exit_code == 2
        assert f"Invalid value for '{option}'" in result.stderr


def test_another_models_bundle_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    use_fakes(monkeypatch)
    bundle = write_bundle(tmp_path / "m.edgernn")
    line = "m: no keyboard decoder; it lacks the step keys, history, words"
    assert line in refused(bundle, given="teh\n")
    (tmp_path / "x.edgernn").write_text("no zip")
    assert "x.edgernn" in refused(tmp_path / "x.edgernn", given="teh\n")
    assert "absent.edgernn" in refused(tmp_path / "absent.edgernn")


def test_a_closed_stdin_is_told(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.undo()
    line = "from tests.keyboard.spelling import run; import sys; sys.stdin = None; run()"
    command = [sys.executable, "-c", line, "type", "--no-capitals", "k.edgernn"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "error: standard input is closed\n")


@pytest.mark.slow
@pytest.mark.cc
def test_a_bundle_with_fresh_weights_reads_lines(tmp_path: Path, root: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "from edgernn.models.keyboard import INFO\n"
        "from edgernn.models.keyboard.network import build as whole, examples, fed\n"
        "def build():\n"
        "    torch.manual_seed(0)\n"
        "    return whole(embed=6, channels=8, hidden=10, word=5, past=7, joint=6, left=4)\n"
    )
    bundle = tmp_path / "k.edgernn"

    def run(*words: object, given: str = "") -> str:
        command = [sys.executable, "-m", "edgernn", *map(str, words)]
        done = subprocess.run(command, cwd=root, input=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("export", f"{tmp_path / 'mine.py'}:build", "-t", "host", "-o", bundle)
    line = "42 \u732b caf\u00e9 x9 \U0001f600"  # nothing that may be corrected, whatever is learnt
    assert run("type", bundle, given=f"{line}\n") == f"{line}\n"
    (told,) = map(json.loads, run("type", bundle, "--json", given="teh cat").splitlines())
    assert [word["typed"] for word in told["words"]] == ["teh", "cat"]
    assert all(0 < one["share"] <= 1 for word in told["words"] for one in word["readings"])
