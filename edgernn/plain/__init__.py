"""A plain torch module as a step that streams, with the same weights.

    net = edgernn.streamify(Tagger(), torch.randn(1, 200, 40))
    print(net.receptive_field, net.lookahead, net.timing.latency_frames())

The module's forward is traced, its layers along time become layers that carry a state, everything
else is done frame by frame. Proven on the example: the streaming law, and that the module itself
gives the same numbers. What cannot stream is refused by name, with what to do instead.
"""

from __future__ import annotations

import copy
from math import lcm, prod

import torch
from torch import Tensor, nn

from edgernn.errors import DataError, ParityError
from edgernn.layout import sort_of
from edgernn.plain.build import Building
from edgernn.plain.network import Streamified, into
from edgernn.plain.rules import RULES
from edgernn.plain.trace import Traced, traced
from edgernn.plain.values import Frames, Rows
from edgernn.testing import check_streaming, first_difference
from edgernn.timing import Timing

CLOSE = 1e-4  # of the largest number
PREFIXES = 4  # lengths at which what a recording comes to is compared


def streamify(
    module: nn.Module,
    example: Tensor,
    *,
    frames: int = 1,
    delay: int = 0,
    mean: float | str | None = None,
    chunk: tuple[int, int] | None = None,
) -> Streamified:
    """The module as a Streaming: one frame, or block, in, one out, with the state between them.

    What takes the last frame, a maximum or an attention over all frames gives, at every frame, what
    the module would if the recording ended there.

    example: a recording of real or random input, (batch, frames, channels) or tokens (batch,
        frames); longer than any layer sees. frames: the axis of frames, 2 for (batch, channels,
        frames), 0 for (frames, batch, channels). delay: input frames by which the output may come
        late, for layers that see as many ahead. mean: what a mean over all frames becomes: "so
        far", the mean of those until then, or the rate of an exponential mean. chunk: how many
        frames a bidirectional layer reads at a time, and how many ahead (`Chunked`). Both of these
        make another network of the module, so that only the law is proven.

    Raises:
        UnsupportedOp: names the layer, why it cannot stream and what to do.
        ModelError: for a forward that tracing does not reach.
        DataError: for an example that cannot be.
        ContractError, ParityError: if the proof fails.
    """
    if isinstance(mean, str) and mean != "so far":
        raise DataError(f'streamify: mean {mean!r}; need "so far", a rate, or None')
    given = traced(module, example, frames)
    make = Building(given, delay, mean, chunk)
    made = make.build(RULES)
    assert isinstance(made, (Frames, Rows))
    tokens = not given.x.is_floating_point()
    channels = 0 if tokens else prod(make.given.rest) if given.x.dim() == 3 else -1
    net = Streamified(
        given.network,
        make.between,
        make.needed(made),
        make.given,
        made,
        _timing(make, made),
        channels,
    ).eval()
    _prove(module, net, given, make.exact)
    return net.train(module.training)


def _timing(make: Building, made: Frames | Rows) -> Timing:
    streams = [value for value in make.values.values() if isinstance(value, Frames)]
    block = lcm(*make.blocks, *(value.ratio.denominator for value in streams))
    return Timing(block, made.ratio, max(0, made.delay))


def _prove(module: nn.Module, net: Streamified, given: Traced, exact: bool) -> None:
    """The law on the example, and the module's numbers if they are the same network's.

    Raises: ContractError, ParityError.
    """
    x = into(given.x, given.batch, given.frames)
    x = x.unsqueeze(-1) if net.channels < 0 else x
    block = net.timing.block
    x = x[:, : x.shape[1] // block * block]
    check_streaming(net, x, atol=CLOSE)
    if not exact:
        return
    judged = copy.deepcopy(module).eval()
    with torch.no_grad():
        told = net(x)
        if isinstance(net.made, Frames):
            whole = into(given.whole[given.output], net.made.batch, net.made.frames)
            whole = whole.reshape(*whole.shape[:2], -1)
            count = min(whole.shape[1], told.shape[1] - net.timing.delay)
            _compare(module, told[:, net.timing.delay :][:, :count], whole[:, :count])
            return
        ratio = net.timing.ratio
        for part in range(1, PREFIXES + 1):
            frames = x.shape[1] * part // PREFIXES // block * block
            at = int(frames * ratio) - 1
            if at < net.made.delay:
                continue
            want = judged(given.x.narrow(given.frames, 0, frames))
            want = want.movedim(net.made.batch, 0).reshape(len(x), 1, -1)
            _compare(module, told[:, at : at + 1], want, frames)


def _compare(module: nn.Module, told: Tensor, want: Tensor, frames: int = 0) -> None:
    found = first_difference(told, want, CLOSE)
    if found is not None:
        raise ParityError(
            f"streamify: {sort_of(module)} gives other numbers than its step from frame "
            f"{frames or found[0]} on, by {found[1]:.3g} at most; this is a fault of streamify's"
        )
