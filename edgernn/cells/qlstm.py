"""Quantum LSTM: an LSTM whose gates are measured on small quantum circuits, simulated exactly."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.factored import product, read_weight
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layers.circuit import Circuit
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class QLSTMState(NamedTuple):
    """What a quantum LSTM remembers: what it hears of itself, and the cell."""

    h: Tensor  # (B, H)
    c: Tensor  # (B, H)


class QLSTM(Streaming):
    """An LSTM by six circuits Q of n qubits each; rows and circuits in the order f, i, g, o.

        f, i, g, o = V_j Q_j(W_j x + U_j h + b_j) + d_j, j of f, i, g, o
        c' = sigmoid(f) c + sigmoid(i) tanh(g);  m = sigmoid(o) tanh(c')
        h' = V_h Q_h(W_h m + b_h) + d_h;  y = V_y Q_y(W_y m + b_y) + d_y

    Q gives the mean of Z of each qubit, see `Circuit`. The amplitudes stay in floating point
    whatever the products' type.

    Weights: `weight_ih` (4 n, I), `weight_hh` (4 n, H), `bias_gates` (4 n,); `weight_mh` (2 n, H),
    `bias_outputs` (2 n,), of h and y; `measured` (6, n, H) and `offset` (6, H), V and d of all six.

    Shapes: x (B, T, I) -> y (B, T, H); state h, c (B, H).
    Raises: as `Circuit`; ShapeError if x's last axis is not I.
    Source: Chen et al. 2020, arXiv:2009.01783. Our choice: the products W, U, V around circuits, so
        that sizes are free; in the paper each qubit is one channel of x or h.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, qubits: int = 4, depth: int = 2
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.qubits = input_size, hidden_size, qubits
        self.gates, self.outputs = Circuit(qubits, depth, 4), Circuit(qubits, depth, 2)
        self.weight_ih = nn.Parameter(torch.empty(4 * qubits, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * qubits, hidden_size))
        self.weight_mh = nn.Parameter(torch.empty(2 * qubits, hidden_size))
        for weight in (self.weight_ih, self.weight_hh, self.weight_mh):
            nn.init.xavier_uniform_(weight)
        self.bias_gates = nn.Parameter(torch.zeros(4 * qubits))
        self.bias_outputs = nn.Parameter(torch.zeros(2 * qubits))
        self.measured = nn.Parameter(torch.empty(6, qubits, hidden_size))
        nn.init.uniform_(self.measured, -(qubits**-0.5), qubits**-0.5)
        self.offset = nn.Parameter(torch.zeros(6, hidden_size))

    def initial_state(self, batch: int) -> State:
        h, c = (self.new_zeros(batch, self.hidden_size) for _ in range(2))
        return QLSTMState(h, c)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        weight_hh, weight_mh = (read_weight(self, name) for name in ("weight_hh", "weight_mh"))
        by_gates, by_outputs = self.gates.turned(), self.outputs.turned()

        def frame(own: Tensor, state: QLSTMState) -> tuple[Tensor, QLSTMState]:
            z = self.gates.measured(own + product(state.h, weight_hh), by_gates)
            f, i, g, o = self._channels(z, slice(0, 4)).unbind(1)
            c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(g)
            m = torch.sigmoid(o) * torch.tanh(c)
            z = self.outputs.measured(product(m, weight_mh, self.bias_outputs), by_outputs)
            h, y = self._channels(z, slice(4, 6)).unbind(1)
            return y, QLSTMState(h, c)

        own = projected_frames(x, read_weight(self, "weight_ih"), self.bias_gates)
        return fold_frames(frame, own, state)

    def _channels(self, z: Tensor, of: slice) -> Tensor:
        """What is measured on some circuits as channels: (B, count n) -> (B, count, H)."""
        rows = z.reshape(len(z), -1, 1, self.qubits)
        return torch.matmul(rows, self.measured[of].unsqueeze(0)).squeeze(2) + self.offset[of]


EXAMPLES = {
    "default": Example(lambda: QLSTM(8, 6)),
    "few_qubits": Example(lambda: QLSTM(8, 3, qubits=2, depth=1)),
}
