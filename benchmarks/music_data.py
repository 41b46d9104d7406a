"""Polyphonic music: piano rolls of 88 keys, a row a time step, in the four usual sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgernn.errors import DataError, ToolError

KEYS = 88
FILES = {  # as Boulanger-Lewandowski et al. 2012, arXiv:1206.6392, cut and split them
    "Nottingham": "Nottingham.mat",
    "JSB": "JSB_Chorales.mat",
    "MuseData": "MuseData.mat",
    "Piano-midi": "Piano_midi.mat",
}
PARTS = {"train": "traindata", "valid": "validdata", "test": "testdata"}
LONGEST = 200  # steps of a training piece; longer ones are cut, and each part begins anew

Roll = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Music:
    """Pieces (T, 88) of zeros and ones, by part."""

    train: list[Roll]
    valid: list[Roll]
    test: list[Roll]


def load(folder: Path, name: str) -> Music:
    """One of the sets. Raises: DataError if its file is absent or of another form; ToolError."""
    try:
        import scipy.io  # type: ignore[import-untyped]
    except ImportError as cause:
        raise ToolError("scipy reads .mat files; run: pip install 'edgernn[bench]'") from cause
    path = folder / FILES[name]
    if not path.is_file():
        raise DataError(f"{path}: no such file; --data takes the folder that holds it")
    try:
        stored = scipy.io.loadmat(path)
    except Exception as cause:  # scipy's reader raises nearly anything
        raise DataError(f"{path}: is no .mat file: {cause}") from cause
    return Music(**{part: _pieces(path, stored, key) for part, key in PARTS.items()})


def _pieces(path: Path, stored: dict[str, Any], key: str) -> list[Roll]:
    if key not in stored or stored[key].dtype != object:
        raise DataError(f"{path}: holds no {key}")
    pieces = [np.asarray(piece, np.float32) for piece in stored[key].reshape(-1)]
    for at, piece in enumerate(pieces):
        if piece.ndim != 2 or piece.shape[1] != KEYS or not np.isin(piece, (0, 1)).all():
            raise DataError(
                f"{path}: {key} {at} is {piece.shape}; need (steps, {KEYS}) of zeros and ones"
            )
    return pieces


def cut(pieces: list[Roll]) -> list[Roll]:
    """Pieces of at most LONGEST steps."""
    return [p[at : at + LONGEST] for p in pieces for at in range(0, len(p), LONGEST)]


def batches(
    pieces: list[Roll], size: int, rng: np.random.Generator | None = None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """What is heard before each step, what sounds in it (B, T, 88), and which steps count (B, T).

    Pieces of about one length together; with rng the batches come in random order.
    """
    order = np.argsort([len(piece) for piece in pieces], kind="stable")
    groups = [order[at : at + size] for at in range(0, len(order), size)]
    for k in range(len(groups)) if rng is None else rng.permutation(len(groups)):
        some = [pieces[at] for at in groups[k]]
        longest = max(map(len, some))
        y = np.zeros((len(some), longest, KEYS), np.float32)
        counted = np.zeros((len(some), longest), bool)
        for row, piece in enumerate(some):
            y[row, : len(piece)] = piece
            counted[row, : len(piece)] = True
        x = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
        yield torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(counted)
