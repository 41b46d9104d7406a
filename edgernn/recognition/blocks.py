"""The blocks that an encoder is a stack of, by family: x + f(norm(x)), once or twice.

    lstm          an LSTM
    mhssm         multi-head state spaces, then a feed-forward
    transformer   attention over a window that moves along, then a feed-forward

Heads have a width of their own, so that fewer of them are a slice of more.

Sources: Fathullah et al. 2023, arXiv:2305.12498 (state spaces in the place of attention); Zhang et
al. 2020, arXiv:2002.02562 (a Transformer of limited context). Differs: norms and sizes are ours.
"""

from __future__ import annotations

from collections.abc import Callable

from edgernn.cells.lstm import LSTM
from edgernn.cells.mhssm import MultiHeadSSM
from edgernn.layers.activation import Activation
from edgernn.layers.attention import WindowAttention
from edgernn.layers.dropout import Dropout
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.streaming import Residual, Sequential, Streaming

DT = (0.03, 0.5)  # heads that begin with memories of 4 to 67 frames of 80 ms
UNLIMITED = 128  # frames of left context: 10 s, longer than any utterance of AN4


def lstm(hidden: int, dropout: float) -> Streaming:
    """As many units as channels."""
    return _residual(hidden, dropout, rnn=LSTM(hidden, hidden))


def mhssm(
    hidden: int,
    dropout: float,
    *,
    heads: int = 8,
    width: int = 32,
    states: int = 4,
    feed: int = 256,
) -> Streaming:
    """heads: half of them gate the others. states: complex ones of each channel of a head."""
    heard = MultiHeadSSM(hidden, heads, width=width, states=states, dt=DT)
    return Sequential(
        mix=_residual(hidden, dropout, ssm=heard), feed=_feed_forward(hidden, dropout, feed)
    )


def transformer(
    hidden: int,
    dropout: float,
    *,
    heads: int = 4,
    width: int = 32,
    feed: int = 256,
    left: int = 16,
    ahead: int = 0,
) -> Streaming:
    """left, ahead: frames of 80 ms that each block attends to beside its own.

    What lies ahead is waited for in every block, so that delays add up. A `left` of UNLIMITED is
    more than any utterance has.
    """
    heard = WindowAttention(hidden, heads, left, ahead, width=width)
    return Sequential(
        mix=_residual(hidden, dropout, attention=heard), feed=_feed_forward(hidden, dropout, feed)
    )


FAMILIES: dict[str, Callable[..., Streaming]] = {
    "lstm": lstm,
    "mhssm": mhssm,
    "transformer": transformer,
}


def _feed_forward(hidden: int, dropout: float, feed: int) -> Residual:
    return _residual(
        hidden,
        dropout,
        up=Linear(hidden, feed),
        relu=Activation("relu"),
        down=Linear(feed, hidden),
    )


def _residual(hidden: int, dropout: float, **layers: Streaming) -> Residual:
    body = Sequential(norm=LayerNorm(hidden), **layers, drop=Dropout(dropout))
    return Residual(body, hidden)
