"""Make the clips that are shipped: one a class from held-out test speakers, and one stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from edgernn.models.kws import LABELS, SAMPLE_RATE_HZ
from edgernn.models.kws.data import load_clips
from edgernn.models.kws.evaluate import clip_answer
from edgernn.spotting.sound import hiss, rms, to_float
from edgernn.spotting.streams import Run

STREAM_WORDS = ("go", "stop", "left", "yes", "_unknown_", "up")
ATTRIBUTION = """# Audio clips

Cut from Google's Speech Commands v0.02, test archive (Pete Warden, 2018, arXiv:1804.03209),
licence CC BY 4.0, https://creativecommons.org/licenses/by/4.0/. Changed by us: transcoded to Opus
and back to 16-bit wav; `stream.wav` joins several clips with hiss between them.
All speakers are of the test split: the shipped weights were not trained on their voices.
The clips are for trying things out, not for judging: each is one that the weights answer rightly.

| file | label | source |
|---|---|---|
"""


def make_clips(run: Run, data: Path, folder: Path) -> list[Path]:
    """Write the clips and ATTRIBUTION.md into `folder`; gives the audio files.

    Of each class the first clip (in a fixed shuffle) that is loud enough and answered rightly.
    """
    clips = load_clips(data, "test")
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(5).permutation(len(clips))
    picked: dict[str, list[int]] = {label: [] for label in LABELS}
    for i in order:
        label, audio = LABELS[clips.label[i]], clips.audio[i]
        loud = label == "_silence_" or rms(to_float(audio)[clips.begin[i] : clips.end[i]]) > 0.03
        if len(picked[label]) < 2 and loud and clip_answer(run, audio) == clips.label[i]:
            picked[label].append(int(i))
    rows, written = [], []
    for label, (first, *_) in picked.items():
        path = folder / f"{label.strip('_')}.wav"
        soundfile.write(path, clips.audio[first], SAMPLE_RATE_HZ, subtype="PCM_16")
        rows.append(f"| {path.name} | `{label}` | {clips.file[first]} |")
        written.append(path)
    stream, place = hiss(10 * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ // 2
    for word in STREAM_WORDS:
        clip = to_float(clips.audio[picked[word][-1]])
        stream[place : place + len(clip)] += clip
        rows.append(
            f"| stream.wav | `{word}` from {place / SAMPLE_RATE_HZ:.2f} s "
            f"| {clips.file[picked[word][-1]]} |"
        )
        place += int(1.5 * SAMPLE_RATE_HZ)
    whole = np.clip(np.round(stream * 32768), -32768, 32767).astype(np.int16)
    soundfile.write(folder / "stream.wav", whole, SAMPLE_RATE_HZ, subtype="PCM_16")
    (folder / "ATTRIBUTION.md").write_text(ATTRIBUTION + "\n".join(rows) + "\n", encoding="utf-8")
    return [*written, folder / "stream.wav"]
