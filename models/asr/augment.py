"""Other voices, rooms and silences, drawn for an utterance's cepstra.

What belongs to bands is done there: 40 log-mel bands of which 13 cepstra are left, so that a band
is known as far as those tell it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.frontend.sphinx import COEFFICIENTS, DELAY, FLOOR, MELS, cepstral_matrix
from edgernn.recognition.augment import at_speed

Frames = NDArray[np.float32]

TO_CEPSTRA = cepstral_matrix()  # (MELS, COEFFICIENTS)
TO_BANDS = np.linalg.pinv(TO_CEPSTRA)
SILENCE: Frames = (np.full(MELS, np.log(FLOOR)) @ TO_CEPSTRA).astype(np.float32)  # of zeros
SUBSAMPLED = 8  # frames of one that the encoder gives
TAIL = 24  # frames of silence behind an utterance, in which its last word may still come


def framed(cepstra: Frames, lead: int = DELAY, *, quiet: bool = True, tail: int = TAIL) -> Frames:
    """An utterance as a stream has it: frames before it, `tail` behind it, and to whole blocks.

    lead: 2 of a stream that begins with it, since a frame comes when its last sample is there.
    quiet: both are digital silence; else the utterance's own ends go on.
    """
    tail += -(lead + len(cepstra) + tail) % SUBSAMPLED
    before = SILENCE if quiet else cepstra[:3].mean(0)
    after = SILENCE if quiet else cepstra[-3:].mean(0)
    return np.concatenate([np.tile(before, (lead, 1)), cepstra, np.tile(after, (tail, 1))])


def augmented(
    cepstra: Frames, rng: np.random.Generator, options: Mapping[str, Any], deviation: Frames
) -> Frames:
    """The utterance otherwise spoken, heard, and partly blanked; with silence around it.

    deviation: of each cepstrum over the training set (13,).
    """
    x = at_speed(cepstra, rng.uniform(1 - options["speed"], 1 + options["speed"]), SUBSAMPLED)
    bands = x @ TO_BANDS
    bands = _warped(bands, rng.uniform(*options["warp"]))
    if rng.random() < options["noise"]:
        bands = _noisy(bands, rng)
    bands = _blanked(bands, rng, options["mask_bands"])
    x = bands @ TO_CEPSTRA
    spread = np.r_[options["gain"], np.full(COEFFICIENTS - 1, options["channel"])]
    x = x + rng.standard_normal(COEFFICIENTS) * deviation * spread
    mean = x.mean(0)
    for _ in range(2):
        width = int(rng.integers(0, min(options["mask_frames"], len(x) // 8) + 1))
        first = int(rng.integers(0, len(x) - width + 1))
        x[first : first + width] = mean
    lead, tail = DELAY + int(rng.integers(0, SUBSAMPLED)), int(rng.integers(TAIL // 2, TAIL + 1))
    quiet = rng.random() < options["quiet"]
    return framed(x.astype(np.float32), lead, quiet=quiet, tail=tail)


def _warped(bands: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Bands from elsewhere: another length of the vocal tract."""
    at = np.clip(np.arange(MELS) * factor, 0, MELS - 1)
    low = at.astype(int)
    share = at - low
    return np.asarray(bands[:, low] * (1 - share) + bands[:, np.minimum(low + 1, MELS - 1)] * share)


def _noisy(bands: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A steady noise of a random slope, 0 to 25 dB under the mean of the loud half."""
    loud = np.median(bands.mean(1)) + bands.mean(1).std()
    slope = rng.normal(0, 1.0) * np.linspace(-1, 1, MELS)
    noise = loud - rng.uniform(0.0, 25.0) * np.log(10) / 10 + slope
    return np.asarray(np.logaddexp(bands, noise + rng.normal(0, 0.5, bands.shape)))


def _blanked(
    bands: NDArray[np.float64], rng: np.random.Generator, widest: int
) -> NDArray[np.float64]:
    """A run of bands at its own mean."""
    width = int(rng.integers(0, widest + 1))
    first = int(rng.integers(0, MELS - width + 1))
    if width:
        bands[:, first : first + width] = bands[:, first : first + width].mean()
    return bands
