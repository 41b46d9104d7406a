"""Training streams: 2.56 seconds with a wake word somewhere, or with what only sounds like one.

A stream with a word: silence or other speech, the word at a random speed, often more speech after
it. A stream without: other speech, other words, noise, or pieces of wake words (the first half
of one, and the second half of another), so that half a word is not enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.models.wakeword import HOP, LABELS
from edgernn.models.wakeword.data import trimmed
from edgernn.spotting.alarms import Spoken
from edgernn.spotting.sound import (
    SECOND,
    Bed,
    Samples,
    Wave,
    change_speed,
    cut,
    echo,
    fade,
    rms,
    to_float,
)

IGNORE, OTHER = -100, LABELS.index("_other_")
FRAMES = 80
STREAM_SAMPLES = FRAMES * HOP
ANSWER_FRAMES = 9  # that carry a word's label, from the one before its end on
DOUBT_FRAMES = 10  # after them, in which either answer will do
SETTLED_FRAMES = 5  # of a stream that begins in the middle of a word, not judged


@dataclass(frozen=True, slots=True)
class Sources:
    """What streams are made of. wake: the words; speech, words, noises: audio without them."""

    wake: list[Spoken]
    speech: list[Samples]
    words: list[Samples]
    noises: list[Samples]


@dataclass(frozen=True, slots=True)
class Stream:
    """audio (STREAM_SAMPLES,); frame_label (FRAMES,), IGNORE where either answer will do."""

    audio: Wave
    frame_label: NDArray[np.int64]


class StreamMaker:
    """Draws streams; `options` are the recipe's [data] table."""

    def __init__(self, sources: Sources, options: dict[str, Any]) -> None:
        self.sources, self.options = sources, options
        self.wake = [trimmed(word) for word in sources.wake]
        self.bed = Bed(sources.noises, options)

    def draw(self, rng: np.random.Generator, index: int | None = None) -> Stream:
        """A stream around wake word `index`, or one without a wake word."""
        frames = np.full(FRAMES, OTHER, np.int64)
        if index is None:
            audio = self._without(rng)
            frames[:SETTLED_FRAMES] = IGNORE
            level = rms(audio)
        else:
            audio, begin, end, level = self._with(rng, self.wake[index])
            _mark(frames, LABELS.index(self.wake[index].label), begin, end)
        if rng.random() < self.options["echo"]:
            audio = echo(rng, audio)
        return Stream(self.bed.lay(rng, audio, max(level, 1e-4)), frames)

    def _with(self, rng: np.random.Generator, word: Spoken) -> tuple[Wave, int, int, float]:
        """A word and what is around it; first and last sample of the word, and its level."""
        factor = self._factor(rng)
        wave = change_speed(to_float(word.audio), factor)
        begin, end = int(word.begin / factor), min(int(word.end / factor), len(wave))
        room = STREAM_SAMPLES - len(wave) - SECOND // 4
        start = int(rng.integers(SECOND // 10, max(room, SECOND // 10 + 1)))
        audio = np.zeros(STREAM_SAMPLES, np.float32)
        level = rms(wave[begin:end])
        before = max(0, start + begin - int(rng.uniform(0.03, 0.4) * SECOND))
        after = start + end + int(rng.uniform(0.05, 0.4) * SECOND)
        if rng.random() < self.options["before_speech"] and before > 1600:
            audio[:before] = self._beside(rng, before, level)
        if rng.random() < self.options["after_speech"] and STREAM_SAMPLES - after > 1600:
            audio[after:] = self._beside(rng, STREAM_SAMPLES - after, level)
        audio[start : start + len(wave)] += fade(wave)[: STREAM_SAMPLES - start]
        return audio, start + begin, start + end, level

    def _beside(self, rng: np.random.Generator, samples: int, level: float) -> Wave:
        piece = self._speech(rng, samples)
        return fade(piece * np.float32(level / rms(piece) * 10 ** rng.uniform(-0.5, 0.3)))

    def _without(self, rng: np.random.Generator) -> Wave:
        shares = self.options["without"]
        kind = rng.choice(list(shares), p=list(shares.values()))
        if kind == "noise" and self.sources.noises:
            bank = self.sources.noises
            return cut(rng, bank[int(rng.integers(len(bank)))], STREAM_SAMPLES)
        if kind == "pieces":
            return self._pieces(rng)
        audio = self._speech(rng, STREAM_SAMPLES)
        if rng.random() < self.options["splice"]:
            at = int(rng.integers(STREAM_SAMPLES // 4, 3 * STREAM_SAMPLES // 4))
            audio[at:] = self._speech(rng, STREAM_SAMPLES - at)
        return audio

    def _pieces(self, rng: np.random.Generator) -> Wave:
        """Halves of wake words that make none, half of the time within other speech."""
        audio = np.zeros(STREAM_SAMPLES, np.float32)
        if rng.random() < 0.5:
            audio[:] = self._speech(rng, STREAM_SAMPLES)
        place = int(rng.integers(SECOND // 10, SECOND // 2))
        while place < STREAM_SAMPLES - SECOND // 2:
            first, last = (self.wake[int(rng.integers(len(self.wake)))] for _ in range(2))
            parts = [self._half(rng, first, True)] if rng.random() < 0.7 else []
            if not parts or first.label != last.label:
                parts.append(self._half(rng, last, False))
            wave = np.concatenate(parts)[: STREAM_SAMPLES - place]
            audio[place : place + len(wave)] = wave
            place += len(wave) + int(rng.uniform(0.2, 0.8) * SECOND)
        return audio

    def _half(self, rng: np.random.Generator, word: Spoken, first: bool) -> Wave:
        share = float(rng.uniform(0.3, 0.6))
        if first:
            piece = word.audio[: word.begin + int(share * (word.end - word.begin))]
        else:
            piece = word.audio[word.begin + int((1 - share) * (word.end - word.begin)) :]
        return fade(change_speed(to_float(piece), self._factor(rng)))

    def _speech(self, rng: np.random.Generator, samples: int) -> Wave:
        """A piece of an utterance, or other words one after another, at a random speed."""
        factor = self._factor(rng)
        needed = int(samples * factor) + 2
        speech, words = self.sources.speech, self.sources.words
        if words and (not speech or rng.random() < self.options["words_share"]):
            count = -(-needed // SECOND) + 1
            chosen = [words[int(i)] for i in rng.integers(len(words), size=count)]
            piece = cut(rng, np.concatenate(chosen), needed)
        elif speech:
            piece = cut(rng, speech[int(rng.integers(len(speech)))], needed)
        else:
            piece = np.zeros(needed, np.float32)
        return change_speed(piece, factor)[:samples]

    def _factor(self, rng: np.random.Generator) -> float:
        most = self.options["speed"]
        return float(np.exp(rng.uniform(-most, most)))


def _mark(frames: NDArray[np.int64], label: int, begin: int, end: int) -> None:
    """Label a word's frames in place: undecided from its middle on, its label about its end."""
    middle, last = (begin + end) // 2 // HOP, end // HOP
    answered = last - 1 + ANSWER_FRAMES
    frames[middle : last - 1] = IGNORE
    frames[last - 1 : answered] = label
    frames[answered : answered + DOUBT_FRAMES] = IGNORE
