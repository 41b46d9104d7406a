"""Element-wise LSTM, whose exact gradient can be carried forward frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.frames import join_frames, need_frames, split_frames
from edgernn.layers.linear import Linear
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class ELSTMState(NamedTuple):
    """What an eLSTM remembers: its cell."""

    c: Tensor  # (B, H)


class Traces(NamedTuple):
    """How the cell depends on each weight of f and z, over all frames so far."""

    weight: Tensor  # (B, 2H, I)
    bias: Tensor  # (B, 2H)
    own: Tensor  # (B, 2H)


class ELSTM(Streaming):
    """A cell that its gates hear element by element; rows of `gates` in the order f, z.

        f = sigmoid(W_f x + w_f * c + b_f);  z = tanh(W_z x + w_z * c + b_z)
        c' = f * c + (1 - f) * z;  o = sigmoid(W_o [x, c'] + b_o);  h = o * c'

    A weight of unit i moves the cell of unit i alone, so real-time recurrent learning needs one
    number a weight: `learn` gives the gradient of backpropagation through all frames so far
    without keeping any. It is exact while the weights stand still.

    Weights begin as torch's linear layers, `own` uniform within 1 / sqrt(H) (our choice).

    Shapes: x (B, T, I) -> y (B, T, H); state c (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Irie et al. 2023, arXiv:2305.19044.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.gates = Linear(input_size, 2 * hidden_size)
        self.output = Linear(input_size + hidden_size, hidden_size)
        bound = hidden_size**-0.5
        self.own = nn.Parameter(torch.empty(2 * hidden_size).uniform_(-bound, bound))

    def initial_state(self, batch: int) -> State:
        return ELSTMState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        c, cs = state.c, []
        for gates in split_frames(self.gates.step(x, ())[0]):
            f, z = self._gates(gates, c)
            c = z + f * (c - z)
            cs.append(c)
        return self._output(x, join_frames(cs)), ELSTMState(c)

    def _gates(self, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        forget, new = (gates + self.own * torch.cat([c, c], dim=1)).chunk(2, dim=1)
        return torch.sigmoid(forget), torch.tanh(new)

    def _output(self, x: Tensor, c: Tensor) -> Tensor:
        return torch.sigmoid(self.output.step(torch.cat([x, c], dim=-1), ())[0]) * c

    def initial_traces(self, batch: int) -> Traces:
        """Those before the first frame: nothing depends on a weight yet."""
        rows = 2 * self.hidden_size
        zeros = self.new_zeros(batch, rows)
        return Traces(self.new_zeros(batch, rows, self.input_size), zeros, torch.zeros_like(zeros))

    def learn(
        self, x: Tensor, state: State, traces: Traces, loss: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, State, Traces]:
        """Step one frame and add the gradients of its loss to `.grad`; x (B, 1, I).

        loss: of y (B, 1, H), a number. Gives y, the state and the traces, all without a graph.
        """
        c, traces = self._traced(x.squeeze(1), state.c, traces)
        c.requires_grad_()
        with torch.enable_grad():
            y = self._output(x, c.unsqueeze(1))
            torch.autograd.backward(loss(y))  # the weights of o, and c
        assert c.grad is not None
        pull = c.grad.repeat(1, 2)
        linear = self.gates.linear
        _add(linear.weight, torch.einsum("br,bri->ri", pull, traces.weight))
        _add(linear.bias, (pull * traces.bias).sum(0))
        _add(self.own, (pull * traces.own).sum(0))
        return y.detach(), ELSTMState(c.detach()), traces

    @torch.no_grad()
    def _traced(self, x: Tensor, c: Tensor, traces: Traces) -> tuple[Tensor, Traces]:
        """The cell after a frame (B, I), and how it depends on the weights of f and z."""
        f, z = self._gates(self.gates.linear(x), c)
        by_f, by_z = (c - z) * f * (1 - f), (1 - f) * (1 - z * z)
        own_f, own_z = self.own.chunk(2)
        fade = (f + by_f * own_f + by_z * own_z).repeat(1, 2)  # of the cell before
        now = torch.cat([by_f, by_z], dim=1)
        after = Traces(
            fade.unsqueeze(2) * traces.weight + now.unsqueeze(2) * x.unsqueeze(1),
            fade * traces.bias + now,
            fade * traces.own + now * c.repeat(1, 2),
        )
        return z + f * (c - z), after


def _add(parameter: Tensor, gradient: Tensor) -> None:
    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


EXAMPLES = {"default": Example(lambda: ELSTM(8, 6))}
