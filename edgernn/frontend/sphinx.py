"""The features that CMU Sphinx distributes its corpora with, from raw samples, streaming.

So what is trained on AN4's feature files recognises live sound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgernn.frames import need_frames
from edgernn.frontend.logmel import LogBands, LogBandsState, Matrix, mel_edges, triangles
from edgernn.state import State
from edgernn.streaming import Example, Streaming
from edgernn.timing import Timing

RATE_HZ, HOP, WINDOW, N_FFT = 16000, 160, 410, 512
MELS, LOW_HZ, HIGH_HZ, FLOOR = 40, 130.0, 6800.0, 1e-4
COEFFICIENTS = 13
EMPHASIS = 0.97
FULL_SCALE = 32768.0  # samples are counted in 16 bits
SPAN = 3 * HOP  # whole hops that hold a window
DELAY = SPAN // HOP - 1  # frames: a window begins at its frame's first sample


def sphinx_filters() -> Matrix:
    """Triangles of unit area, their edges rounded to bins: (MELS, N_FFT // 2 + 1)."""
    width = RATE_HZ / N_FFT
    edges = np.floor(mel_edges(LOW_HZ, HIGH_HZ, MELS) / width + 0.5) * width
    unit = 2 / (edges[2:] - edges[:-2])
    return triangles(edges, np.arange(N_FFT // 2 + 1) * width) * unit[:, None]


def cepstral_matrix() -> Matrix:
    """What logarithms of bands are multiplied with: (MELS, COEFFICIENTS)."""
    matrix = np.cos(np.pi * np.outer(np.arange(MELS) + 0.5, np.arange(COEFFICIENTS)) / MELS)
    matrix[0] *= 0.5  # the first band, not the first coefficient
    return np.asarray(matrix / MELS)


class SphinxMFCCState(NamedTuple):
    """The last sample, and the emphasized ones that the next window still sees."""

    last: Tensor  # (B, 1, 1)
    past: Tensor  # (B, SPAN - HOP, 1)


class SphinxMFCC(Streaming):
    """13 cepstra a 10 ms of 16 kHz sound, as sphinx_fe makes them by its defaults for AN4.

        e[n] = x[n] - 0.97 x[n-1]
        c[t, k] = 1/40 sum_j b_j cos(pi k (j + 1/2) / 40) log(max(S_j, 1e-4)),  b_0 = 1/2, else 1

    with S_j the power of e[160 t .. 160 t + 409] in a Hamming window, in filter j. Frames are told
    by their first sample, so they come `DELAY` frames late. No dither, no mean is taken off. Of a
    recording whose length is no multiple of a hop, append zeros.

    Shapes: x (B, n * 160, 1), samples in [-1, 1) -> y (B, n, 13); state last (B, 1, 1), past
        (B, 320, 1).
    Source: sphinxbase's front end; measured against the features distributed with AN4.
    """

    matrix: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.in_channels = 1
        hamming = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))
        taps = np.pad(FULL_SCALE * hamming, (0, SPAN - WINDOW))
        self.bands = LogBands(taps, sphinx_filters(), HOP, floor=FLOOR)
        self.timing = Timing(HOP, self.bands.timing.ratio, DELAY)
        matrix = torch.tensor(cepstral_matrix(), dtype=torch.float32)
        self.register_buffer("matrix", matrix, persistent=False)

    def initial_state(self, batch: int) -> State:
        return SphinxMFCCState(self.new_zeros(batch, 1, 1), self.new_zeros(batch, SPAN - HOP, 1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, 1)
        before = torch.cat([state.last, x[:, :-1]], dim=1)
        y, after = self.bands.step(x - EMPHASIS * before, LogBandsState(state.past))
        return torch.matmul(y, self.matrix), SphinxMFCCState(x[:, -1:], after.past)


EXAMPLES = {"default": Example(SphinxMFCC, channels=1)}
