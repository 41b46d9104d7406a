"""Checkpoints: written whole or not at all, and refused when they belong to another recipe.

A checkpoint is a new file beside the old one, flushed to the disk and then renamed over it. So a
full disk, a signal or a power cut in the middle leaves the last checkpoint as it was.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from edgernn.errors import CheckpointError

FORMAT = 1


def write_atomic(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Have `write` fill a file, and put it at `path` in one move.

    Raises: CheckpointError if the disk is full or not writable; `path` is then untouched.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = ""
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as cause:  # torch.save reports a full disk as RuntimeError
        kept = "the one before is intact" if path.exists() else "nothing was written"
        raise CheckpointError(f"{path}: cannot be written ({_reason(cause)}); {kept}") from cause
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Put a file at `path` in one move. Raises: CheckpointError, as `write_atomic`."""
    write_atomic(path, lambda file: file.write(content))


def _reason(cause: BaseException) -> str:
    inner = cause if isinstance(cause, OSError) else cause.__context__
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(cause)
    return text.splitlines()[0]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rng_states() -> dict[str, Any]:
    """The states of Python's, numpy's and torch's global generators, as plain values."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    version, words, following = random.getstate()
    return {
        "python": [version, list(words), following],
        "numpy": [
            kind,
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            position,
            has_gauss,
            gauss,
        ],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_rng(states: dict[str, Any]) -> None:
    """The inverse of `rng_states`."""
    version, words, following = states["python"]
    random.setstate((version, tuple(words), following))
    kind, keys, position, has_gauss, gauss = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(states["torch"])
    if states["cuda"] and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


def save_checkpoint(path: Path, values: dict[str, Any], *, recipe: str) -> None:
    """Write `values` (tensors and plain values) with the generators' states and the recipe's hash.

    Raises: CheckpointError if it cannot be written.
    """
    whole = {"format": FORMAT, "recipe": recipe, "rng": rng_states(), **values}
    write_atomic(path, lambda file: torch.save(whole, file))


def load_checkpoint(path: Path, *, recipe: str) -> dict[str, Any]:
    """Read a checkpoint back and restore the generators.

    Raises: CheckpointError if it is absent, damaged, of another format or of another recipe.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no checkpoint to resume from; leave --resume out")
    try:
        values: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version, owner = values["format"], values["recipe"]
    except Exception as cause:
        raise CheckpointError(f"{path}: damaged checkpoint; delete it and train anew") from cause
    if version != FORMAT:
        raise CheckpointError(f"{path}: checkpoint format {version}; this edgernn reads {FORMAT}")
    if owner != recipe:
        raise CheckpointError(
            f"{path}: belongs to another recipe ({owner[:8]}, now {recipe[:8]}); resume with the "
            "recipe and --steps it was started with, or choose another --output"
        )
    restore_rng(values["rng"])
    return values
