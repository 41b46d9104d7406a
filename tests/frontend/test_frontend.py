"""Log-mel and MFCC from a stream equal their textbook form over the whole recording."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.frontend.logmel import LogMel, dft, mel_filters, split
from edgernn.frontend.mfcc import MFCC, dct

SHAPES = [(512, 320), (512, 512), (400, 160), (480, 480), (320, 160), (256, 128), (640, 320)]


def reference(x: Tensor, window: int, hop: int, n_fft: int, filters: Tensor) -> Tensor:
    """torch.stft in double over samples (B, T), zeros before the first: mel power."""
    padded = torch.cat([x.new_zeros(x.shape[0], window - hop), x], dim=1)
    # torch centres a short window in n_fft; shift it to the start, which keeps the power.
    left = (n_fft - window) // 2
    right = n_fft - window - left
    spectrum = torch.stft(
        torch.nn.functional.pad(padded, (left, right)),
        n_fft,
        hop,
        window,
        torch.hann_window(window, dtype=x.dtype),
        center=False,
        return_complex=True,
    )
    return spectrum.abs().square().transpose(1, 2) @ filters.T


@pytest.mark.parametrize(("window", "hop"), SHAPES)
def test_logmel_equals_the_offline_spectrogram(window: int, hop: int) -> None:
    torch.manual_seed(0)
    layer = LogMel(window=window, hop=hop, mels=30)
    x = torch.rand(2, 12 * hop, 1) * 2 - 1
    filters = torch.from_numpy(mel_filters(16000, layer.n_fft, 30, 20.0, 8000.0))
    want = reference(x.squeeze(2).double(), window, hop, layer.n_fft, filters)
    torch.testing.assert_close(layer(x).exp().double(), want, rtol=1e-4, atol=1e-6)


def test_quiet_and_loud_sound_keep_their_precision() -> None:
    layer = LogMel()
    t = torch.arange(320 * 6) / 16000
    tone = torch.sin(2 * torch.pi * 440 * t).view(1, -1, 1)
    loud, quiet = layer(tone), layer(tone * 2**-7)
    peak = int(loud[0, -1].argmax())
    drop = (loud - quiet)[0, 3:, peak]
    torch.testing.assert_close(drop, torch.full_like(drop, 14 * 0.6931472), atol=1e-4, rtol=0)


def test_silence_is_the_floor() -> None:
    y = LogMel(floor=1e-5)(torch.zeros(1, 960, 1))
    torch.testing.assert_close(y, torch.full((1, 3, 40), 1e-5).log())


def test_a_tone_lands_in_the_filter_that_holds_it() -> None:
    filters = mel_filters(16000, 512, 40, 20.0, 8000.0)
    layer, t = LogMel(), torch.arange(3200) / 16000
    for bin_number in (20, 64, 200):
        tone = torch.sin(2 * torch.pi * bin_number * 31.25 * t).view(1, -1, 1)
        assert int(layer(tone)[0, -1].argmax()) == int(filters[:, bin_number].argmax())


def test_mfcc_equals_an_explicit_dct() -> None:
    torch.manual_seed(0)
    layer = MFCC(13)
    x = torch.rand(2, 3200, 1) * 2 - 1
    y, logmel = layer(x).double(), layer.logmel(x).double()
    n = torch.arange(40, dtype=torch.float64)
    for k in range(13):
        basis = torch.cos(torch.pi * k * (2 * n + 1) / 80)
        want = (logmel * basis).sum(2) * (1 / 40 if k == 0 else 2 / 40) ** 0.5
        torch.testing.assert_close(y[:, :, k], want, atol=1e-4, rtol=1e-4)


def test_dct_is_orthonormal() -> None:
    matrix = torch.from_numpy(dct(40, 40))
    torch.testing.assert_close(matrix.T @ matrix, torch.eye(40, dtype=torch.float64))


@pytest.mark.parametrize(("n_fft", "window"), [(512, 512), (512, 400), (12, 12), (15, 15), (7, 7)])
def test_split_dft_holds_every_bin(n_fft: int, window: int) -> None:
    parts = dft(n_fft, window)
    n1, n2 = split(n_fft, window)
    assert (n1 * n2, window % n2) == (n_fft, 0)
    mirrored = {min(int(k), n_fft - int(k)) for k in parts.bins.ravel()}
    assert mirrored == set(range(n_fft // 2 + 1))


def test_front_end_has_no_trained_weights() -> None:
    assert not list(MFCC().parameters())
    assert not LogMel().state_dict()


def test_front_end_multiplies_little() -> None:
    layer = LogMel()
    half, n2 = layer.inner.shape[0] // 2, layer.width
    macs = 2 * half * layer.window + half * (2 * n2) ** 2
    assert macs < 512 * 514 / 7  # a seventh of the plain real DFT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hop": 600}, "hop 600 must be from 1 to the window of 512"),
        ({"low_hz": 900.0, "high_hz": 300.0}, "need 0 <= low_hz < high_hz <= 8000"),
        ({"high_hz": 9000.0}, "high_hz <= 8000, got 20 and 9000"),
        ({"mels": 200}, r"of 200 \(first: \d+\) hold none of the 31.25 Hz bins"),
    ],
)
def test_impossible_settings_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        LogMel(**arguments)  # type: ignore[arg-type]


def test_more_coefficients_than_mels_are_refused() -> None:
    with pytest.raises(ShapeError, match="coefficients 41 must be from 1 to the 40 mels"):
        MFCC(41)
