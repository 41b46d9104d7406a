"""What only the training of a spotter has: fast features, masked features, the worst moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.frontend.logmel import LogMel, dft
from edgernn.streaming import Sequential


@torch.no_grad()
def fast_features(layer: LogMel, audio: Tensor) -> Tensor:
    """What `layer` gives, by way of an FFT: seven times faster where no step is exported.

    Shapes: audio (B, T, 1) -> (B, T / hop, mels), equal within 1e-4.
    """
    bins = torch.from_numpy(dft(layer.n_fft, layer.window).bins).flatten()
    filters = layer.mel.new_zeros(layer.n_fft // 2 + 1, layer.mels)
    filters.index_add_(0, torch.minimum(bins, layer.n_fft - bins).to(audio.device), layer.mel)
    padded = F.pad(audio.squeeze(2), (layer.window - layer.hop, 0))
    windows = padded.unfold(1, layer.window, layer.hop) * layer.taps.flatten()
    spectrum = torch.fft.rfft(windows, layer.n_fft)
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.log(torch.matmul(power, filters).clamp(min=layer.floor))


def masked(x: Tensor, options: Mapping[str, float]) -> Tensor:
    """Tilt bands, and blank random runs of frames and bands. Shapes: x (B, T, M) as it is."""
    batch, frames, mels = x.shape

    def uniform(high: float, *shape: int) -> Tensor:
        return torch.rand(batch, *shape, device=x.device) * high

    anchors = torch.randn(batch, 1, 5, device=x.device) * options["tilt"]
    x = x + F.interpolate(anchors, mels, mode="linear", align_corners=True)
    for axis, size, widest in (
        (1, frames, options["mask_frames"]),
        (2, mels, options["mask_mels"]),
    ):
        for _ in range(2):
            width, first = uniform(widest + 1, 1).floor(), uniform(size, 1).floor()
            place = torch.arange(size, device=x.device)
            keep = (place < first) | (place >= first + width)
            x = x * keep.unsqueeze(2 if axis == 1 else 1)
    return x


def logits(network: nn.Module, audio: Tensor, options: Mapping[str, float]) -> Tensor:
    """What a spotter makes of streams, in training mode with masked features and dropout.

    A network that is no `Sequential`, as a compiled one, is only called.
    Shapes: audio (B, T, 1) -> (B, T / hop, labels).
    """
    if not isinstance(network, Sequential):
        return network(audio)  # type: ignore[no-any-return]
    x = audio
    for name, layer in network.layers.items():
        if name == "features":
            assert isinstance(layer, LogMel)
            x = fast_features(layer, x)
        elif name == "head":
            x = layer(F.dropout(x, options["dropout"], network.training))
        else:
            x = layer(x)
        if name == "norm" and network.training:
            x = masked(x, options)
    return x


def alarm_loss(logits: Tensor, keywords: Sequence[int], *, settled: int, window: int) -> Tensor:
    """-log(1 - p) of the worst moment p of streams without keywords, their mean.

    p: the keywords' posteriors, summed and averaged over the detector's `window` frames, at
    their largest after the first `settled` frames, where a stream begins in the middle of a word.
    Shapes: logits (B, T, labels) -> ().
    """
    spoken = logits.softmax(2)[:, settled:, list(keywords)].sum(2)
    moments = F.avg_pool1d(spoken, window, 1)
    return -torch.log1p(-moments.amax(1).clamp(max=0.999)).mean()
