"""Sound as arrays: levels, pieces, speed, rooms, and the noise a recording is laid upon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.spotting import SAMPLE_RATE_HZ

Samples = NDArray[np.int16]
Wave = NDArray[np.float32]
SECOND = SAMPLE_RATE_HZ


def to_float(audio: Samples) -> Wave:
    """int16 to float32 in [-1, 1)."""
    return np.multiply(audio, np.float32(1 / 32768), dtype=np.float32)


def rms(audio: Wave) -> float:
    """Root mean square."""
    return float(np.sqrt(np.vdot(audio, audio) / max(1, len(audio)) + 1e-12))


def word_span(audio: Samples, hop: int) -> tuple[int, int]:
    """First and last sample of the word in a clip: where the level is within 20 dB of its peak."""
    hops = len(audio) // hop
    power = (audio[: hops * hop].astype(np.float64).reshape(hops, hop) ** 2).mean(1) + 1.0
    power = np.convolve(power, np.ones(3) / 3, mode="same")
    floor = np.percentile(power, 10)
    loud = np.flatnonzero(power > max(power.max() * 0.01, min(floor * 4, power.max() * 0.5)))
    return int(loud[0]) * hop, (int(loud[-1]) + 1) * hop


def hiss(samples: int) -> Wave:
    """Faint fixed noise of 3 least significant bits, the silence of a real microphone."""
    noise = np.random.default_rng(0).standard_normal(samples) * (3 / 32768)
    return noise.astype(np.float32)


def coloured_noise(rng: np.random.Generator, samples: int) -> Wave:
    """Noise of unit rms whose spectrum falls as f^-a, a in [0, 2]."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    slope = rng.uniform(0.0, 1.0)
    spectrum *= np.maximum(np.arange(len(spectrum)), 20.0 * samples / SECOND) ** -slope
    wave = np.fft.irfft(spectrum, samples)
    return np.asarray(wave / wave.std(), np.float32)


def cut(rng: np.random.Generator, audio: Samples, samples: int) -> Wave:
    """A random piece of this length, repeated where the audio is shorter."""
    if len(audio) < samples:
        audio = np.tile(audio, -(-samples // len(audio)))
    start = int(rng.integers(0, len(audio) - samples + 1))
    return to_float(audio[start : start + samples])


def change_speed(wave: Wave, factor: float) -> Wave:
    """Play faster (factor > 1) or slower, pitch and all, by linear interpolation."""
    places = np.arange(0, len(wave) - 1, factor)
    left = places.astype(np.int64)
    right = (places - left).astype(np.float32)
    return np.asarray(wave[left] + right * (wave[left + 1] - wave[left]), np.float32)


def echo(rng: np.random.Generator, wave: Wave) -> Wave:
    """A small room: convolve with a decaying random response, level kept."""
    length = int(rng.uniform(0.05, 0.3) * SECOND)
    response = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    response *= rng.uniform(0.1, 0.6) / np.sqrt((response**2).sum())
    response[0] = 1.0
    size = 512 * -(-(len(wave) + length) // 512)
    wet = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(response, size), size)
    out: Wave = wet[: len(wave)].astype(np.float32)
    return out * np.float32(rms(wave) / rms(out))


def fade(wave: Wave, samples: int = 160) -> Wave:
    """Ramp both ends, in place; gives the wave."""
    ramp = np.linspace(0, 1, min(samples, len(wave)), dtype=np.float32)
    wave[: len(ramp)] *= ramp
    wave[len(wave) - len(ramp) :] *= ramp[::-1]
    return wave


class Bed:
    """Noise to lay streams upon: recorded noises, coloured noise, and a faint white one.

    options: snr_db (low, high), clean (share of streams with 30 to 60 dB), gain_db.
    """

    def __init__(self, bank: Sequence[Samples], options: dict[str, Any]) -> None:
        self.bank, self.options = bank, options
        rng = np.random.default_rng(7)
        self.coloured = [coloured_noise(rng, 4 * SECOND) for _ in range(48)]
        self.white = rng.standard_normal(10 * SECOND, dtype=np.float32)

    def lay(self, rng: np.random.Generator, audio: Wave, level: float) -> Wave:
        """Audio (at most 4 s) over noise at a random ratio to `level`, then a random gain."""
        low, high = self.options["snr_db"]
        samples = len(audio)
        clean = rng.random() < self.options["clean"]
        ratio = rng.uniform(30, 60) if clean else rng.uniform(low, high)
        if not self.bank or rng.random() < 0.4:
            noise = self.coloured[int(rng.integers(len(self.coloured)))]
            first = int(rng.integers(0, len(noise) - samples + 1))
            bed = noise[first : first + samples]
        else:
            bed = cut(rng, self.bank[int(rng.integers(len(self.bank)))], samples)
        mixed = audio + bed * np.float32(level * 10 ** (-ratio / 20) / max(rms(bed), 1e-5))
        gain = 10 ** (rng.uniform(-1, 1) * self.options["gain_db"] / 20)
        peak = max(float(mixed.max()), -float(mixed.min())) * gain
        mixed *= np.float32(gain / max(1.0, peak))
        first = int(rng.integers(0, len(self.white) - samples))
        mixed += self.white[first : first + samples] * np.float32(rng.uniform(0, 2e-4))
        return mixed
