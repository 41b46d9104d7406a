"""Why words of corrected lines are not the intended ones, as far as the lines tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher

from edgernn.keyboard.metrics import Share, share
from edgernn.keyboard.typing import Typed
from edgernn.keyboard.words import word_of

WHY = ("signs", "unlisted", "spaces", "left", "another")  # the first that holds
Known = Callable[[str], bool]  # whether a core in lower case is a word of some list


def reasons(lines: Sequence[Typed], made: Sequence[str], known: Known) -> dict[str, Share]:
    """The shares of intended words that the corrected lines lack, by reason.

    signs: other capitals or punctuation alone; unlisted: the intended one is in no list; spaces: it
    was split or joined, or words beside it; left: what stands there is what was typed.
    """
    each = [
        Counter(_of_line(one, text.split(), known)) for one, text in zip(lines, made, strict=True)
    ]
    sizes = [len(one.intended.split()) for one in lines]
    return {why: share([counts[why] for counts in each], sizes) for why in WHY}


def _of_line(typed: Typed, made: list[str], known: Known) -> Iterator[str]:
    wanted, keys = typed.intended.split(), set(typed.text.split())
    matched = SequenceMatcher(a=wanted, b=made, autojunk=False).get_opcodes()
    for kind, first, last, start, end in matched:
        if kind == "equal":
            continue
        paired = last - first == end - start
        for i, word in enumerate(wanted[first:last]):
            yield _why(word, made[start + i] if paired else None, keys, known)


def _why(word: str, found: str | None, keys: set[str], known: Known) -> str:
    core = word_of(word).core
    if found is not None and word_of(found).core == core:
        return "signs"
    if not known(core):
        return "unlisted"
    if found is None:
        return "spaces"
    return "left" if found in keys else "another"
