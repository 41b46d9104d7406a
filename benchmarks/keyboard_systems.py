"""What `keyboard` measures, by name, made when it is first asked for. A model is one more line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from benchmarks.keyboard_ours import Touched, digest_with_loop, least_bytes, opened
from benchmarks.peers.keyboard import AsTyped, Library
from benchmarks.peers.keyboard.channel import Channel
from benchmarks.peers.keyboard.ispell import Ispell
from benchmarks.peers.keyboard.ngram import NGram, Settings
from benchmarks.peers.keyboard.symspell import Compound, Words
from edgernn.keyboard.metrics import Completer, Corrector

RAREST = 5  # occurrences of the pruned n-grams, which makes them smaller than the smallest of ours


class Systems:
    """Correctors and completers of one library. Raises: MissingExtra, ToolError when asked.

    bundles: of keyboard decoders, by name; each also corrects with the touch of every key.
    """

    def __init__(self, library: Library, bundles: Mapping[str, Path] | None = None) -> None:
        self.library = library
        self.correctors: dict[str, Callable[[], Corrector]] = {
            "as typed": AsTyped,
            "hunspell": lambda: Ispell("hunspell", library),
            "aspell": lambda: Ispell("aspell", library),
            "symspell, words": lambda: self.words,
            "symspell, compound": lambda: Compound(self.words.dictionary, self.words.settings),
            "noisy channel": lambda: Channel(self.words, self.ngram),
        }
        self.completers: dict[str, Callable[[], Completer]] = {
            "n-gram": lambda: self.ngram,
            "n-gram, pruned": lambda: self.pruned,
        }
        self.bundles = dict(bundles or {})
        self.digests: dict[str, str] = {}  # what tells a name's bundle and loop from others
        for name, bundle in self.bundles.items():
            ours = cache(partial(opened, bundle))  # compiled once
            self.correctors[name] = self.completers[name] = ours
            self.correctors[f"{name}, touches"] = partial(Touched.of_ours, ours)
            self.digests |= dict.fromkeys((name, f"{name}, touches"), digest_with_loop(bundle))
        self.made: dict[str, Any] = {}

    @cached_property
    def words(self) -> Words:
        return Words.of(self.library)

    @cached_property
    def ngram(self) -> NGram:
        return NGram(self.library)

    @cached_property
    def pruned(self) -> NGram:
        return NGram(self.library, Settings(rarest=RAREST))

    def corrector(self, name: str) -> Corrector:
        """The only one of this name."""
        if name not in self.made:
            self.made[name] = self.correctors[name]()
        made: Corrector = self.made[name]
        return made

    def completer(self, name: str) -> Completer:
        """Likewise."""
        return self.completers[name]()

    def completer_bytes(self, name: str) -> int:
        """About what it needs to complete, at least."""
        if name in self.bundles:
            return least_bytes(self.bundles[name])
        made = self.completer(name)
        assert isinstance(made, NGram)
        return made.least_bytes
