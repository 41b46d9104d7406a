"""Networks of the zoo's tasks: any unit in one frame, as wide as so many parameters allow.

    what reads -> 2 x [x + W_out unit(W_in LayerNorm(x))] -> LayerNorm -> classes

All are `width` wide, W_in is there where a unit reads another width. The frame is the same for all,
so that a unit whose channels do not mix is judged with products around it, as it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import torch

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.streaming import Residual, Sequential, Streaming
from edgernn.zoo import fresh, input_channels, unit_classes

BLOCKS = 2
GRAIN, WIDEST = 8, 512  # widths are multiples: heads have to divide them


def framed(unit: str, width: int, classes: int, **reads: Streaming) -> Sequential:
    """The network around a unit, by its class name; reads: gives frames of this width.

    Raises: ShapeError for a unit that looks ahead or changes the frame rate.
    """
    (sort,) = unit_classes([unit])
    blocks = {f"block{k}": Residual(_block(sort, width), width) for k in range(BLOCKS)}
    head = Linear(width, classes)
    return Sequential(**reads, **blocks, last=LayerNorm(width), head=head)


def _block(sort: type[Streaming], width: int) -> Sequential:
    unit, channels = fresh(sort, width), input_channels(sort, width)
    if unit.timing.delay or unit.timing.block != 1 or unit.timing.ratio != 1:
        raise ShapeError(f"{sort.__name__}: {unit.timing}; need an answer for each frame at once")
    with torch.no_grad():
        made = unit(torch.zeros(1, 1, channels)).shape[2]
    into = {} if channels == width else {"into": Linear(width, channels)}
    return Sequential(norm=LayerNorm(width), **into, unit=unit, out=Linear(made, width))


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def width_for(build: Callable[[int], torch.nn.Module], budget: int) -> int:
    """The width whose network is nearest to so many parameters."""
    low, high = 1, WIDEST // GRAIN
    while low < high:
        middle = (low + high) // 2
        if parameters(build(GRAIN * middle)) < budget:
            low = middle + 1
        else:
            high = middle
    found = {}
    for width in (GRAIN * (low - 1), GRAIN * low - GRAIN // 2, GRAIN * low):
        with suppress(ShapeError):  # not every unit's heads divide the one in the middle
            found[width] = abs(parameters(build(width)) - budget) if width else budget
    return min(found, key=lambda width: found[width])
