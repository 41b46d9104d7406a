"""Which words a keyboard knows: the frequent ones of its texts and of books, without misspellings.

    python -m benchmarks.typing_errors --data PATH

tells how many words of held-out dialogues vocabularies of several sizes have. The training texts
themselves have misspellings in them; `well_spelt` leaves out those that do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from string import ascii_lowercase

from edgernn.keyboard.corpora import TRAINING, frequencies, training_texts
from edgernn.keyboard.words import Casing, Vocabulary, counted, parted, split

SHARES = {"self_dialogue": 0.8, "wikitext2": 0.1}  # of a word's frequency; books have the rest
TIMES = 20  # so much more frequent is what a misspelling is one edit from
CAPITALS = 0.9  # of a word's occurrences within sentences, for capitals of its own
OFTEN = 5  # occurrences that tell
SHORTEST = 5  # letters of what may be a misspelling by that
ENDS = ".?!:"  # behind which a sentence may begin
JOINERS = "'-.&/"  # what may stand within a word


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words of the training texts and of books.

    shares: of each word, mixed of both. common: words of books, and of the texts those that they
    have OFTEN. capitals: as `capitals` finds them in the texts.
    """

    shares: Mapping[str, float]
    common: Set[str]
    capitals: Mapping[str, str]

    @classmethod
    def read(cls, data: Path) -> Lexicon:
        """Of a folder with the corpora. Raises: DataError."""
        texts = {name: training_texts(data, corpora=(name,)) for name in TRAINING}
        books, told = frequencies(data), {name: counted(some) for name, some in texts.items()}
        whole = list(chain(*texts.values()))
        wrong = misspelt(whole, books)
        mixed: dict[str, float] = {}
        parts = [(told[name], share) for name, share in SHARES.items()]
        for counts, share in (*parts, (books, 1 - sum(SHARES.values()))):
            total = counts.total()
            for word, count in counts.items():
                mixed[word] = mixed.get(word, 0.0) + share * count / total
        shares = {word: share for word, share in mixed.items() if word not in wrong}
        often = {word for word, count in sum(told.values(), Counter()).items() if count >= OFTEN}
        return cls(shares, often | set(books), capitals(whole))

    def vocabulary(self, size: int) -> Vocabulary:
        """The most frequent words."""
        return Vocabulary.of(self.shares, size, self.capitals)

    def further(self, vocabulary: Vocabulary, size: int) -> Vocabulary:
        """The most frequent of those that are common, beyond a vocabulary."""
        able = {
            word: share
            for word, share in self.shares.items()
            if word not in vocabulary.labels and word in self.common
        }
        return Vocabulary.of(able, size, self.capitals)


def first_words(texts: Iterable[str], vocabulary: Vocabulary, size: int) -> dict[str, float]:
    """The words that most texts begin with, the likeliest first, and the share of texts that do."""
    firsts = [vocabulary.label(split(text)[0].core) for text in texts if text.split()]
    common = Counter(label for label in firsts if label).most_common(size)
    return {vocabulary.words[label - 1]: count / len(firsts) for label, count in common}


def capitals(texts: Iterable[str]) -> dict[str, str]:
    """Cores that are nearly always written with the same capitals within sentences, so written."""
    forms: dict[str, Counter[str]] = {}
    for text in texts:
        begins = True
        for word in split(text):
            if word.core and not begins:
                form = parted(word.surface)[1]
                forms.setdefault(word.core, Counter())[form] += 1
            begins = any(sign in word.trail for sign in ENDS) or (begins and not word.core)
    own = {}
    for core, counts in forms.items():
        ((form, count),) = counts.most_common(1)
        if form != core and OFTEN <= counts.total() <= count / CAPITALS:
            own[core] = form
    return own


def well_spelt(texts: Iterable[str], wrong: Collection[str]) -> list[str]:
    """The texts without any of these cores."""
    return [text for text in texts if not any(word.core in wrong for word in split(text))]


def misspelt(texts: Iterable[str], known: Collection[str]) -> set[str]:
    """Cores of some texts that are no words, as far as their frequencies tell.

    Of those that are not known: what lacks an apostrophe that others write, what has a comma or
    the like in it, and what is mostly in lower case and one edit from a core that is TIMES as
    frequent. Names are capitalised, so they stay.
    """
    words = [word for text in texts for word in split(text) if word.core]
    counts = Counter(word.core for word in words)
    lower = Counter(word.core for word in words if word.casing is Casing.LOWER)
    bare: Counter[str] = Counter()
    for core, count in counts.items():
        if "'" in core:
            bare[core.replace("'", "")] += count
    return {
        core
        for core, count in counts.items()
        if core not in known
        and any(map(str.isalpha, core))
        and (
            (core.isalpha() and bare[core] > count)
            or any(not char.isalnum() and char not in JOINERS for char in core)
            or (2 * lower[core] > count and _is_near(core, counts))
        )
    }


def _is_near(core: str, counts: Mapping[str, int]) -> bool:
    """Whether it is one edit from a far more frequent core."""
    if len(core) < SHORTEST or not core.isalpha():
        return False
    least = TIMES * counts[core]
    return any(counts.get(other, 0) >= least for other in _one_edit(core))


def _one_edit(core: str) -> Iterator[str]:
    """All that one deletion, swap, substitution or insertion makes of it."""
    for i in range(len(core) + 1):
        head, tail = core[:i], core[i:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        for char in ascii_lowercase:
            yield head + char + tail[1:]
            yield head + char + tail
