"""Graph-convolutional LSTM: each node of a graph hears the nodes some edges away."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgernn.cells.convlstm import NodeLSTM, NodeLSTMState, check_places
from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming

Adjacency = Tensor | Sequence[Sequence[float]]
ROW: Adjacency = ((0, 1, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1), (0, 0, 1, 0))  # four nodes in a row


class GCRN(Streaming):
    """An LSTM whose products are graph convolutions by Chebyshev polynomials of the Laplacian.

        heard(x) = [T_0 x, ..., T_{K-1} x];  T_0 = 1, T_1 = L, T_k = 2 L T_{k-1} - T_{k-2}
        L = 2 (1 - D^(-1/2) A D^(-1/2)) / lambda_max - 1

    The gates are those of `NodeLSTM`, with one peephole a channel. A frame holds node after node.
    adjacency: A, (P, P), the weights of edges, the same both ways, kept in the buffer `laplacian`
    as L. filters: K, so that a node hears those K - 1 edges away.

    Shapes: x (B, T, I) -> y (B, T, H), I and H those of all nodes; state h, c (B, P, H / P).
    Raises: ShapeError for an adjacency that is none, nodes that do not divide I and H, no filter,
        or x of another width.
    Source: Seo et al. 2016, arXiv:1612.07659 (model 2).
    """

    laplacian: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        adjacency: Adjacency = ROW,
        filters: int = 3,
    ) -> None:
        super().__init__()
        edges = edges_of("GCRN", adjacency)
        places = len(edges)
        check_places("GCRN", places, input_size, hidden_size)
        if filters < 1:
            raise ShapeError(f"GCRN: {filters} filters; need at least 1")
        self.input_size, self.hidden_size, self.filters = input_size, hidden_size, filters
        root = edges.sum(1).pow(-0.5)
        laplacian = torch.eye(places).double() - root[:, None] * edges * root
        most = torch.linalg.eigvalsh(laplacian)[-1]
        self.register_buffer(
            "laplacian", (2 * laplacian / most - torch.eye(places).double()).float()
        )
        self.lstm = NodeLSTM(input_size // places, hidden_size // places, times=filters, places=1)

    def initial_state(self, batch: int) -> State:
        places = len(self.laplacian)
        h = self.new_zeros(batch, places, self.hidden_size // places)
        return NodeLSTMState(h, torch.zeros_like(h))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        nodes = x.reshape(*x.shape[:2], len(self.laplacian), -1)
        y, after = self.lstm(nodes, state, self._heard)
        return y.reshape(*x.shape[:2], self.hidden_size), after

    def _heard(self, x: Tensor) -> Tensor:
        terms = [x]
        for k in range(1, self.filters):
            far = torch.matmul(self.laplacian, terms[-1])
            terms.append(far if k == 1 else 2 * far - terms[-2])
        return torch.cat(terms, dim=-1)


def edges_of(name: str, adjacency: Adjacency) -> Tensor:
    """An adjacency in double precision. Raises: ShapeError for one that is none."""
    edges = torch.as_tensor(adjacency, dtype=torch.float64)
    if edges.dim() != 2 or edges.shape[0] != edges.shape[1]:
        raise ShapeError(f"{name}: an adjacency of {tuple(edges.shape)}; need (nodes, nodes)")
    if not (edges >= 0).all() or not torch.equal(edges, edges.T) or edges.diagonal().any():
        raise ShapeError(f"{name}: edges must weigh 0 or more, the same both ways, none to itself")
    if not edges.any(1).all():
        alone = int((~edges.any(1)).nonzero()[0])
        raise ShapeError(f"{name}: node {alone} has no edge; leave it out")
    return edges


EXAMPLES = {
    "default": Example(lambda: GCRN(8, 12)),
    "weighted": Example(
        lambda: GCRN(8, 4, adjacency=torch.tensor([[0.0, 2.5], [2.5, 0.0]]), filters=4)
    ),
}
