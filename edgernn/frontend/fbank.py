"""Kaldi's log-mel filter banks from raw samples, streaming: what sherpa-onnx feeds its models.

So what is trained on these features runs there too.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgernn.frames import need_frames
from edgernn.frontend.logmel import LogBands, Matrix, triangles
from edgernn.state import State
from edgernn.streaming import Example, Streaming
from edgernn.timing import Timing

RATE_HZ, HOP, WINDOW, N_FFT = 16000, 160, 400, 512
BANDS, LOW_HZ, HIGH_HZ = 80, 20.0, 7600.0
EMPHASIS, POVEY = 0.97, 0.85
FLOOR = float(np.finfo(np.float32).eps)
FIRST = HOP // 2 - WINDOW // 2  # sample that frame 0 begins with: its middle is that of hop 0
DELAY = -(-(FIRST + WINDOW) // HOP) - 1  # frames: hops after its own that a window reaches into
PAST = DELAY * HOP - FIRST  # samples before a hop that the window given with it begins at


def mel(hz: NDArray[np.floating[Any]] | float) -> NDArray[np.float64]:
    """Kaldi's mel scale."""
    return np.asarray(1127 * np.log1p(np.asarray(hz) / 700))


def band_edges(bands: int = BANDS) -> NDArray[np.float64]:
    """Where triangles begin, peak and end, in mel: (bands + 2,)."""
    return np.linspace(mel(LOW_HZ), mel(HIGH_HZ), bands + 2)


def fbank_filters(bands: int = BANDS) -> Matrix:
    """Triangles of height 1 whose sides are straight in mel: (bands, N_FFT // 2 + 1)."""
    return triangles(band_edges(bands), mel(np.arange(N_FFT // 2 + 1) * (RATE_HZ / N_FFT)))


class FbankState(NamedTuple):
    """The samples that the next window still sees."""

    past: Tensor  # (B, PAST, 1)


class Fbank(Streaming):
    """80 log-mel bands a 10 ms of 16 kHz sound, as Kaldi makes them by sherpa-onnx's options.

        d = x - mean(x);  e[i] = d[i] - 0.97 d[max(i - 1, 0)];  y_k = log(max(S_k, eps))

    over the window x[160 t - 120 .. 160 t + 279], with S_k the power of e in Povey's window,
    (0.5 - 0.5 cos(2 pi i / 399))^0.85, in filter k. No dither; windows are not snipped at the
    edges. A frame comes `DELAY` late, when its window is there. Differs: what lies before the
    first sample is zero, where Kaldi mirrors the first 120 samples; this is heard in frame 0 alone.

    Shapes: x (B, n * 160, 1), samples in [-1, 1) -> y (B, n, bands); state past (B, 280, 1).
    Source: kaldi-native-fbank and sherpa-onnx's defaults, https://kaldi-asr.org/doc/feat.html;
        measured against the former.
    """

    def __init__(self, bands: int = BANDS) -> None:
        super().__init__()
        self.in_channels = 1
        povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))) ** POVEY
        self.bands = LogBands(povey, fbank_filters(bands), WINDOW, floor=FLOOR)
        self.timing = Timing(HOP, Fraction(1, HOP), DELAY)

    def initial_state(self, batch: int) -> State:
        return FbankState(self.new_zeros(batch, PAST, 1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, 1)
        batch, frames = x.shape[0], x.shape[1] // HOP
        x = torch.cat([state.past, x], dim=1)
        flat = x.squeeze(2)
        if torch.compiler.is_exporting():
            cut = [flat[:, t * HOP : t * HOP + WINDOW].unsqueeze(1) for t in range(frames)]
            windows = cut[0] if frames == 1 else torch.cat(cut, dim=1)
        else:
            windows = flat.unfold(1, WINDOW, HOP)
        level = windows - windows.mean(dim=2, keepdim=True)
        before = torch.cat([level[..., :1], level[..., :-1]], dim=2)
        sharp = (level - EMPHASIS * before).reshape(batch, frames * WINDOW, 1)
        return self.bands.step(sharp, ())[0], FbankState(x[:, frames * HOP :])


# of 80 bands some hold one bin, which in noise is at times nearly 0: its log tells the last place
EXAMPLES = {
    "bands": Example(lambda: Fbank(40), channels=1),
    "few": Example(lambda: Fbank(12), channels=1),
}
