"""Training streams: a keyword clip somewhere in 1.8 seconds of other audio, spoilt at random.

Each stream is what a device hears around a word: silence, noise, other speech or another word,
then the clip at a random place, speed and level, over a bed of noise. Its labels by frame teach
the network when to answer: the word from its end on, nothing while it is being said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.models.kws import LABELS
from edgernn.models.kws.data import CLIP_SAMPLES, HOP, Clips
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

IGNORE = -100
SILENCE, UNKNOWN = LABELS.index("_silence_"), LABELS.index("_unknown_")
STREAM_SAMPLES = 18 * SECOND // 10
ANSWER_FRAMES = 25  # the answer to a clip is read from this many frames,
TAIL_SAMPLES = SECOND // 5  # the last of which is this long after the clip's end


@dataclass(frozen=True, slots=True)
class Sources:
    """What streams are made of: clips of a split, utterances of other speech, noises, wake words.

    None of the speech and of the wake words is a keyword.
    """

    clips: Clips
    speech: list[Samples]
    noises: list[Samples]
    wake: list[Samples] = field(default_factory=list)

    def bank(self) -> list[Samples]:
        """Noises and the `_silence_` clips."""
        return [*self.noises, *self.clips.audio[self.clips.label == SILENCE]]


@dataclass(frozen=True, slots=True)
class Stream:
    """audio (STREAM_SAMPLES,); frame_label (frames,); answer: first frame of the clip's answer."""

    audio: Wave
    frame_label: NDArray[np.int64]
    label: int
    answer: int


class StreamMaker:
    """Draws streams; `options` are the recipe's [data] table."""

    def __init__(self, sources: Sources, options: dict[str, Any]) -> None:
        self.sources, self.options = sources, options
        self.bed = Bed(sources.bank(), options)
        self.has_speech = bool(sources.speech or sources.wake)
        self.by_label = [np.flatnonzero(sources.clips.label == i) for i in range(len(LABELS))]

    def draw(self, rng: np.random.Generator, index: int | None = None) -> Stream:
        """A stream around clip `index`, or one without a word: of other speech, or of a noise."""
        if index is None:
            noisy = self.sources.noises and rng.random() < self.options["noise_share"]
            return self._noise_stream(rng) if noisy else self._speech_stream(rng)
        clips = self.sources.clips
        label = int(clips.label[index])
        word, begin, end = self._word(rng, index)
        start = int(rng.integers(SECOND // 10, STREAM_SAMPLES - CLIP_SAMPLES - TAIL_SAMPLES + 1))
        audio = np.zeros(STREAM_SAMPLES, np.float32)
        audio[start : start + CLIP_SAMPLES] = word
        frames = np.full(STREAM_SAMPLES // HOP, SILENCE, np.int64)
        level = rms(word[begin:end])
        self._context(rng, audio[: start + max(0, begin - 800)], frames, level)
        if label != SILENCE:
            _mark(frames, label, start + begin, start + end)
        answer = (start + CLIP_SAMPLES + TAIL_SAMPLES) // HOP - ANSWER_FRAMES
        answer += int(rng.integers(-4, 1))
        if label == SILENCE:
            level = 10 ** rng.uniform(-3.5, -1.0)
        if rng.random() < self.options["echo"]:
            audio = echo(rng, audio)
        return Stream(self.bed.lay(rng, audio, level), frames, label, answer)

    def _word(self, rng: np.random.Generator, index: int) -> tuple[Wave, int, int]:
        """A clip at another speed, cut to one second around its word; and the word's span."""
        clips, most = self.sources.clips, self.options["speed"]
        factor = 1 + rng.uniform(-most, most)
        wave = change_speed(to_float(clips.audio[index]), factor)
        begin, end = int(clips.begin[index] / factor), int(clips.end[index] / factor)
        spare = len(wave) - CLIP_SAMPLES
        if spare > 0:
            first = min(max(0, (begin + end - CLIP_SAMPLES) // 2), spare)
            wave, begin, end = wave[first : first + CLIP_SAMPLES], begin - first, end - first
        out = np.zeros(CLIP_SAMPLES, np.float32)
        out[: len(wave)] = fade(wave.copy())
        return out, max(begin, 0), min(end, CLIP_SAMPLES)

    def _context(
        self, rng: np.random.Generator, before: Wave, frames: NDArray[np.int64], level: float
    ) -> None:
        """Fill the time before the word, in place, and label it."""
        kind, reach = rng.random(), len(before) // HOP
        if kind < self.options["before_speech"] and self.has_speech and len(before) > 3200:
            piece = self._speech(rng, len(before))
            before += fade(piece * np.float32(level / rms(piece) * 10 ** rng.uniform(-0.5, 0.3)))
            frames[:reach] = UNKNOWN
            frames[: min(10, reach)] = IGNORE
        elif kind < self.options["before_speech"] + self.options["before_word"]:
            other = to_float(self.sources.clips.audio[int(rng.integers(len(self.sources.clips)))])
            piece = other[-len(before) :]
            before[len(before) - len(piece) :] += fade(piece.copy())
            frames[:reach] = IGNORE

    def _speech_stream(self, rng: np.random.Generator) -> Stream:
        """Pieces of one or two utterances without keywords: `_unknown_` throughout."""
        audio = self._speech(rng, STREAM_SAMPLES)
        if rng.random() < self.options["splice"]:
            at = int(rng.integers(STREAM_SAMPLES // 4, 3 * STREAM_SAMPLES // 4))
            audio[at:] = self._speech(rng, STREAM_SAMPLES - at)
        if rng.random() < self.options["echo"]:
            audio = echo(rng, audio)
        frames = np.full(STREAM_SAMPLES // HOP, UNKNOWN, np.int64)
        frames[:10] = IGNORE
        answer = int(rng.integers(30, STREAM_SAMPLES // HOP - ANSWER_FRAMES + 1))
        return Stream(self.bed.lay(rng, audio, rms(audio)), frames, UNKNOWN, answer)

    def _noise_stream(self, rng: np.random.Generator) -> Stream:
        """A piece of a noise in front of another: `_silence_` throughout."""
        noises = self.sources.noises
        audio = cut(rng, noises[int(rng.integers(len(noises)))], STREAM_SAMPLES)
        frames = np.full(STREAM_SAMPLES // HOP, SILENCE, np.int64)
        answer = int(rng.integers(30, STREAM_SAMPLES // HOP - ANSWER_FRAMES + 1))
        return Stream(self.bed.lay(rng, audio, rms(audio)), frames, SILENCE, answer)

    def _speech(self, rng: np.random.Generator, samples: int) -> Wave:
        """A piece of one utterance or of one wake word, repeated, at another speed."""
        speech, wake, most = self.sources.speech, self.sources.wake, self.options["speech_speed"]
        if wake and (not speech or rng.random() < self.options["wake_share"]):
            speech = wake
        factor = float(np.exp(rng.uniform(-most, most)))
        piece = cut(rng, speech[int(rng.integers(len(speech)))], int(samples * factor) + 2)
        return change_speed(piece, factor)[:samples]


def _mark(frames: NDArray[np.int64], label: int, begin: int, end: int) -> None:
    """Label a word's frames in place: undecided while it is said, its label from its end on."""
    first, last = begin // HOP, end // HOP
    frames[max(0, first - 3) :] = IGNORE
    frames[max(first, last - 3) : last + 15] = label
    if label == UNKNOWN:
        frames[first + 5 : last + 15] = label
    frames[last + 35 :] = SILENCE
