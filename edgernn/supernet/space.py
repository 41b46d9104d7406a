"""`Space`: the sizes that a network may be built with, all of them slices of the largest.

    [supernet.space]
    layers = [1, 2, 3]
    hidden = [96, 128, 192, 256]

Names are arguments of the model's `build`; of each the last value is the largest.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgernn.errors import ModelError

Choice = Mapping[str, int]  # the value of each dimension: one subnetwork


@dataclass(frozen=True, slots=True)
class Space:
    """Values of each dimension, rising.

    Raises: ModelError for a space without dimensions, or values that do not rise.
    """

    dimensions: Mapping[str, tuple[int, ...]]

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise ModelError("supernet: the space has no dimension; give one such as hidden = [..]")
        for name, values in self.dimensions.items():
            whole = all(type(value) is int and value > 0 for value in values)
            if not values or not whole or sorted(set(values)) != list(values):
                raise ModelError(
                    f"supernet: space.{name} is {list(values)}; need whole numbers that rise"
                )

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> Space:
        """The table of a recipe: lists of sizes by name. Raises: ModelError for anything else."""
        for name, values in table.items():
            if not isinstance(values, list | tuple):
                raise ModelError(f"supernet: space.{name} is {values!r}; need a list of sizes")
        return cls({name: tuple(values) for name, values in table.items()})

    def __len__(self) -> int:
        """How many subnetworks there are."""
        return math.prod(len(values) for values in self.dimensions.values())

    def __iter__(self) -> Iterator[Choice]:
        """All of them, the smallest first."""
        for values in itertools.product(*self.dimensions.values()):
            yield dict(zip(self.dimensions, values, strict=True))

    @property
    def largest(self) -> Choice:
        return {name: values[-1] for name, values in self.dimensions.items()}

    @property
    def smallest(self) -> Choice:
        return {name: values[0] for name, values in self.dimensions.items()}

    def spread(self, most: int) -> list[Choice]:
        """At most so many, from the smallest to the largest, by the product of their sizes."""
        every = sorted(self, key=lambda choice: math.prod(choice.values()))
        count = min(most, len(every))
        return [every[round(i * (len(every) - 1) / max(1, count - 1))] for i in range(count)]

    def draw(self, source: random.Random) -> Choice:
        """One, each dimension by itself, all values equally likely."""
        return {name: source.choice(values) for name, values in self.dimensions.items()}

    def check(self, choice: Choice) -> Choice:
        """The choice with its dimensions in the space's order.

        Raises: ModelError for a missing or unknown dimension, or a value that it does not have.
        """
        if odd := sorted(choice.keys() ^ self.dimensions.keys()):
            raise ModelError(
                f"supernet: {label(choice) or 'nothing'} and the space differ in {', '.join(odd)}; "
                f"it has {', '.join(self.dimensions)}"
            )
        for name, value in choice.items():
            if value not in self.dimensions[name]:
                raise ModelError(
                    f"supernet: {name}={value} is not in the space; it has "
                    f"{', '.join(map(str, self.dimensions[name]))}"
                )
        return {name: choice[name] for name in self.dimensions}


def label(choice: Choice) -> str:
    """A subnetwork in words: `layers=2,hidden=96`."""
    return ",".join(f"{name}={value}" for name, value in choice.items())


def parse_path(text: str) -> tuple[int, ...]:
    """The layers of `0,1,1`; none of an empty text. Raises: ModelError for what is none."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdigit() for part in parts):
        raise ModelError(f"supernet: path {text!r}; write the layers as 0,1,1")
    return tuple(int(part) for part in parts)


def parse_label(text: str) -> Choice:
    """The inverse of `label`. Raises: ModelError for what is none."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or not value.isdigit():
            raise ModelError(
                f"supernet: {text!r} names no subnetwork; write it as layers=2,hidden=96"
            )
        found[name] = int(value)
    return found
