"""Make the clips that are shipped: of each speaker the first of the test strings, as it is."""

from __future__ import annotations

from pathlib import Path

import soundfile

from edgernn.models.digits import SAMPLE_RATE_HZ
from edgernn.models.digits.data import load_strings

ATTRIBUTION = """# Audio clips

Joined from recordings of the Free Spoken Digit Dataset (Jakobovski and others,
https://github.com/Jakobovski/free-spoken-digit-dataset), licence CC BY-SA 4.0,
https://creativecommons.org/licenses/by-sa/4.0/, and under that licence here. Changed by us:
resampled from 8 to 16 kHz, joined with pauses, a faint hiss over all of it. The recordings are
those of the official test, so no weight was trained on them, though on others of these speakers.
Of each speaker it is the first of the test strings, whether it is recognised or not.

| file | spoken | recordings |
|---|---|---|
"""


def make_clips(data: Path, folder: Path) -> list[Path]:
    """Write the clips and ATTRIBUTION.md into `folder`; gives the audio files."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, written = [], []
    for one in load_strings(data, "test"):
        path = folder / f"{one.speaker}.flac"
        if path in written:
            continue
        soundfile.write(path, one.audio, SAMPLE_RATE_HZ, subtype="PCM_16")
        rows.append(f"| {path.name} | {one.text} | {', '.join(one.files)} |")
        written.append(path)
    (folder / "ATTRIBUTION.md").write_text(ATTRIBUTION + "\n".join(rows) + "\n", encoding="utf-8")
    return written
