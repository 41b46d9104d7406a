"""Quantum reservoir: a few coupled spins that no training changes, simulated exactly."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import fold_frames, need_frames, split_frames
from edgernn.layers.circuit import signs
from edgernn.state import State
from edgernn.streaming import Example, Streaming

MOST_QUBITS = 6  # whose density matrix has 4^6 complex numbers; our choice


class QuantumReservoirState(NamedTuple):
    """What a quantum reservoir remembers: real and imaginary parts of its density matrix."""

    re: Tensor  # (B, N, N), N = 2^qubits
    im: Tensor  # (B, N, N)


class QuantumReservoir(Streaming):
    """Each frame replaces the first qubits; then all evolve and are watched `times` times.

        s = sigmoid(W x);  |in> = sqrt(1 - s) |0> + sqrt(s) |1>, of each of the first qubits
        rho' = U^times (|in><in| * Tr_first rho) U^-times;  U = exp(-i H time / times)
        H = sum_{i<j} J_ij X_i X_j + field / 2 sum_i Z_i;  y = mean of Z of each qubit, each time

    Nothing of it learns: train the layer behind it by `train.reservoir.fit_readout`. W is random
    and normal, J uniform within 1/2; `scale` multiplies W.

    Buffers: `weight` (first, I), `coupling` (n, n), `back` (2 N, 2 N), U^-1 in real parts.

    Shapes: x (B, T, I) -> y (B, T, times * n), time by time; state re, im (B, 2^n, 2^n).
    Raises: ShapeError for fewer than 2 or more than 6 qubits, first ones that leave none, no time,
        or if x's last axis is not I.
    Source: Fujii and Nakajima 2017, arXiv:1602.08159. Our choice: several channels by a random W
        and a sigmoid, where the paper has one input within 0 and 1; rho is kept at trace 1.
    """

    weight: Tensor
    coupling: Tensor
    back: Tensor
    signs: Tensor
    eye: Tensor

    def __init__(
        self,
        input_size: int,
        qubits: int = 4,
        *,
        first: int = 1,
        times: int = 5,
        time: float = 4.0,
        field: float = 1.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        if not 2 <= qubits <= MOST_QUBITS or not 1 <= first < qubits or times < 1:
            raise ShapeError(
                f"QuantumReservoir: {qubits} qubits, the first {first} of them replaced, watched "
                f"{times} times; need 2 to {MOST_QUBITS} qubits, 1 to all but one, and 1 or more"
            )
        self.input_size, self.qubits, self.first, self.times = input_size, qubits, first, times
        coupling = (torch.rand(qubits, qubits) - 0.5).triu(1)
        h = _energy(coupling.double(), field)
        u = torch.linalg.matrix_exp(-1j * h * (time / times))
        back = torch.cat([torch.cat([u.real.T, -u.imag.T], 1), torch.cat([u.imag.T, u.real.T], 1)])
        self.register_buffer("weight", scale * torch.randn(first, input_size) / input_size**0.5)
        self.register_buffer("coupling", coupling)
        self.register_buffer("back", back.float())
        self.register_buffer("signs", signs(qubits))
        self.register_buffer("eye", torch.eye(2**qubits))

    def initial_state(self, batch: int) -> State:
        n = len(self.eye)
        zeros = self.new_zeros(batch, n, n)
        ground = F.pad(torch.ones_like(zeros[:, :1, :1]), (0, n - 1, 0, n - 1))
        return QuantumReservoirState(ground, zeros)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        told = torch.sigmoid(F.linear(x, self.weight))
        return fold_frames(self._frame, split_frames(told), state)

    def _frame(
        self, told: Tensor, state: QuantumReservoirState
    ) -> tuple[Tensor, QuantumReservoirState]:
        n, rest = len(self.eye), 2 ** (self.qubits - self.first)
        psi = torch.ones_like(told[:, :1])
        for k in range(self.first):
            s = told[:, k : k + 1]
            both = torch.sqrt(torch.cat([1 - s, s], dim=1))
            psi = (psi[:, :, None] * both[:, None, :]).flatten(1)
        kept = [self._without_first(part, rest) for part in state]
        trace = (kept[0] * self.eye[:rest, :rest]).sum((1, 2), keepdim=True)
        new = (psi[:, :, None] * psi[:, None, :])[:, :, None, :, None]
        re, im = ((new * (part / trace)[:, None, :, None, :]).reshape(-1, n, n) for part in kept)
        seen = []
        for _ in range(self.times):
            for _ in range(2):  # rho -> (rho U^-1)^+ -> U rho U^-1
                both = torch.matmul(torch.cat([re, im], dim=2), self.back)
                re, im = both[..., :n].transpose(1, 2), -both[..., n:].transpose(1, 2)
            seen.append(torch.matmul((re * self.eye).sum(2), self.signs))
        return torch.cat(seen, dim=1), QuantumReservoirState(re, im)

    def _without_first(self, part: Tensor, rest: int) -> Tensor:
        """The partial trace over the first qubits: (B, N, N) -> (B, rest, rest)."""
        blocks = [slice(k * rest, (k + 1) * rest) for k in range(2**self.first)]
        total = part[:, blocks[0], blocks[0]]
        for block in blocks[1:]:
            total = total + part[:, block, block]
        return total


def _energy(coupling: Tensor, field: float) -> Tensor:
    """H of the spins, real: (2^n, 2^n)."""
    n = len(coupling)
    made = torch.diag(0.5 * field * signs(n).to(coupling).sum(1))
    state = torch.arange(2**n)
    for i in range(n):
        for j in range(i + 1, n):
            flipped = state ^ (1 << (n - 1 - i)) ^ (1 << (n - 1 - j))
            made[state, flipped] += coupling[i, j]
    return made


EXAMPLES = {
    "default": Example(lambda: QuantumReservoir(8, 3, times=2)),
    "two_first": Example(lambda: QuantumReservoir(8, 3, first=2, times=1)),
}
