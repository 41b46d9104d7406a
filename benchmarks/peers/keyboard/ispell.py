"""The system's spell checkers, hunspell and aspell, spoken to as to ispell: one word a line.

What the checker does not know becomes its first suggestion. Words of the training text that are
common enough are made known to it, else it would spoil every name.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers.keyboard import Library, is_word
from edgernn.errors import ToolError
from edgernn.keyboard.words import parted

COMMANDS = {
    "hunspell": ("hunspell", "-a", "-i", "UTF-8", "-d", "en_US"),
    "aspell": ("aspell", "-a", "--encoding=utf-8", "--lang=en_US", "--sug-mode=normal"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What is known, and what is mended.

    least: occurrences in the training text that make a word right. names: whether to mend words
    with a capital that do not begin a line; it is always done where they do.
    """

    least: int = 20
    names: bool = True


class Ispell:
    """A checker that is running. Raises: ToolError if the program or its dictionary is absent."""

    def __init__(self, name: str, library: Library, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        mend = f"apt-get install {name} {name}-en" + ("-us" if name == "hunspell" else "")
        if shutil.which(name) is None:
            raise ToolError(f"{name} is not installed; run: {mend}")
        self.process = subprocess.Popen(
            COMMANDS[name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, encoding="utf-8",
        )  # fmt: skip
        assert self.process.stdout
        if not self.process.stdout.readline().startswith("@(#)"):
            raise ToolError(f"{name} has no English dictionary; run: {mend}")
        self.known: dict[str, list[str] | None] = {}
        for word, count in library.counts.items():
            if count >= self.settings.least and is_word(word):
                self._say(f"@{word}")

    def _say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")

    def suggestions(self, word: str) -> list[str] | None:
        """What an unknown word may be, best first; None for one that is known."""
        if word not in self.known:
            self.known[word] = self._asked(word)
        return self.known[word]

    def _asked(self, word: str) -> list[str] | None:
        assert self.process.stdin
        assert self.process.stdout
        self._say(f"^{word}")
        self.process.stdin.flush()
        answers = []
        while answer := self.process.stdout.readline().rstrip("\n"):
            answers.append(answer)
        if len(answers) != 1 or answers[0][0] not in "&#":
            return None  # known, or cut into several words
        _, colon, words = answers[0].partition(": ")
        return words.split(", ") if colon else []

    def correct(self, line: str) -> str:
        made: list[str] = []
        for word in line.split(" "):
            head, core, tail = parted(word)
            spared = not self.settings.names and made and core[:1].isupper()
            if is_word(core) and not spared:
                (core,) = self.best(core, (), 1)
            made.append(f"{head}{core}{tail}")
        return " ".join(made)

    def best(self, word: str, context: Sequence[str], n: int) -> list[str]:
        found = self.suggestions(word)
        if n == 1:
            return found[:1] if found else [word]
        return [*([word] if found is None else []), *(found or [])][:n]

    def close(self) -> None:
        """End the program."""
        self.process.communicate()
