"""AN4: people spell names, say dates and numbers; distributed as cepstra of 13, 100 a second.

`--data` is a directory with an4_mfcc13.npz. `test` is the official one; `val` are the training
utterances of six speakers, so nobody is heard in two splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import DataError
from edgernn.frontend.sphinx import COEFFICIENTS

AN4 = "an4_mfcc13.npz"
ARRAYS = ("feats", "offsets", "text", "utt", "speaker", "split")
VALIDATION = ("fash", "fbbh", "mblb", "mdxn", "mkem", "mrcb")


@dataclass(frozen=True, slots=True)
class Utterance:
    """cepstra: (T, 13) float32."""

    name: str
    speaker: str
    text: str
    cepstra: NDArray[np.float32]


def load_an4(data: Path, split: str) -> list[Utterance]:
    """The utterances of `train`, `val` or `test`. Raises: DataError."""
    path = data / AN4
    if not path.is_file():
        raise DataError(f"{path}: no such file; --data takes the directory that holds it")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ARRAYS}
    except (OSError, ValueError, KeyError) as cause:
        raise DataError(f"{path}: not AN4's cepstra: {cause}") from cause
    _check(path, arrays)
    offsets, cepstra = arrays["offsets"], arrays["feats"].astype(np.float32)
    return [
        Utterance(str(arrays["utt"][i]), speaker, str(arrays["text"][i]), cepstra[first:last])
        for i, (first, last) in enumerate(pairwise(offsets))
        if _split(speaker := str(arrays["speaker"][i]), str(arrays["split"][i])) == split
    ]


def _split(speaker: str, official: str) -> str:
    return "val" if official == "train" and speaker in VALIDATION else official


def _check(path: Path, arrays: dict[str, Any]) -> None:
    """Raises: DataError for arrays that do not belong together, or are not finite."""
    feats, count = arrays["feats"], len(arrays["offsets"]) - 1
    if feats.ndim != 2 or feats.shape[1] != COEFFICIENTS:
        raise DataError(f"{path}: feats {feats.shape}; need (frames, {COEFFICIENTS})")
    if count < 1 or arrays["offsets"][-1] != len(feats):
        raise DataError(f"{path}: offsets end at {arrays['offsets'][-1:]}; need {len(feats)}")
    if any(len(arrays[name]) != count for name in ARRAYS[2:]):
        raise DataError(f"{path}: need {count} of each of {', '.join(ARRAYS[2:])}")
    if not np.isfinite(feats).all():
        raise DataError(f"{path}: feats holds NaN or infinity")
