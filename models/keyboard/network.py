"""The keyboard decoder's steps, from keystrokes to words.

    keys     a keystroke (B, n, INPUTS) -> (B, n, hidden)     convolution, GRU
    history  a word (B, n) -> (B, n, past)                    GRU over the words so far
    words    both (B, n, hidden + past) -> (B, n, labels)     attention over keystrokes, logits

`words` tells after every keystroke which word is being typed, and behind a word which one it was
and whether another hides in the same keystrokes. It is asked as often as there are candidates; what
it carries depends on the keystrokes alone.

Source: Ghosh and Kristensson 2017, arXiv:1709.06429 (characters by convolution and GRU, words by a
GRU with attention). Differs: all of it is causal; a word is told at its end, not after the
sentence; what does not depend on the keystrokes is a step of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgernn.cells.gru import GRU
from edgernn.keyboard.encoding import ENTER, INPUTS, encode
from edgernn.keyboard.typing import Keystroke
from edgernn.layers.activation import Activation
from edgernn.layers.attention import WindowAttention
from edgernn.layers.conv import Conv1d
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.models.keyboard import END, LABELS
from edgernn.models.keyboard.samples import labelled, samples
from edgernn.state import State
from edgernn.streaming import Sequential, Streaming

DEVIATION = 0.1  # of fresh vectors of words


class Labels(Streaming):
    """y = W x + b, of which the most frequent words, the others, and the end have parts of W.

    So compression may leave one part more bits than another: `common` words bear no four. While it
    is trained, W may be a sum with a `spelling`, which tells its part of some labels or of all.

    Shapes: x (B, T, size) -> y (B, T, labels); no state.
    """

    def __init__(self, size: int, labels: int, *, common: int) -> None:
        super().__init__()
        self.common = Linear(size, common)
        self.rare = Linear(size, labels - common - 1)
        self.end = Linear(size, 1)
        self.spelling: nn.Module | None = None

    def initial_state(self, batch: int) -> State:
        return ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if self.spelling is not None:
            return nn.functional.linear(x, *self.table()), ()
        return torch.cat([part.linear(x) for part in self._parts()], dim=-1), ()

    def table(self, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """W (labels, size) and b (labels,), of some labels or of all."""
        linear = [part.linear for part in self._parts()]
        weight = torch.cat([one.weight for one in linear])
        bias = torch.cat([one.bias for one in linear])
        if labels is not None:
            weight, bias = weight[labels], bias[labels]
        return weight if self.spelling is None else weight + self.spelling(labels), bias

    @torch.no_grad()
    def settle(self) -> None:
        """Make what it computes with its own weights, without a `spelling`."""
        weight, _ = self.table()
        self.spelling = None
        own = [part.linear.weight for part in self._parts()]
        for each, found in zip(own, torch.split(weight, [*map(len, own)]), strict=True):
            each.copy_(found)

    def _parts(self) -> tuple[Linear, Linear, Linear]:
        return self.common, self.rare, self.end


class Words(Streaming):
    """z = W relu(V [x; attention(x)] + a) + b, attending to the keystrokes' part of x.

    x: the vector of a keystroke and, behind it, that of the words so far, which only asks.

    Shapes: x (B, T, hidden + past) -> y (B, T, labels); state of a WindowAttention.
    """

    def __init__(
        self, hidden: int, past: int, *, joint: int, left: int, labels: int, common: int
    ) -> None:
        super().__init__()
        self.attention = WindowAttention(hidden, 1, left, width=joint, asking=past)
        self.mix = Linear(2 * hidden + past, joint)
        self.output = Labels(joint, labels, common=common)

    def initial_state(self, batch: int) -> State:
        return self.attention.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        attended, after = self.attention.step(x, state)
        return self.output.step(self.mixed(x, attended), ())[0], after

    def mixed(self, x: Tensor, attended: Tensor) -> Tensor:
        """What the logits are a map of, (..., joint)."""
        return torch.relu(self.mix.linear(torch.cat([x, attended], dim=-1)))


class Decoder(nn.Module):
    """The three steps together, for training: sentences at once, asked where their words end.

    dropout: of the vectors of keystrokes, of the words so far, and of what the logits are made of.
    """

    def __init__(
        self, keys: Streaming, history: Streaming, words: Words, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.keys, self.history, self.words = keys, history, words
        self.drop = nn.Dropout(dropout)

    def asked(self, keystrokes: Tensor, before: Tensor, at: Tensor, known: Tensor) -> Tensor:
        """What the logits are a map of, at keystrokes `at` with the first `known` words as known.

        Shapes: keystrokes (B, T, INPUTS), before (B, U) labels of words, at and known (B, M)
            -> (B, M, joint).
        """
        row = torch.arange(len(at), device=at.device)[:, None]
        typed, past = self.drop(self.keys(keystrokes)), self.drop(self.history(before))
        x = torch.cat([typed[row, at], past[row, known]], dim=2)
        made: Tensor = self.drop(self.words.mixed(x, self.words.attention.at(typed, x, at)))
        return made

    def foretold(self, words: Tensor) -> Tensor:
        """The same for each word from those before it alone, with nothing typed.

        Shapes: words (B, U) labels -> (B, U, joint).
        """
        begin = words.new_full((len(words), 1), END)
        past = self.drop(self.history(torch.cat([begin, words[:, :-1]], dim=1)))
        nothing = past.new_zeros(*words.shape, self.words.attention.channels)
        x = torch.cat([nothing, past], dim=2)
        made: Tensor = self.drop(self.words.mixed(x, nothing))
        return made


def decoder(
    *,
    embed: int = 48,
    channels: int = 128,
    hidden: int = 256,
    word: int = 96,
    past: int = 192,
    joint: int = 128,
    left: int = 48,
    dropout: float = 0.1,
    labels: int = LABELS,
    common: int = 5000,
) -> Decoder:
    """What is trained. left: keystrokes back that are attended to; word: size of its vector.

    common: the most frequent of the labels, see `Labels`.
    """
    keys = Sequential(
        embed=Linear(INPUTS, embed, bias=False),
        conv=Conv1d(embed, channels, 5),
        relu=Activation("relu"),
        rnn=GRU(channels, hidden),
    )
    history = Sequential(embed=Embedding(labels, word), rnn=GRU(word, past))
    vectors = history.get_submodule("embed.embedding")
    assert isinstance(vectors, nn.Embedding)
    nn.init.normal_(vectors.weight, std=DEVIATION)
    words = Words(hidden, past, joint=joint, left=left, labels=labels, common=common)
    return Decoder(keys, history, words, dropout)


def build(**sizes: Any) -> dict[str, Streaming]:
    """Every step, untrained. sizes: those of `decoder`."""
    made = decoder(**sizes)
    return {"keys": made.keys, "history": made.history, "words": made.words}


def examples() -> Iterator[NDArray[np.float32]]:
    """Sentences with slips as `keys` is given them, (1, n, INPUTS)."""
    for typed in samples():
        yield encode([*typed.keystrokes(), Keystroke(ENTER)])[None]


@torch.no_grad()
def fed(
    steps: Mapping[str, Streaming], streams: Sequence[NDArray[Any]]
) -> dict[str, list[NDArray[Any]]]:
    """What each step is given while the samples are typed; `words` once a keystroke."""
    given: dict[str, list[NDArray[Any]]] = {"keys": list(streams), "history": [], "words": []}
    for stream, typed in zip(streams, samples(), strict=False):
        before = torch.tensor([[END, *labelled(typed.intended)]])
        known = torch.from_numpy(typed.words).long()
        known = torch.cat([known, known[-1:] + 1])
        keystrokes = steps["keys"](torch.from_numpy(stream))
        past = steps["history"](before)[:, known]
        given["history"].append(before.numpy())
        given["words"].append(torch.cat([keystrokes, past], dim=2).numpy())
    return given
