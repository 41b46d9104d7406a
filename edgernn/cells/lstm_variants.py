"""The LSTM with peepholes, and the eight variants that take one thing out of it or put one in."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.cells.lstm import LSTMState
from edgernn.errors import UnknownName
from edgernn.factored import product, read_weight
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming

VARIANTS = {  # the gates that each one has weights for
    "vanilla": "ifo",
    "no_input_gate": "fo",
    "no_forget_gate": "io",
    "no_output_gate": "if",
    "no_input_activation": "ifo",
    "no_output_activation": "ifo",
    "coupled_gates": "io",
    "no_peepholes": "ifo",
    "full_gate_recurrence": "ifo",
}


class GatesLSTMState(NamedTuple):
    """What an LSTM remembers whose gates read the last gates."""

    h: Tensor  # (B, H)
    c: Tensor  # (B, H)
    gates: Tensor  # (B, 3 H): i, f, o


class PeepholeLSTM(Streaming):
    """LSTM with peepholes; rows of the weights in the order z, then those of i, f, o that exist.

        z = tanh(W_z x + R_z h + b_z)
        i = sigmoid(W_i x + R_i h + p_i * c + b_i);  f = sigmoid(W_f x + R_f h + p_f * c + b_f)
        c' = z * i + c * f;  o = sigmoid(W_o x + R_o h + p_o * c' + b_o);  h' = tanh(c') * o

    variant:
        no_input_gate, no_forget_gate, no_output_gate   i = 1, f = 1, o = 1
        no_input_activation, no_output_activation       z, c' without tanh
        coupled_gates                                   f = 1 - i
        no_peepholes                                    p = 0
        full_gate_recurrence                            gates + R_g (i, f, o of the last frame)

    Without a forget gate the cell only adds: it may grow for as long as it runs, and no integer
    state holds it for long.

    Shapes: x (B, T, I) -> y (B, T, H); state h, c (B, H), with full gate recurrence also
        gates (B, 3 H).
    Raises: UnknownName for another variant; ShapeError if x's last axis is not I.
    Source: Greff et al. 2015, arXiv:1503.04069; all begin normal with a deviation of 0.1, as there.
    """

    def __init__(self, input_size: int, hidden_size: int, variant: str = "vanilla") -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise UnknownName("variant", variant, VARIANTS)
        self.input_size, self.hidden_size, self.variant = input_size, hidden_size, variant
        self.gates = VARIANTS[variant]
        gates, n = len(self.gates), hidden_size
        self.weight_ih = nn.Parameter(torch.empty((1 + gates) * n, input_size))
        self.weight_hh = nn.Parameter(torch.empty((1 + gates) * n, n))
        self.bias = nn.Parameter(torch.empty((1 + gates) * n))
        rows = f"{1 + gates} h"
        tensors = {"weight_ih": (rows, "in"), "weight_hh": (rows, "h"), "bias": (rows,)}
        kinds = {"weight_ih": "input", "weight_hh": "recurrent"}
        if variant != "no_peepholes":
            self.peepholes = nn.Parameter(torch.empty(gates * n))
            tensors["peepholes"] = (f"{gates} h",)
        self.reads_gates = variant == "full_gate_recurrence"
        if self.reads_gates:
            self.weight_gg = nn.Parameter(torch.empty(gates * n, gates * n))
            tensors["weight_gg"] = (f"{gates} h", f"{gates} h")
            kinds["weight_gg"] = "recurrent"
        sizes = {"input_size": "in", "hidden_size": "h"}
        self.layout = Layout(tensors, kinds, sizes, units=("h",), output="h")
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.1)

    def initial_state(self, batch: int) -> State:
        h, c = (self.new_zeros(batch, self.hidden_size) for _ in "hc")
        if not self.reads_gates:
            return LSTMState(h, c)
        return GatesLSTMState(h, c, self.new_zeros(batch, len(self.gates) * self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        frames = projected_frames(x, read_weight(self, "weight_ih"), self.bias)
        weight, n = read_weight(self, "weight_hh"), self.hidden_size
        of_gates = read_weight(self, "weight_gg") if self.reads_gates else None

        def frame(own: Tensor, state: State) -> tuple[Tensor, State]:
            own = own + product(state.h, weight)
            z, sums = own[:, :n], own[:, n:]
            if of_gates is not None:
                sums = sums + product(state.gates, of_gates)
            return self._frame(z, sums, state.c)

        return fold_frames(frame, frames, state)

    def _frame(self, z: Tensor, sums: Tensor, c: Tensor) -> tuple[Tensor, State]:
        if self.variant != "no_input_activation":
            z = torch.tanh(z)
        i, f = self._gate("i", sums, c), self._gate("f", sums, c)
        if self.variant == "coupled_gates":
            f = 1 - i
        c = z * i + c * f
        o = self._gate("o", sums, c)
        h = (c if self.variant == "no_output_activation" else torch.tanh(c)) * o
        if not self.reads_gates:
            return h, LSTMState(h, c)
        return h, GatesLSTMState(
            h, c, torch.cat([g for g in (i, f, o) if isinstance(g, Tensor)], dim=1)
        )

    def _gate(self, name: str, sums: Tensor, c: Tensor) -> Tensor | float:
        """One of i, f, o from the sums of all and the cell; 1 if the variant has none."""
        if name not in self.gates:
            return 1.0
        at = self.gates.index(name)
        rows = slice(at * self.hidden_size, (at + 1) * self.hidden_size)
        own = sums[:, rows]
        if self.variant != "no_peepholes":
            own = own + self.peepholes[rows] * c
        return torch.sigmoid(own)


def _example(variant: str) -> Example:
    return Example(lambda: PeepholeLSTM(8, 6, variant))


EXAMPLES = {variant: _example(variant) for variant in VARIANTS}
