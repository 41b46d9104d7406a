"""Structurally constrained recurrent network: fast units beside slow ones of fixed memory."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.factored import product, read_weight
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class SCRNState(NamedTuple):
    """What an SCRN remembers: its fast units and its context."""

    h: Tensor  # (B, H)
    s: Tensor  # (B, S)


class SCRN(Streaming):
    """Fast units h that read a slow context s, which reads the input alone.

        s' = (1 - alpha) B x + alpha s;  h' = sigmoid(P s' + A x + R h);  y = (h', s')

    The paper's output U h' + V s' is a linear layer on y. alpha: between 0 and 1; with
    learned=True it is where one alpha a unit begins, which is the sigmoid of what is stored.

    Weights: `weight_is` is B, `weight_ih` A, `weight_sh` P and `weight_hh` R; they begin uniform
    within 1 / sqrt(their columns): our choice.

    Shapes: x (B, T, I) -> y (B, T, H + S); state h (B, H), s (B, S).
    Raises: ShapeError if x's last axis is not I, or for an alpha outside of 0 and 1.
    Source: Mikolov et al. 2014, arXiv:1412.7753.
    """

    layout = Layout(
        {
            "weight_ih": ("h", "in"),
            "weight_hh": ("h", "h"),
            "weight_is": ("s", "in"),
            "weight_sh": ("h", "s"),
        },
        kinds={
            "weight_ih": "input",
            "weight_hh": "recurrent",
            "weight_is": "input",
            "weight_sh": "recurrent",
        },
        sizes={"input_size": "in", "hidden_size": "h", "context_size": "s"},
        output="",
    )

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        context_size: int,
        *,
        alpha: float = 0.95,
        learned: bool = False,
    ) -> None:
        super().__init__()
        if not 0 < alpha < 1:
            raise ShapeError(f"SCRN: alpha {alpha:g}; need 0 < alpha < 1")
        self.input_size, self.hidden_size, self.context_size = input_size, hidden_size, context_size
        h, s, self.alpha = hidden_size, context_size, alpha
        self.weight_ih = nn.Parameter(torch.empty(h, input_size))
        self.weight_hh = nn.Parameter(torch.empty(h, h))
        self.weight_is = nn.Parameter(torch.empty(s, input_size))
        self.weight_sh = nn.Parameter(torch.empty(h, s))
        for weight in self.parameters():
            nn.init.uniform_(weight, -(weight.shape[1] ** -0.5), weight.shape[1] ** -0.5)
        self.logits = None
        if learned:
            self.logits = nn.Parameter(torch.full((s,), math.log(alpha / (1 - alpha))))

    def initial_state(self, batch: int) -> State:
        h, s = (self.new_zeros(batch, n) for n in (self.hidden_size, self.context_size))
        return SCRNState(h, s)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        alpha = self.alpha if self.logits is None else torch.sigmoid(self.logits)
        from_s, from_h = (read_weight(self, name) for name in ("weight_sh", "weight_hh"))

        def frame(own: tuple[Tensor, Tensor], state: SCRNState) -> tuple[Tensor, SCRNState]:
            s = (1 - alpha) * own[1] + alpha * state.s
            h = torch.sigmoid(own[0] + product(s, from_s) + product(state.h, from_h))
            return torch.cat([h, s], dim=1), SCRNState(h, s)

        fast = projected_frames(x, read_weight(self, "weight_ih"), None)
        slow = projected_frames(x, read_weight(self, "weight_is"), None)
        return fold_frames(frame, zip(fast, slow, strict=True), state)


EXAMPLES = {
    "fixed": Example(lambda: SCRN(8, 6, 4)),
    "learned": Example(lambda: SCRN(8, 6, 4, alpha=0.9, learned=True)),
}
