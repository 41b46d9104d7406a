"""Small variational quantum circuits, simulated exactly: every amplitude, in real arithmetic."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.scans.linear import Complex
from edgernn.state import State
from edgernn.streaming import Example, Streaming

MOST_QUBITS = 8  # of 2^8 amplitudes, whose matrix has 2^16 complex numbers; our choice


class Circuit(Streaming):
    """`count` circuits side by side: angles in, the mean of Z of each qubit out.

    Each qubit begins as R_z(arctan x^2) R_y(arctan x) H |0>. Each of `depth` layers entangles
    them, by a CNOT from every qubit to the next and then to the one after that, around the end,
    and turns each by R_z(c) R_y(b) R_z(a). What is measured is no sample but the expectation.

    Weights: `angles` (count, depth, n, 3), which are a, b, c; they begin uniform within pi.

    Shapes: x (B, T, count * n) -> y of the same, within 1 of 0; no state.
    Raises: ShapeError for no or more than 8 qubits, no layer, or x of another width.
    Source: Chen et al. 2020, arXiv:2009.01783. Our choice: where angles begin.
    """

    entangled: Tensor
    signs: Tensor

    def __init__(self, qubits: int, depth: int = 2, count: int = 1) -> None:
        super().__init__()
        if not 1 <= qubits <= MOST_QUBITS or min(depth, count) < 1:
            raise ShapeError(
                f"Circuit: {count} circuits of {qubits} qubits and {depth} layers; need at least "
                f"1 of each and at most {MOST_QUBITS} qubits"
            )
        self.qubits, self.count = qubits, count
        self.angles = nn.Parameter(math.pi * (2 * torch.rand(count, depth, qubits, 3) - 1))
        self.register_buffer("entangled", _entangled(qubits))
        self.register_buffer("signs", signs(qubits))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.count * self.qubits)
        return self.measured(x, self.turned()), state

    def turned(self) -> Tensor:
        """All layers as one real matrix a circuit, for rows of amplitudes: (count, N, N)."""
        re, im = _unitary(self.angles, self.entangled)
        return torch.cat([torch.cat([re, im], dim=-1), torch.cat([-im, re], dim=-1)], dim=-2)

    def measured(self, x: Tensor, turned: Tensor) -> Tensor:
        """What the circuits give by matrices made once: (..., count * n) -> the same."""
        qubits = _encoded(x.reshape(-1, self.count, self.qubits))
        psi = Complex(qubits.re[..., 0, :], qubits.im[..., 0, :])
        for n in range(1, self.qubits):
            psi = joined(psi, Complex(qubits.re[..., n, :], qubits.im[..., n, :]))
        both = torch.matmul(torch.cat(psi, dim=-1).transpose(0, 1), turned).transpose(0, 1)
        re, im = both.chunk(2, dim=-1)
        return torch.matmul(re * re + im * im, self.signs).reshape(x.shape)


def joined(a: Complex, b: Complex) -> Complex:
    """The amplitudes of two parts as those of one: (..., M) and (..., N) -> (..., M N)."""
    both = Complex(a.re[..., :, None], a.im[..., :, None]) * Complex(
        b.re[..., None, :], b.im[..., None, :]
    )
    return Complex(both.re.flatten(-2), both.im.flatten(-2))


def signs(qubits: int) -> Tensor:
    """Z of each qubit in each basis state: (2^n, n), the first qubit the highest bit."""
    states = torch.arange(2**qubits)[:, None] >> torch.arange(qubits).flip(0)
    return 1.0 - 2.0 * (states % 2)


def _entangled(qubits: int) -> Tensor:
    """The permutation of all CNOTs of a layer, for rows of amplitudes: (2^n, 2^n)."""
    state = torch.arange(2**qubits)
    for far in (1, 2):
        for control in range(qubits):
            target = (control + far) % qubits
            if target != control:
                on = (state >> (qubits - 1 - control)) % 2
                state = state ^ (on << (qubits - 1 - target))
    return torch.eye(2**qubits)[state]


def _encoded(x: Tensor) -> Complex:
    """What each qubit begins as: (...) -> (..., 2). Half angles of an arc tangent are algebraic."""
    (cos, sin), (cos_z, sin_z) = _half_turn(x), _half_turn(x * x)
    pair = torch.stack([cos - sin, cos + sin], dim=-1) * 0.5**0.5
    return Complex(pair * cos_z.unsqueeze(-1), pair * torch.stack([-sin_z, sin_z], dim=-1))


def _half_turn(tangent: Tensor) -> tuple[Tensor, Tensor]:
    """The cosine and sine of half the angle that has this tangent."""
    long = torch.sqrt(1 + tangent * tangent)
    cos = torch.sqrt(0.5 + 0.5 / long)
    return cos, tangent / (2 * long * cos)


def _unitary(angles: Tensor, entangled: Tensor) -> Complex:
    """All layers as one matrix a circuit, for rows of amplitudes: (count, 2^n, 2^n)."""
    made = None
    for layer in angles.unbind(1):
        turned = [_turn(*of.unbind(-1)) for of in layer.unbind(1)]
        whole = turned[0]
        for one in turned[1:]:
            whole = _kron(whole, one)
        own = Complex(entangled @ whole.re, entangled @ whole.im)
        made = own if made is None else _product(made, own)
    assert made is not None
    return made


def _turn(a: Tensor, b: Tensor, c: Tensor) -> Complex:
    """R_z(c) R_y(b) R_z(a), transposed for rows: (count, 2, 2)."""
    cos, sin = torch.cos(b / 2), torch.sin(b / 2)
    plus, minus = (a + c) / 2, (a - c) / 2
    re = [cos * torch.cos(plus), sin * torch.cos(minus), -sin * torch.cos(minus)]
    im = [-cos * torch.sin(plus), -sin * torch.sin(minus), -sin * torch.sin(minus)]
    rows = [torch.stack([*part, last], dim=-1) for part, last in ((re, re[0]), (im, -im[0]))]
    return Complex(*(part.reshape(-1, 2, 2) for part in rows))


def _kron(a: Complex, b: Complex) -> Complex:
    """Of matrices of each circuit."""
    both = Complex(a.re[:, :, None, :, None], a.im[:, :, None, :, None]) * Complex(
        b.re[:, None, :, None, :], b.im[:, None, :, None, :]
    )
    return Complex(*(part.flatten(3, 4).flatten(1, 2) for part in both))


def _product(a: Complex, b: Complex) -> Complex:
    """The matrix product."""
    return Complex(a.re @ b.re - a.im @ b.im, a.re @ b.im + a.im @ b.re)


EXAMPLES = {
    "circuit": Example(lambda: Circuit(4), channels=4),
    "several": Example(lambda: Circuit(2, 3, count=3), channels=6),
    "one_qubit": Example(lambda: Circuit(1, 1), channels=1),
}
