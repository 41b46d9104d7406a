"""The benchmark of the keyboard's two loops: what it compares, counts and goes on with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import keyboard_loops
from benchmarks.keyboard_ours import digest_with_loop
from benchmarks.rows import Rows
from edgernn.keyboard.decode import Guess, Shown
from edgernn.keyboard.typing import Keystroke

LINES = [[Keystroke(char) for char in "ab \n"]] * 25


class Here:
    """Runs what is sent to it at once, in the place of processes."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, do: Any, *given: Any) -> Here:
        done = Here(self.jobs)
        done.row = do(*given)  # type: ignore[attr-defined]
        return done

    def result(self) -> Any:
        return self.row  # type: ignore[attr-defined]


def shows(share: float, count: int = 6) -> Any:
    def each(keys: Iterable[Keystroke]) -> Iterator[Shown]:
        for key in [*keys][:count]:
            yield Shown(key.char, completions=(Guess("the", share if key.char == "b" else 0.5),))

    return each


@pytest.mark.parametrize(
    ("other", "differences"), [(shows(0.25), 0), (shows(0.25 + 2**-25), 2), (shows(0.25, 5), 2)]
)
def test_every_keystroke_is_compared_to_the_bit(
    other: Any, differences: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("open_bundle", "open_steps", "Keyboard"):
        monkeypatch.setattr(keyboard_loops, name, lambda _: None)
    monkeypatch.setattr(keyboard_loops, "in_c", lambda _, room: shows(0.25))
    monkeypatch.setattr(keyboard_loops, "in_python", lambda _: other)
    found = keyboard_loops.compared(Path(), LINES[:2])
    assert found == {"lines": 2, "keystrokes": 12, "differences": differences}


def test_what_was_compared_is_not_compared_again_but_of_another_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def compared(bundle: Path, lines: list[Any]) -> dict[str, int]:
        asked.append(len(lines))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return {"lines": len(lines), "keystrokes": 4 * len(lines), "differences": 1}

    monkeypatch.setattr(keyboard_loops, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(keyboard_loops, "as_completed", list)
    monkeypatch.setattr(keyboard_loops, "compared", compared)
    bundle, path = tmp_path / "a", tmp_path / "rows.json"
    bundle.write_bytes(b"a")
    rows = Rows(path)
    rows.note(
        {"lines": 10, "keystrokes": 40, "differences": 0},
        *("undone", digest_with_loop(bundle), "25", "0"),
    )
    found = keyboard_loops.compare(bundle, LINES, Rows(path), 2)
    assert asked == [10, 5]
    assert found == {"lines": 25, "keystrokes": 100, "differences": 2}
    assert len(json.loads(path.read_text())["rows"]) == 3
    assert keyboard_loops.compare(bundle, LINES, Rows(path), 2) == found
    bundle.write_bytes(b"b")
    with pytest.raises(KeyboardInterrupt):
        keyboard_loops.compare(bundle, LINES, Rows(path), 2)


def test_keystrokes_are_told_apart_and_the_section_has_all_figures() -> None:
    kinds = keyboard_loops.by_kind(iter([("at a space", 7), ("within a word", 1)]))
    assert kinds == {"within a word": [1], "at a space": [7]}
    each = {kind: [0.1, 0.2, 0.25] for kind in kinds}
    timing = {"machine": "m", "ms": each, "keystrokes": dict.fromkeys(kinds, 1)}
    timing |= {"bundle_bytes": 1000, "state_bytes": 20, "loop_bytes": 3}
    same = {"lines": 1, "keystrokes": 2, "differences": 0}
    made = keyboard_loops.told(same, timing, {kind: [1234.4, 2000] for kind in kinds})
    assert "- C and Python show the same: 1 lines, 2 keystrokes, 0 differences" in made
    assert "| at a space | 1 | 0.100 | 0.200 | 0.250 |" in made
    assert "| within a word | 1,234 | 2,000 |" in made
    assert not any("A64" in line for line in keyboard_loops.told(same, timing, None))
