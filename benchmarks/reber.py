"""Strings of the Reber grammar, embedded or not, and strings that are nearly so, from a seed.

The grammar is a small automaton whose walks spell strings (Reber 1967). A network reads a string
letter by letter and says at its last whether the grammar accepts it.

*Plain* negatives are of the two kinds that are met in the data of Darji 2021 (arXiv:2407.20601):
walks spelt in letters that the grammar does not have (56 % there and about 60 % here), and walks of
an altered automaton, here one in which the two letters of some node are exchanged. Each has an
accepted twin of its length. Whether all pairs of neighbouring letters are known tells 93 % apart,
in the thesis's data and in this; whether all threes are known tells every one.

*Embedded* strings wrap a walk in one of two letters: B T walk T E, or B P walk P E. Negatives
close with the other letter, and nothing else is wrong with them: who does not remember the second
letter through the whole walk can only guess.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
INNER = "PSTVX"  # B begins a string, E ends it
GRAMMAR: tuple[dict[str, int], ...] = (
    {"T": 1, "P": 2},
    {"S": 1, "X": 3},
    {"T": 2, "V": 4},
    {"X": 2, "S": 5},
    {"P": 3, "V": 5},
)
FOREIGN = [letter for letter in LETTERS if letter not in f"B{INNER}E"]
LAST = 5  # from here E ends the string
FOREIGN_SHARE = 0.56  # of draws; counted in the thesis's data: 5,293 of 9,411 negatives
SHORTEST = 11  # letters, as there
LONGEST = 30  # few walks are longer


def accepts(string: str) -> bool:
    """Whether the grammar spells this string, B and E included."""
    node = 0
    for letter in string[1:-1]:
        if node == LAST or letter not in GRAMMAR[node]:
            return False
        node = GRAMMAR[node][letter]
    return len(string) > 2 and string[0] == "B" and string[-1] == "E" and node == LAST


def accepts_embedded(string: str) -> bool:
    """Whether B, a letter T or P, an accepted string, the same letter and E stand in a row."""
    outer = string[1:2]
    return (outer in ("T", "P") and string[0] == "B" and string[-2:] == f"{outer}E") and accepts(
        string[2:-2]
    )


def walk(rng: random.Random, grammar: Sequence[dict[str, int]] = GRAMMAR) -> str:
    """A string of the grammar, every branch equally likely."""
    node, letters = 0, ["B"]
    while node != LAST:
        letter, node = rng.choice([*grammar[node].items()])
        letters.append(letter)
    return "".join([*letters, "E"])


def rejected(rng: random.Random) -> str:
    """A walk in foreign letters, or of the grammar with the two letters of one node exchanged."""
    while True:
        if rng.random() < FOREIGN_SHARE:
            foreign = "".join(rng.sample(FOREIGN, len(INNER)))
            string = walk(rng).translate(str.maketrans(INNER, foreign))
        else:
            altered = [*GRAMMAR]
            node = rng.randrange(len(GRAMMAR))
            altered[node] = dict(zip(altered[node], [*altered[node].values()][::-1], strict=True))
            string = walk(rng, altered)
        if not accepts(string):
            return string


def plain(rng: random.Random, accepted: bool) -> str:
    """A string that the grammar accepts, or one that it does not."""
    return walk(rng) if accepted else rejected(rng)


def embedded(rng: random.Random, accepted: bool) -> str:
    """An embedded string; one that is not accepted closes with the wrong letter."""
    outer = rng.choice("TP")
    close = outer if accepted else "TP".replace(outer, "")
    return f"B{outer}{walk(rng)}{close}E"


def strings(
    count: int,
    seed: int,
    make: Callable[[random.Random, bool], str] = plain,
    *,
    shortest: int = SHORTEST,
    longest: int = LONGEST,
    without: Collection[str] = (),
) -> dict[str, bool]:
    """Different strings and whether they are accepted, none of those in `without`.

    Half are accepted, and there are as many accepted as rejected strings of each length. Else the
    length would tell them apart: short walks are soon all drawn, and foreign ones never.
    """
    rng = random.Random(seed)
    found: dict[str, bool] = {}
    barred = set(without)
    owed: Counter[int] = Counter()  # rejected strings that are to come, by length
    due = 0  # how many
    while len(found) < count:
        accepted = len(found) + due < count and (not due or rng.random() < 0.5)
        string = make(rng, accepted)
        if not shortest <= len(string) <= longest or string in found or string in barred:
            continue
        if not accepted and not owed[len(string)]:
            continue
        owed[len(string)] += 1 if accepted else -1
        due += 1 if accepted else -1
        found[string] = accepted
    return found
