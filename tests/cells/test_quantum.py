"""Simulated circuits are quantum mechanics, written out gate by gate; what is built of them."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from edgernn.cells.qlstm import QLSTM
from edgernn.cells.quantum_reservoir import QuantumReservoir
from edgernn.errors import ShapeError
from edgernn.layers.circuit import MOST_QUBITS, Circuit
from edgernn.train.reservoir import fit_readout

Matrix = npt.NDArray[np.complex128]
N = 3
EYE, Z = np.eye(2), np.diag([1.0, -1.0])
HADAMARD = np.array([[1, 1], [1, -1]]) / math.sqrt(2)


def rotation(axis: str, angle: float) -> Matrix:
    """exp(-i angle / 2 * axis)."""
    pauli = {"y": np.array([[0, -1j], [1j, 0]]), "z": Z}[axis]
    made: Matrix = math.cos(angle / 2) * EYE - 1j * math.sin(angle / 2) * pauli
    return made


def at(qubit: int, gate: Any) -> Matrix:
    """A gate of one qubit among N."""
    return reduce(np.kron, [gate if n == qubit else EYE for n in range(N)])


def cnot(control: int, target: int) -> Matrix:
    """|0><0| * I + |1><1| * X."""
    flip = np.array([[0, 1], [1, 0]])
    on = at(control, np.diag([0, 1])) @ at(target, flip)
    return at(control, np.diag([1, 0])) + on


def expected(x: Tensor, angles: Tensor) -> list[float]:
    """Z of each qubit, by matrices of the whole register, as the paper draws the circuit."""
    psi = np.zeros(2**N, dtype=complex)
    psi[0] = 1
    for n, value in enumerate(x.tolist()):
        gates = rotation("z", math.atan(value**2)) @ rotation("y", math.atan(value)) @ HADAMARD
        psi = at(n, gates) @ psi
    for layer in angles.tolist():
        for far in (1, 2):
            for n in range(N):
                psi = cnot(n, (n + far) % N) @ psi
        for n, (a, b, c) in enumerate(layer):
            psi = at(n, rotation("z", c) @ rotation("y", b) @ rotation("z", a)) @ psi
    return [float((psi.conj() @ at(n, Z) @ psi).real) for n in range(N)]


def test_a_circuit_is_its_gates_one_after_the_other() -> None:
    circuit = Circuit(N, depth=2, count=2).double()
    x = 2 * torch.randn(1, 5, 2 * N, dtype=torch.float64)
    want = [
        [*expected(row[:N], circuit.angles[0]), *expected(row[N:], circuit.angles[1])]
        for row in x[0]
    ]
    torch.testing.assert_close(circuit(x), torch.tensor([want], dtype=torch.float64))


def test_a_circuit_keeps_every_amplitudes_length() -> None:
    turned = Circuit(4, depth=3).double().turned()[0]
    torch.testing.assert_close(turned @ turned.T, torch.eye(32, dtype=torch.float64))


def test_a_quantum_lstm_is_its_formula() -> None:
    unit = QLSTM(5, 4, qubits=N).double()
    torch.nn.init.normal_(unit.offset)
    x = torch.randn(1, 6, 5, dtype=torch.float64)
    h = c = torch.zeros(4, dtype=torch.float64)
    ys = []

    def through(circuit: Circuit, at: int, angles: Tensor, of: int) -> Tensor:
        z = torch.tensor(expected(angles, circuit.angles[at]), dtype=torch.float64)
        return z @ unit.measured[of] + unit.offset[of]

    for now in x[0]:
        asked = (unit.weight_ih @ now + unit.weight_hh @ h + unit.bias_gates).split(N)
        f, i, g, o = (through(unit.gates, n, asked[n], n) for n in range(4))
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        told = (unit.weight_mh @ (o.sigmoid() * c.tanh()) + unit.bias_outputs).split(N)
        h, y = (through(unit.outputs, n, told[n], 4 + n) for n in range(2))
        ys.append(y)
    torch.testing.assert_close(unit(x)[0], torch.stack(ys), atol=1e-9, rtol=1e-9)


def test_a_quantum_lstm_learns_a_damped_oscillation() -> None:
    """The paper's second task: the next value of exp(-t / 20) sin t, from those so far."""
    torch.manual_seed(0)
    t = torch.arange(16.0)
    wave = (torch.exp(-t / 20) * torch.sin(t)).reshape(1, -1, 1)
    unit = QLSTM(1, 1, qubits=3)
    adam = torch.optim.Adam(unit.parameters(), lr=0.05)
    for _ in range(61):
        loss = (unit(wave[:, :-1]) - wave[:, 1:]).square()[:, 2:].mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert float(loss.detach()) < 0.2 * float(wave.var())


def exponential(h: Matrix, time: float) -> Matrix:
    """exp(-i h time) of a symmetric h, by its eigenvectors."""
    values, vectors = np.linalg.eigh(h)
    made: Matrix = (vectors * np.exp(-1j * values * time)) @ vectors.conj().T
    return made


@pytest.mark.parametrize("first", [1, 2])
def test_a_quantum_reservoir_is_its_density_matrix(first: int) -> None:
    unit = QuantumReservoir(5, N, first=first, times=2, time=3.0, field=0.7).double()
    flip, coupling = np.array([[0, 1], [1, 0]]), unit.coupling.numpy()
    h = sum(0.35 * at(n, Z) for n in range(N))
    for i in range(N):
        for j in range(i + 1, N):
            h = h + coupling[i, j] * at(i, flip) @ at(j, flip)
    u, x = exponential(h, 1.5), torch.randn(1, 6, 5, dtype=torch.float64)
    rho, ys = np.zeros((8, 8), dtype=complex), []
    rho[0, 0] = 1
    for now in x[0]:
        told = (unit.weight @ now).sigmoid().tolist()
        psi = reduce(np.kron, [np.array([math.sqrt(1 - s), math.sqrt(s)]) for s in told])
        many, rest = 2**first, 2 ** (N - first)
        left = np.einsum("iaib->ab", rho.reshape(many, rest, many, rest))
        rho = np.kron(np.outer(psi, psi), left)
        for _ in range(2):
            rho = u @ rho @ u.conj().T
            ys += [np.trace(rho @ at(n, Z)).real for n in range(N)]
    want = torch.tensor(ys).reshape(1, 6, 2 * N)
    torch.testing.assert_close(unit(x), want, atol=1e-6, rtol=1e-6)  # U is kept in float32


def test_a_quantum_reservoir_remembers_what_it_was_told() -> None:
    """The paper's short-term memory: a read-out of the spins gives earlier inputs back."""
    torch.manual_seed(0)
    cell, x = QuantumReservoir(1, 4, time=2.0), 2 * torch.rand(2, 400, 1) - 1
    cell.weight.fill_(1.0)
    for delay, least in ((1, 0.9), (2, 0.8)):
        y = x.roll(delay, dims=1)
        head = fit_readout(cell, [(x[:1], y[:1])], washout=50, ridge=1e-9)
        with torch.no_grad():
            missed = (head(cell(x[1:])) - y[1:])[:, 50:]
        assert 1 - float(missed.square().mean() / y.var()) > least


def test_a_quantum_reservoir_forgets_where_it_began_and_stays_a_density_matrix() -> None:
    cell, x = QuantumReservoir(2, 3), torch.randn(1, 300, 2)
    mixed = cell.initial_state(1)._replace(re=torch.eye(8)[None] / 8)
    _, one = cell.step(x, cell.initial_state(1))
    _, other = cell.step(x, mixed)
    torch.testing.assert_close(one.re, other.re, atol=1e-5, rtol=0)
    assert float(one.re[0].trace()) == pytest.approx(1, abs=1e-5)
    assert torch.linalg.eigvalsh(torch.complex(one.re[0], one.im[0])).min() > -1e-5


REFUSED: list[tuple[Any, str]] = [
    (lambda: Circuit(0), "1 circuits of 0 qubits and 2 layers; need at least 1 of each"),
    (lambda: Circuit(MOST_QUBITS + 1), "of 9 qubits and 2 layers; .* at most 8 qubits"),
    (lambda: QLSTM(3, 3, depth=0), "of 4 qubits and 0 layers"),
    (lambda: QuantumReservoir(3, 7), "7 qubits, .*; need 2 to 6 qubits"),
    (lambda: QuantumReservoir(3, 3, first=3), "the first 3 of them replaced"),
    (lambda: QuantumReservoir(3, times=0), "watched 0 times"),
]


@pytest.mark.parametrize(("build", "line"), REFUSED, ids=[each[1] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, line: str) -> None:
    with pytest.raises(ShapeError, match=line):
        build()
