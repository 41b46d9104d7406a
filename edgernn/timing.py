"""`Timing`: when frames go in and come out. Light, so that a runtime needs no torch for it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from edgernn.errors import TimingError


@dataclass(frozen=True, slots=True)
class Timing:
    """When frames go in and come out, in frames of the layer's own streams.

    block: input frames in the shortest legal chunk.
    ratio: output frames per input frame.
    delay: y[t] describes output frame t - delay.
    """

    block: int = 1
    ratio: Fraction = Fraction(1)
    delay: int = 0

    def __post_init__(self) -> None:
        if self.block < 1 or self.ratio <= 0 or self.delay < 0:
            raise TimingError(f"{self}: need block >= 1, ratio > 0, delay >= 0")
        if (self.block * self.ratio).denominator != 1:
            raise TimingError(f"{self}: a block must give a whole number of output frames")

    def then(self, after: Timing) -> Timing:
        """Timing of this layer followed by `after`.

        Raises: TimingError if the delay does not end on a frame of `after`; the message names
        the `Delay` to insert between the two.
        """
        out = int(self.block * self.ratio)
        block = self.block * (lcm(out, after.block) // out)
        delay = self.delay * after.ratio
        if delay.denominator != 1:
            missing = -self.delay % after.ratio.denominator
            raise TimingError(
                f"a delay of {self.delay} frames does not divide into a layer that keeps "
                f"{after.ratio} of them; insert Delay({missing}) before that layer"
            )
        return Timing(block, self.ratio * after.ratio, int(delay) + after.delay)

    def latency_frames(self) -> int:
        """Input frames between a frame's arrival and the output that describes it, at most."""
        return self.block - 1 + int(self.delay / self.ratio)
