"""Streaming log-mel features from raw samples, in plain matrix products.

A frame's spectrum is two small products around one elementwise turn, not an FFT: the step then
holds only ops that every backend has, and one order of summation. With n_fft = N1 * N2,
n = N2 n1 + n2 and k = k1 + N1 k2:

    X[k] = sum_n2 W_N2^(n2 k2) * W_N^(n2 k1) * sum_n1 W_N1^(n1 k1) x[N2 n1 + n2]

Samples are real, so k1 <= N1 / 2 is enough: bin N - k is the conjugate of bin k.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming
from edgernn.timing import Timing

Matrix = NDArray[np.float64]


def mel_edges(low_hz: float, high_hz: float, mels: int) -> NDArray[np.float64]:
    """Where triangles evenly spaced in mel begin, peak and end, in Hz: (mels + 2,)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (low_hz, high_hz))
    edges: NDArray[np.float64] = 700 * (10 ** (np.linspace(low, high, mels + 2) / 2595) - 1)
    return edges


def triangles(edges: NDArray[np.float64], bins: NDArray[np.floating[Any]]) -> Matrix:
    """Triangles of height 1 between three edges each, at these frequencies: (edges - 2, bins)."""
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters: Matrix = np.maximum(0.0, np.minimum(rise, fall))
    return filters


def mel_filters(
    sample_rate_hz: int, n_fft: int, mels: int, low_hz: float, high_hz: float
) -> Matrix:
    """Triangles of height 1, evenly spaced in mel: (mels, n_fft // 2 + 1).

    Raises: ShapeError if the edges are out of order or a triangle holds no bin.
    Source: the HTK mel scale, 2595 log10(1 + f / 700).
    """
    if not 0 <= low_hz < high_hz <= sample_rate_hz / 2:
        raise ShapeError(
            f"mel filters: need 0 <= low_hz < high_hz <= {sample_rate_hz / 2:g}, "
            f"got {low_hz:g} and {high_hz:g}"
        )
    bins = np.arange(n_fft // 2 + 1) * (sample_rate_hz / n_fft)
    filters = triangles(mel_edges(low_hz, high_hz, mels), bins)
    empty = np.flatnonzero(filters.sum(1) == 0)
    if empty.size:
        raise ShapeError(
            f"mel filters: {empty.size} of {mels} (first: {empty[0]}) hold none of the "
            f"{bins[1]:g} Hz bins; use fewer mels, a longer window or a higher low_hz"
        )
    return filters


def split(n_fft: int, window: int) -> tuple[int, int]:
    """(N1, N2) of the fewest multiplications with N2 a divisor of the window too."""

    def macs(n2: int) -> int:
        half = n_fft // n2 // 2 + 1
        return 2 * half * window + half * (2 * n2) ** 2

    n2 = min((n for n in range(1, n_fft + 1) if n_fft % n == 0 and window % n == 0), key=macs)
    return n_fft // n2, n2


class DFT(NamedTuple):
    """Constants of the two products; columns [re | im], rows k1 with re above im."""

    inner: Matrix  # (2 K1, window / N2)
    turn: Matrix  # (K1, 2 N2), multiplies [re | im]
    cross: Matrix  # (K1, 2 N2), multiplies [im | re]
    outer: Matrix  # (2 N2, 2 N2)
    bins: NDArray[np.int64]  # (K1, N2), the bin k of each result


def dft(n_fft: int, window: int) -> DFT:
    """Constants for the discrete Fourier transform of `window` real samples padded to n_fft."""
    n1, n2 = split(n_fft, window)
    k1, k2 = np.arange(n1 // 2 + 1), np.arange(n2)
    inner = np.exp(-2j * np.pi * np.outer(k1, np.arange(window // n2)) / n1)
    turn = np.exp(-2j * np.pi * np.outer(k1, k2) / n_fft)
    outer = np.exp(-2j * np.pi * np.outer(k2, k2) / n2)
    return DFT(
        inner=np.stack([inner.real, inner.imag], axis=1).reshape(2 * len(k1), -1),
        turn=np.hstack([turn.real, turn.real]),
        cross=np.hstack([-turn.imag, turn.imag]),
        outer=np.block([[outer.real, outer.imag], [-outer.imag, outer.real]]),
        bins=k1[:, None] + n1 * k2,
    )


def _permuted(filters: Matrix, bins: NDArray[np.int64], n_fft: int) -> Matrix:
    """Filters (mels, n_fft // 2 + 1) in the order of `bins`; of a bin and its mirror, the first."""
    folded = np.minimum(bins, n_fft - bins).ravel()
    first = np.unique(folded, return_index=True)[1]
    out = np.zeros((folded.size, filters.shape[0]))
    out[first] = filters[:, folded[first]].T
    return out


class LogBandsState(NamedTuple):
    """The samples that the next window still sees."""

    past: Tensor  # (B, window - hop, 1) samples


class LogBands(Streaming):
    """Natural log of filtered power in a sliding window; one frame a hop.

        y = log(max(filters @ |DFT(taps * window)|^2, floor))

    A frame holds the newest hop and the window - hop samples before it (zeros at the start).
    taps: the window's shape, (window,). filters: (bands, n_fft // 2 + 1). All constants are
    buffers.

    Shapes: x (B, n * hop, 1) -> y (B, n, bands); state past (B, window - hop, 1), or no state if
        window == hop.
    Raises: ShapeError for a hop above the window, or a window above n_fft.
    Source: the split of the DFT: Cooley and Tukey 1965.
    """

    taps: Tensor
    inner: Tensor
    turn: Tensor
    cross: Tensor
    outer: Tensor
    mel: Tensor

    def __init__(
        self, taps: NDArray[np.float64], filters: Matrix, hop: int, *, floor: float
    ) -> None:
        super().__init__()
        self.window, self.hop, self.mels = len(taps), hop, len(filters)
        self.n_fft = 2 * (filters.shape[1] - 1)
        what, window = type(self).__name__, self.window
        if not 1 <= hop <= window:
            raise ShapeError(f"{what}: hop {hop} must be from 1 to the window of {window} samples")
        if self.n_fft < window:
            raise ShapeError(f"{what}: n_fft {self.n_fft} must hold the window of {window} samples")
        self.in_channels, self.floor = 1, floor
        self.timing = Timing(hop, Fraction(1, hop))
        parts = dft(self.n_fft, window)
        self.width = parts.outer.shape[0] // 2
        constants = {
            "taps": taps.reshape(-1, self.width),
            "inner": parts.inner,
            "turn": parts.turn,
            "cross": parts.cross,
            "outer": parts.outer,
            "mel": _permuted(filters, parts.bins, self.n_fft),
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float32), persistent=False)

    def initial_state(self, batch: int) -> State:
        if self.window == self.hop:
            return ()
        return LogBandsState(self.new_zeros(batch, self.window - self.hop, 1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, 1)
        batch, frames, after = x.shape[0], x.shape[1] // self.hop, state
        if state != ():
            x = torch.cat([state.past, x], dim=1)
            after = LogBandsState(x[:, frames * self.hop :])
        if not torch.compiler.is_exporting():
            windows = x.squeeze(2).unfold(1, self.window, self.hop)
            return self._features(windows.reshape(batch, frames, -1, self.width)), after
        if batch * frames == 1:
            return self._features(x.reshape(-1, self.width)).reshape(1, 1, self.mels), after
        starts = [(b, t * self.hop) for b in range(batch) for t in range(frames)]
        slices = [x[b : b + 1, s : s + self.window].reshape(-1, self.width) for b, s in starts]
        y = torch.cat([self._features(window) for window in slices], dim=0)
        return y.reshape(batch, frames, self.mels), after

    def _features(self, windows: Tensor) -> Tensor:
        """Windows (..., window / N2, N2) -> log-mel (..., mels), or (1, mels) for one window."""
        n2, lead = self.width, windows.shape[:-2] or (1,)
        rows = torch.matmul(self.inner, windows * self.taps)
        z = rows.reshape(*windows.shape[:-2], -1, 2 * n2)
        swapped = torch.cat([z[..., n2:], z[..., :n2]], dim=-1)
        z = torch.matmul(z * self.turn + swapped * self.cross, self.outer)
        square = z * z
        power = (square[..., :n2] + square[..., n2:]).reshape(*lead, -1)
        return torch.log(torch.matmul(power, self.mel).clamp(min=self.floor))


class LogMel(LogBands):
    """Natural log of mel-filtered power in a sliding Hann window; one frame a hop.

    n_fft: by default the power of two that holds the window.

    Shapes: x (B, n * hop, 1), samples in [-1, 1) -> y (B, n, mels); state as in `LogBands`.
    Raises: ShapeError as `LogBands`, and for filters without bins.
    Source: Davis and Mermelstein 1980.
    """

    def __init__(
        self,
        sample_rate_hz: int = 16000,
        window: int = 512,
        hop: int = 320,
        mels: int = 40,
        *,
        low_hz: float = 20.0,
        high_hz: float | None = None,
        floor: float = 1e-6,
        n_fft: int | None = None,
    ) -> None:
        n_fft = n_fft or 1 << (window - 1).bit_length()
        high = sample_rate_hz / 2 if high_hz is None else high_hz
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        filters = mel_filters(sample_rate_hz, n_fft, mels, low_hz, high)
        super().__init__(hann, filters, hop, floor=floor)


EXAMPLES = {
    "default": Example(LogMel, channels=1),
    "short": Example(lambda: LogMel(8000, 64, 40, 8), channels=1),
    "padded": Example(lambda: LogMel(16000, 400, 160, 24), channels=1),
    "window_is_hop": Example(lambda: LogMel(8000, 64, 64, 8), channels=1),
    "bands": Example(
        lambda: LogBands(np.hamming(48), mel_filters(8000, 64, 6, 200, 4000), 24, floor=1e-4),
        channels=1,
    ),
    "exact_length": Example(lambda: LogMel(8000, 60, 40, 8, n_fft=60), channels=1),
}
