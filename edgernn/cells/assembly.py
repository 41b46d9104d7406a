"""An RNN of RNNs: small stable networks, joined so that the whole is stable whatever it learns."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.factored import product, read_weight, whole
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming

RADIUS = 0.9  # spectral radius of each network's |R|; below 1 it is stable. Our choice


class AssemblyState(NamedTuple):
    """What an assembly remembers: the units of all its networks."""

    h: Tensor  # (B, nets * width)


class StableAssembly(Streaming):
    """Networks that stay as drawn, sparse and stable, with feedback between them that learns.

        h' = h + dt (R relu(h) - h + L h + W x + b);  R = diag(R_1, ..., R_n)
        L = P^-1/2 (B - B^T) P^1/2,  B of blocks B_ij between networks i > j

    P is a diagonal metric in which every network contracts: v / u with (I - |R|) u = 1 and
    (I - |R|)^T v = 1. What L adds is skew in it, so in continuous time the assembly contracts
    for every B. So do its steps while dt (|R| + 1 + |B - B^T|)^2 stays below twice that rate.

    density: the share of the weights of R that are not zero, even between -1 and 1 before each R_i
    is scaled to a radius of |R_i| of 0.9. B begins at 0: the networks are apart.

    Weights: `feedback` (n (n - 1) / 2 * width, width) holds B_10, B_20, B_21, ...; `inner`
    (nets * width, width) holds R and does not learn; `metric` is a buffer.

    Shapes: x (B, T, I) -> y (B, T, nets * width); state h (B, nets * width).
    Raises: ShapeError if x's last axis is not I, for fewer than two networks, no width, a density
        outside of 0 and 1 or a dt outside of 0 and 1.
    Source: Kozachkov et al. 2022, arXiv:2106.08928 (sparse combo net, theorem 1). Differs: R is
        scaled to be stable, where the paper draws until it is; B is stored as it is in the metric,
        where the paper's L = B - P^-1 B^T P; W begins as in torch's linear layer.
    """

    metric: Tensor
    layout = Layout(
        {"weight_ih": ("", "in"), "feedback": ("", "")},
        kinds={"weight_ih": "input", "feedback": "recurrent"},
        sizes={"input_size": "in"},
        output="",
    )

    def __init__(
        self,
        input_size: int,
        width: int,
        nets: int,
        *,
        density: float = 0.2,
        dt: float = 0.03,
    ) -> None:
        super().__init__()
        if nets < 2 or width < 1:
            raise ShapeError(f"StableAssembly: {nets} networks of {width} units; need 2 of 1")
        if not (0 < density <= 1 and 0 < dt <= 1):
            raise ShapeError(
                f"StableAssembly: density {density:g} and dt {dt:g}; need both above 0, at most 1"
            )
        self.input_size, self.width, self.nets, self.dt = input_size, width, nets, dt
        drawn = [_stable(width, density) for _ in range(nets)]
        self.inner = nn.Parameter(torch.cat(drawn), requires_grad=False)
        self.register_buffer("metric", torch.cat([_metric(each) for each in drawn]))
        self.feedback = nn.Parameter(torch.zeros(nets * (nets - 1) // 2 * width, width))
        self.weight_ih = nn.Parameter(torch.empty(nets * width, input_size))
        nn.init.uniform_(self.weight_ih, -(input_size**-0.5), input_size**-0.5)
        self.bias = nn.Parameter(torch.zeros(nets * width))

    def initial_state(self, batch: int) -> State:
        return AssemblyState(self.new_zeros(batch, self.nets * self.width))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        joined, nets = self.joined(), [self._of(i) for i in range(self.nets)]
        inner = [self.inner[rows] for rows in nets]

        def frame(own: Tensor, state: AssemblyState) -> tuple[Tensor, AssemblyState]:
            h = state.h
            fired = torch.relu(h)
            parts = [product(fired[:, at], r) for at, r in zip(nets, inner, strict=True)]
            h = h + self.dt * (torch.cat(parts, dim=1) - h + product(h, joined) + own)
            return h, AssemblyState(h)

        frames = projected_frames(x, read_weight(self, "weight_ih"), self.bias)
        return fold_frames(frame, frames, state)

    def joined(self) -> Tensor:
        """L, what the networks read of one another: (nets * width, nets * width)."""
        (feedback,) = whole([read_weight(self, "feedback")])
        none = feedback.new_zeros(self.width, self.width)
        grid = [[none] * self.nets for _ in range(self.nets)]
        at = 0
        for i in range(self.nets):
            for j in range(i):
                forth = feedback[at * self.width : (at + 1) * self.width]
                grid[i][j], grid[j][i] = forth, -forth.t()
                at += 1
        skew, root = torch.cat([torch.cat(row, dim=1) for row in grid]), self.metric.sqrt()
        return skew * root / root[:, None]

    def _of(self, net: int) -> slice:
        return slice(net * self.width, (net + 1) * self.width)


def _stable(width: int, density: float) -> Tensor:
    """A sparse R with a radius of |R| of RADIUS; what has none, such as zeros, as it is."""
    drawn = (torch.rand(width, width) * 2 - 1) * (torch.rand(width, width) < density)
    radius = float(torch.linalg.eigvals(drawn.abs()).abs().max())
    return drawn * (RADIUS / radius) if radius > 1e-3 else drawn


def _metric(inner: Tensor) -> Tensor:
    """P of one network, (width,)."""
    gap = torch.eye(len(inner)) - inner.abs()
    ones = torch.ones(len(inner))
    u: Tensor = torch.linalg.solve(gap, ones)
    v: Tensor = torch.linalg.solve(gap.t(), ones)
    return v / u


def _joined() -> StableAssembly:
    cell = StableAssembly(8, 3, 3, density=0.6, dt=0.2)
    nn.init.normal_(cell.feedback, std=0.3)
    return cell


EXAMPLES = {
    "apart": Example(lambda: StableAssembly(8, 4, 2, dt=0.3)),
    "joined": Example(_joined),
}
