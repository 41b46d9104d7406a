"""What stands for the values of a traced forward in the network that streams."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class Ref:
    """The value that an instruction gave, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Frames:
    """A tensor with an axis of frames: frame i of the module's is i + delay of the stream's.

    shape: the module's, for the example; frames, batch: axes of it. ratio: frames an input frame.
    delay: below zero it begins with zeros that no stream has. more: frames the module has beyond
    ratio * T. back: input frames that it depends on, None for all.
    """

    ref: Ref
    shape: tuple[int, ...]
    frames: int
    batch: int
    ratio: Fraction = Fraction(1)
    delay: int = 0
    more: int = 0
    back: int | None = 1

    @property
    def last(self) -> bool:
        """Whether the module's last frame is the stream's newest, and sees no padding behind."""
        return self.more == -self.delay

    @property
    def rest(self) -> list[int]:
        """Sizes of the other axes."""
        return [n for i, n in enumerate(self.shape) if i not in (self.batch, self.frames)]

    @property
    def plain(self) -> bool:
        """Whether it lies as (B, T, C)."""
        return (self.batch, self.frames) == (0, 1) and len(self.shape) == 3


@dataclass(frozen=True, slots=True)
class Rows:
    """What a recording comes to, at each of its frames: they lie in the axis of the batch."""

    ref: Ref
    batch: int
    ratio: Fraction
    delay: int
    back: int | None


@dataclass(frozen=True, slots=True)
class Shares:
    """A softmax over frames, by its scores; `over`, if it weighs them, the values."""

    scores: Frames
    over: Frames | None = None


@dataclass(frozen=True, slots=True)
class Several:
    """A tuple. Each is a value, or why it cannot be had."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """What no frame of the input has a part in: weights, sizes, masks."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Missing:
    """What no step gives, and what to do instead; refused where it is used."""

    why: str


Value = Frames | Rows | Shares | Several | Fixed | Missing
