"""EvolveGCN: a graph convolution whose weights are the state of a recurrence."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.cells.convlstm import check_places
from edgernn.cells.gcrn import ROW, Adjacency, edges_of
from edgernn.errors import UnknownName
from edgernn.frames import fold_frames, need_frames, split_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming

FORMS = ("H", "O")


class EvolvedState(NamedTuple):
    """The weights as a GRU left them."""

    weight: Tensor  # (B, H', I'), of a node


class EvolvedOutputState(NamedTuple):
    """The weights as an LSTM left them, which are its output, and its cell."""

    weight: Tensor  # (B, H', I')
    cell: Tensor  # (B, H', I')


class EvolveGCN(Streaming):
    """y[t] = relu(A X[t] W[t]), with weights W that a recurrence changes from frame to frame.

        form "H": W' = GRU(Z, W), Z the H' nodes of highest score X s / |s|, each times its tanh
        form "O": W' = LSTM(W, W), of the weights alone

    Both are of matrices: each column of W is a hidden state, with biases of its own. A frame holds
    node after node; A is the adjacency with each node's edge to itself, D^(-1/2) (A + 1) D^(-1/2).
    Of fewer than H' nodes the last in rank stands for those that lack.

    Biases begin at 0, where "O" lets W fade to nothing until they are trained.

    Weights: `weight` (H', I') are those of the first frame, W transposed; `read` and `recur` hold
    the gates, rows in the order update, reset, new of "H", whose last is `renew`, and i, f, g, o
    of "O".

    Shapes: x (B, T, I) -> y (B, T, H), I' = I / nodes and H' = H / nodes; state weight (B, H', I'),
        with "O" also cell.
    Raises: ShapeError for an adjacency that is none, nodes that do not divide I and H, or x of
        another width; UnknownName for another form.
    Source: Pareja et al. 2019, arXiv:1902.10191. Differs: one graph for all frames; ranks by
        comparing all scores, so that a step has no order that data decides.
    """

    adjacency: Tensor
    earlier: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        adjacency: Adjacency = ROW,
        form: str = "H",
    ) -> None:
        super().__init__()
        edges = edges_of("EvolveGCN", adjacency)
        nodes = len(edges)
        check_places("EvolveGCN", nodes, input_size, hidden_size)
        if form not in FORMS:
            raise UnknownName("form", form, FORMS)
        edges = edges + torch.eye(nodes)
        root = edges.sum(1).pow(-0.5)
        self.register_buffer("adjacency", (root[:, None] * edges * root).float())
        self.register_buffer("earlier", torch.ones(nodes, nodes).tril(-1))
        self.input_size, self.hidden_size, self.form = input_size, hidden_size, form
        reads, told = input_size // nodes, hidden_size // nodes
        gates = 3 if form == "H" else 4
        self.weight = nn.Parameter(torch.empty(told, reads).uniform_(-1, 1) * told**-0.5)
        self.read = nn.Linear(reads, gates * reads, bias=False)
        self.recur = nn.Linear(reads, (gates if form == "O" else 2) * reads, bias=False)
        self.biases = nn.Parameter(torch.zeros(told, gates * reads))
        if form == "H":
            self.renew = nn.Linear(reads, reads, bias=False)
            self.score = nn.Parameter(torch.empty(reads).uniform_(-1, 1) * reads**-0.5)

    def initial_state(self, batch: int) -> State:
        weight = self.weight + self.new_zeros(batch, *self.weight.shape)
        if self.form == "H":
            return EvolvedState(weight)
        return EvolvedOutputState(weight, torch.zeros_like(weight))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        evolved = self._by_nodes if self.form == "H" else self._by_itself

        def frame(nodes: Tensor, state: State) -> tuple[Tensor, State]:
            after = evolved(nodes, state)
            told = torch.matmul(nodes, after.weight.transpose(1, 2))
            return torch.relu(torch.matmul(self.adjacency, told)), after

        nodes = x.reshape(*x.shape[:2], len(self.adjacency), -1)
        y, after = fold_frames(frame, split_frames(nodes), state)
        return y.reshape(*x.shape[:2], self.hidden_size), after

    def _by_nodes(self, nodes: Tensor, state: EvolvedState) -> EvolvedState:
        w, n = state.weight, self.weight.shape[1]
        made = self.read(self._highest(nodes)) + self.biases
        update, reset = torch.sigmoid(made[..., : 2 * n] + self.recur(w)).chunk(2, dim=-1)
        new = torch.tanh(made[..., 2 * n :] + self.renew(reset * w))
        return EvolvedState(w + update * (new - w))

    def _by_itself(self, nodes: Tensor, state: EvolvedOutputState) -> EvolvedOutputState:
        made = self.read(state.weight) + self.recur(state.weight) + self.biases
        i, f, g, o = made.chunk(4, dim=-1)
        cell = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        return EvolvedOutputState(torch.sigmoid(o) * torch.tanh(cell), cell)

    def _highest(self, nodes: Tensor) -> Tensor:
        """The H' nodes of highest score, from the highest on: (B, nodes, I') -> (B, H', I')."""
        score = (nodes * self.score).sum(-1) / torch.sqrt((self.score * self.score).sum())
        mine, other = score.unsqueeze(2), score.unsqueeze(1)
        one = torch.ones_like(other - mine)
        above = torch.where(other > mine, one, 0 * one)
        level = torch.where(other >= mine, one, 0 * one)  # of equals the first in order is higher
        rank = (above + self.earlier * (level - above)).sum(-1)
        places = torch.arange(len(self.weight)).clamp(max=nodes.shape[1] - 1).to(nodes)
        chosen = torch.relu(1 - (rank.unsqueeze(1) - places[:, None]).abs())
        return torch.matmul(chosen, nodes * torch.tanh(score).unsqueeze(2))


PAIR = ((0, 1), (1, 0))
EXAMPLES = {
    "H": Example(lambda: EvolveGCN(8, 4, adjacency=PAIR)),
    "O": Example(lambda: EvolveGCN(8, 12, adjacency=PAIR, form="O")),
    "few_nodes": Example(lambda: EvolveGCN(8, 8, adjacency=PAIR)),
}
