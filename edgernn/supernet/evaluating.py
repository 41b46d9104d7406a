"""Figures of subnetworks, made here, by all processes of `torchrun`, or on a Ray cluster.

    torchrun --nproc-per-node 2 -m edgernn supernet search runs/many --data PATH -t host -o runs/b

Each way is an `Evaluate`. Under `torchrun` the first process searches and writes; the others
evaluate what it hands out until it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import torch

from edgernn.errors import EdgernnError
from edgernn.supernet.space import Choice
from edgernn.train.processes import Processes, joined

Figures = dict[str, float]
Evaluate = Callable[[Sequence[Choice]], Iterator[Figures]]  # in their order, each once it is known
Found = TypeVar("Found")


def led(
    who: Processes, figures: Callable[[Choice], Figures], lead: Callable[[Evaluate], Found]
) -> Found | None:
    """What `lead` finds on the first process, for which all evaluate; nothing on the others.

    figures: of one subnetwork, on this process.

    Raises: what `lead` does; EdgernnError if another process is lost.
    """
    found: Found | EdgernnError | None = None
    with joined(who, torch.device("cpu")):
        if who.first:
            try:
                found = lead(partial(_shared, who, figures))
            except EdgernnError as cause:
                found = cause
            who.of_first(())  # the others are done
        else:
            while wave := who.of_first(()):
                _together(who, figures, wave)
    if isinstance(found, EdgernnError):
        raise found
    return found


def _shared(
    who: Processes, figures: Callable[[Choice], Figures], choices: Sequence[Choice]
) -> Iterator[Figures]:
    """In waves of one subnetwork a process."""
    for first in range(0, len(choices), who.size):
        wave = who.of_first(choices[first : first + who.size])
        yield from _together(who, figures, wave)


def _together(
    who: Processes, figures: Callable[[Choice], Figures], wave: Sequence[Choice]
) -> list[Figures]:
    """The figures of a wave, on all processes."""
    own = figures(wave[who.rank]) if who.rank < len(wave) else {}
    return who.of_all(own)[: len(wave)]
