"""A recurrence that turns its state and changes its length only where it reads the input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.factored import read_weight
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.scans.linear import Complex
from edgernn.state import State
from edgernn.streaming import Example, Streaming

Turns = Callable[[Complex], Complex]


class UnitaryState(NamedTuple):
    """What a unitary RNN remembers: real and imaginary part of its units."""

    re: Tensor  # (B, H)
    im: Tensor  # (B, H)


class UnitaryRNN(Streaming):
    """h' = modReLU(W h + V x) over complex h, W unitary: phases after rotations of pairs.

        W = D F_L ... F_1;  D = diag(exp(i omega))
        F (a, b) = (exp(i phi) (cos(theta) a - sin(theta) b), sin(theta) a + cos(theta) b)
        modReLU(z) = z relu(|z| + b) / |z|;  y = (Re h', Im h')

    Each F rotates neighbours: pairs (0, 1), (2, 3), ... and, one layer on, (1, 2), ..., (H - 1, 0).
    It costs some 8 H multiplications a layer, where a matrix costs 4 H H. Training computes whole
    sequences with that matrix, made once. While b is 0 nothing is ever forgotten, rounding neither:
    `w8a8` holds a cell for long once its b is below 0.

    Weights: `theta`, `phi` (L, H / 2, 1), `omega` (H,), `weight_ih` (2 H, I), real parts first, and
    `bias` (H,), which is b. Angles begin uniform within pi, V as Glorot has it, b at 0.

    Shapes: x (B, T, I) -> y (B, T, 2 H); state re, im (B, H).
    Raises: ShapeError if x's last axis is not I, for an odd H or fewer than one rotation.
    Source: Jing et al. 2017, arXiv:1612.05231 (EUNN, tunable); modReLU and the reading of y:
        Arjovsky et al. 2016, arXiv:1511.06464. Differs: the pairs that are shifted close the ring,
        where the paper leaves the first and the last unit as they are; states begin at 0.
    """

    layout = Layout(
        {"weight_ih": ("", "in")},
        kinds={"weight_ih": "input"},
        sizes={"input_size": "in"},
        output="",
    )

    def __init__(self, input_size: int, hidden_size: int, rotations: int = 2) -> None:
        super().__init__()
        if hidden_size < 2 or hidden_size % 2 or rotations < 1:
            raise ShapeError(
                f"UnitaryRNN: {rotations} rotations of {hidden_size} units; need at least 1, "
                "and an even number of units, which are rotated in pairs"
            )
        self.input_size, self.hidden_size, self.rotations = input_size, hidden_size, rotations
        angles = torch.rand(2, rotations, hidden_size // 2, 1) * 2 * math.pi - math.pi
        self.theta, self.phi = (nn.Parameter(each.clone()) for each in angles)
        self.omega = nn.Parameter(torch.rand(hidden_size) * 2 * math.pi - math.pi)
        self.weight_ih = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        nn.init.xavier_uniform_(self.weight_ih)
        self.bias = nn.Parameter(torch.zeros(hidden_size))

    def initial_state(self, batch: int) -> State:
        re, im = (self.new_zeros(batch, self.hidden_size) for _ in range(2))
        return UnitaryState(re, im)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        n, turned = self.hidden_size, self._turns()
        if torch.is_grad_enabled() and x.shape[1] > 1 and not torch.compiler.is_exporting():
            turned = _by_matrix(turned, torch.eye(n).to(x))

        def frame(own: Tensor, state: UnitaryState) -> tuple[Tensor, UnitaryState]:
            h = turned(Complex(state.re, state.im))
            re, im = h.re + own[:, :n], h.im + own[:, n:]
            size = torch.sqrt(re * re + im * im + 1e-12)
            scale = torch.relu(size + self.bias) / size
            after = UnitaryState(re * scale, im * scale)
            return torch.cat(after, dim=1), after

        return fold_frames(frame, projected_frames(x, read_weight(self, "weight_ih"), None), state)

    def _turns(self) -> Turns:
        """W, rotation by rotation."""
        turn, phases, (cos, sin) = _turn(self.omega), _turn(self.phi), _turn(self.theta)

        def turned(h: Complex) -> Complex:
            for k in range(self.rotations):
                phase = Complex(phases.re[k], phases.im[k])
                h = _rotate(h, cos[k], sin[k], phase, shift=k % 2)
            return turn * h

        return turned


def _by_matrix(turned: Turns, eye: Tensor) -> Turns:
    """The same by one product, for many frames: its matrix is what becomes of each unit."""
    n, of = len(eye), turned(Complex(eye, torch.zeros_like(eye)))
    matrix = torch.cat([torch.cat([of.re, of.im], dim=1), torch.cat([-of.im, of.re], dim=1)])

    def product(h: Complex) -> Complex:
        both = torch.cat(h, dim=1) @ matrix
        return Complex(both[:, :n], both[:, n:])

    return product


def _turn(angle: Tensor) -> Complex:
    """In double, so that all round to the same floats: what W is off by adds up for ever."""
    wide = angle.double()
    return Complex(torch.cos(wide).to(angle), torch.sin(wide).to(angle))


def _rotate(h: Complex, cos: Tensor, sin: Tensor, phase: Complex, shift: int) -> Complex:
    """Neighbours rotated, those of odd places with their next if shifted; cos, sin (H / 2, 1)."""
    rows, n = h.re.shape
    pairs = [_ring(part, shift).reshape(rows, n // 2, 2) for part in h]
    first, second = (Complex(*(part[..., k : k + 1] for part in pairs)) for k in range(2))
    turned = phase * Complex(cos * first.re - sin * second.re, cos * first.im - sin * second.im)
    other = Complex(sin * first.re + cos * second.re, sin * first.im + cos * second.im)
    both = (torch.cat(parts, dim=2).reshape(rows, n) for parts in zip(turned, other, strict=True))
    return Complex(*(_ring(part, n - shift if shift else 0) for part in both))


def _ring(x: Tensor, shift: int) -> Tensor:
    """Channels that many places on to the left, around the end."""
    return torch.cat([x[:, shift:], x[:, :shift]], dim=1) if shift else x


def _forgetting() -> UnitaryRNN:
    cell = UnitaryRNN(8, 6)
    nn.init.constant_(cell.bias, -0.1)
    return cell


EXAMPLES = {
    "forgetting": Example(_forgetting),
    "as_it_begins": Example(lambda: UnitaryRNN(8, 4, 1)),
}
