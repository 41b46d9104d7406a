"""Make the clips that are shipped: one of each wake word, one of other speech, and one stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from edgernn.models.wakeword import HOP, LABELS, SAMPLE_RATE_HZ
from edgernn.models.wakeword.data import load_other, load_wake, trimmed
from edgernn.models.wakeword.decode import Detector
from edgernn.spotting.sound import SECOND, Samples, Wave, hiss, rms, to_float
from edgernn.spotting.streams import Run

CLIP_SAMPLES = 3 * SECOND // 2 // HOP * HOP
STREAM_WORDS = ("jarvis", "smart mirror", "_other_", "alexa", "computer", "snowboy")
ATTRIBUTION = """# Audio clips

Wake words: cut from Picovoice's wake-word-benchmark (licence Apache-2.0), transcoded to Opus and
back to 16-bit flac. `other.flac`: read speech of speechocean762 (Zhang et al. 2021, free for any
use), its test list. `stream.flac` joins several of them with hiss between. All are of the test
split: the shipped weights were not trained on these recordings. The clips are for trying things
out, not for judging: each is one that the weights answer rightly.

| file | label |
|---|---|
"""


def framed(audio: Samples) -> Wave:
    """A clip in 1.5 s of hiss, its end 0.35 s before theirs."""
    out = hiss(CLIP_SAMPLES)
    piece = to_float(audio)[-(CLIP_SAMPLES - SECOND * 35 // 100) :]
    last = CLIP_SAMPLES - SECOND * 35 // 100
    out[last - len(piece) : last] += piece
    return out


def _heard(run: Run, audio: Wave) -> list[str]:
    return [one.label for one in Detector().push(run(audio))]


def _save(path: Path, audio: Wave) -> None:
    whole = np.clip(np.round(audio * 32768), -32768, 32767).astype(np.int16)
    soundfile.write(path, whole, SAMPLE_RATE_HZ, subtype="PCM_16")


def make_clips(run: Run, data: Path, folder: Path) -> list[Path]:
    """Write the clips and ATTRIBUTION.md into `folder`; gives the audio files.

    Of each label the first clip (in a fixed shuffle) that is loud enough and answered rightly,
    and the second one for the stream.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    words = load_wake(data, "test")
    picked: dict[str, list[Wave]] = {label: [] for label in LABELS}
    for i in rng.permutation(len(words)):
        word = words[i]
        audio = framed(trimmed(word).audio)
        loud = rms(to_float(word.audio[word.begin : word.end])) > 0.03
        if loud and len(picked[word.label]) < 2 and _heard(run, audio) == [word.label]:
            picked[word.label].append(audio)
    for utterance in load_other(data, "test"):
        audio = framed(utterance)
        if len(picked["_other_"]) < 2 and rms(audio) > 0.02 and not _heard(run, audio):
            picked["_other_"].append(audio)
    rows, written = [], []
    for label, (first, *_) in picked.items():
        path = folder / f"{label.strip('_').replace(' ', '_')}.flac"
        _save(path, first)
        rows.append(f"| {path.name} | `{label}` |")
        written.append(path)
    parts = [hiss(SECOND // 2)]
    for word in STREAM_WORDS:
        place = sum(map(len, parts)) / SAMPLE_RATE_HZ
        rows.append(f"| stream.flac, {place:.2f} to {place + 1.5:.2f} s | `{word}` |")
        parts.append(picked[word][-1])
    stream = np.concatenate(parts)
    _save(folder / "stream.flac", stream[: len(stream) // HOP * HOP])
    (folder / "ATTRIBUTION.md").write_text(ATTRIBUTION + "\n".join(rows) + "\n", encoding="utf-8")
    return [*written, folder / "stream.flac"]
