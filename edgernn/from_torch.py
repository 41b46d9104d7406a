"""torch's own layers as layers of ours: the same weights to the bit, and a step.

    net = Sequential(
        embed=from_torch(mine.embed), rnn=from_torch(mine.rnn), head=from_torch(mine.head)
    )

A stack of recurrent layers becomes a `Sequential` of cells, `l0`, `l1`, ..., whose state has a leaf
for each. It refuses what no step gives: a direction that reads a stream from its end.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.errors import UnsupportedOp
from edgernn.factored import TWINS, Factored, factor
from edgernn.layers.dropout import Dropout
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.layout import sort_of
from edgernn.streaming import Sequential, Streaming

TAKEN = (nn.RNN, nn.GRU, nn.LSTM, nn.Linear, nn.Embedding)


def from_torch(layer: nn.Module, name: str = "") -> Streaming:
    """A layer of ours that computes what torch's does, from copies of its weights.

    layer: nn.RNN, nn.GRU, nn.LSTM, nn.Linear or nn.Embedding, in factors or not. Cells read
        (batch, frames, channels) even where the layer's batch_first is False, begin at zero, and
        give outputs alone: what was `y, _ = rnn(x)` is `y = rnn(x)`.
    name: of the layer in its network, for what is refused.

    Raises: UnsupportedOp, naming the layer, if it is of another class, bidirectional, or has masks
        or rounding on its weights.
    """
    called = sort_of(layer)
    where = f"{name} ({called})" if name else called
    if any(parametrize.is_parametrized(part) for part in layer.modules()):
        raise UnsupportedOp(
            f"{where}: masks or rounding lie on its weights; "
            "edgernn.compress.parametrized.bake(network) first makes them plain"
        )
    if type(layer) not in {*TAKEN, *(TWINS[sort] for sort in TAKEN if sort in TWINS)}:
        known = ", ".join(f"nn.{sort.__name__}" for sort in TAKEN)
        raise UnsupportedOp(
            f"{where}: from_torch takes {known} themselves; write any other as a Streaming of yours"
        )
    made = _made(layer, where)
    return made.train(layer.training)


def _made(layer: nn.Module, where: str) -> Streaming:
    if isinstance(layer, nn.Linear):
        linear = Linear(1, 1)
        linear.linear = copy.deepcopy(layer)
        return linear
    if isinstance(layer, nn.Embedding):
        if layer.max_norm is not None:
            raise UnsupportedOp(
                f"{where}: max_norm changes the weights as they are read; set it to None"
            )
        embedding = Embedding(1, 1)
        embedding.embedding = copy.deepcopy(layer)
        return embedding
    assert isinstance(layer, nn.RNNBase)
    if layer.bidirectional:
        raise UnsupportedOp(
            f"{where}: bidirectional reads a stream from its end; a step needs a layer with "
            "bidirectional=False, trained so"
        )
    if layer.num_layers == 1:
        return cell_of(layer, 0)
    children: dict[str, Streaming] = {}
    for at in range(layer.num_layers):
        children[f"l{at}"] = cell_of(layer, at)
        if layer.dropout and at < layer.num_layers - 1:
            children[f"dropout{at}"] = Dropout(layer.dropout)
    return Sequential(**children)


def cell_of(rnn: nn.RNNBase, at: int, *, reverse: bool = False) -> Streaming:
    """One layer of a stack, or its other direction, as a cell of ours.

    It is built without numbers, so that no random one is drawn.
    """
    inputs = rnn.input_size if at == 0 else rnn.proj_size or rnn.hidden_size
    inputs *= 2 if rnn.bidirectional and at else 1
    suffix = f"_l{at}_reverse" if reverse else f"_l{at}"
    cell: GRU | LSTM | RNN
    with torch.device("meta"):
        if isinstance(rnn, nn.GRU):
            cell = GRU(inputs, rnn.hidden_size, bias=rnn.bias)
        elif isinstance(rnn, nn.LSTM):
            cell = LSTM(inputs, rnn.hidden_size, bias=rnn.bias, proj_size=rnn.proj_size)
        else:
            assert isinstance(rnn, nn.RNN)
            cell = RNN(inputs, rnn.hidden_size, bias=rnn.bias, nonlinearity=rnn.nonlinearity)
    for name in [name for name, _ in cell.rnn.named_parameters()]:
        weight: Any = getattr(rnn, name.replace("_l0", suffix))
        if isinstance(weight, Factored):
            factor(cell.rnn, name, copy.deepcopy(weight))
        else:
            setattr(cell.rnn, name, copy.deepcopy(weight))
    return cell
