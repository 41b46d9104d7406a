"""Streaming state as data: named leaves, specs, reset by row, snapshot and restore.

A state is a NamedTuple of tensors, a dict of states by child name, or (). Its leaves have one
dotted name everywhere (`encoder.rnn.h`): ONNX input, C struct field, profiler row.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgernn.errors import ShapeError

State = Any
_MARK = "fingerprint"
NEW = "new_"  # prefix of a state leaf on its way out of a step


def named_leaves(state: State, prefix: str = "") -> dict[str, Tensor]:
    """Flatten a state to its dotted leaf names, in order."""
    if isinstance(state, Tensor):
        return {prefix or "state": state}
    children = state if isinstance(state, Mapping) else state._asdict() if state else {}
    dot = f"{prefix}." if prefix else ""
    return {
        leaf: tensor
        for name, child in children.items()
        for leaf, tensor in named_leaves(child, f"{dot}{name}").items()
    }


def from_leaves(like: State, leaves: Mapping[str, Tensor], prefix: str = "") -> State:
    """The inverse of `named_leaves`: a state shaped as `like` with these leaves.

    Raises: ShapeError if a leaf is missing or has another shape.
    """
    if isinstance(like, Tensor):
        name = prefix or "state"
        if name not in leaves or leaves[name].shape != like.shape:
            got = tuple(leaves[name].shape) if name in leaves else "nothing"
            raise ShapeError(f"state {name}: need {tuple(like.shape)}, got {got}")
        return leaves[name]
    dot = f"{prefix}." if prefix else ""
    if isinstance(like, Mapping):
        return {k: from_leaves(v, leaves, f"{dot}{k}") for k, v in like.items()}
    if not like:
        return ()
    return type(like)(*(from_leaves(v, leaves, f"{dot}{k}") for k, v in like._asdict().items()))


def form(state: State) -> Any:
    """What tells states apart: the types, names and shapes of one row, as a value to compare."""
    if isinstance(state, Tensor):
        return state.shape[1:]
    if isinstance(state, Mapping):
        return tuple((name, form(child)) for name, child in state.items())
    if isinstance(state, tuple):
        return (type(state), *(form(child) for child in state)) if state else ()
    return type(state)


def difference(state: State, like: State) -> str:
    """Where a state first departs from another's form, in words."""
    try:
        got, need = named_leaves(state), named_leaves(like)
    except AttributeError:
        return f"is a {type(state).__name__}"
    for name in need:
        if name not in got:
            return f"lacks the leaf {name!r}; it has {', '.join(got) or 'none'}"
    for name, leaf in got.items():
        if name not in need:
            return f"has a leaf {name!r} too many"
        if leaf.shape[1:] != need[name].shape[1:]:
            wanted = ", ".join(map(str, need[name].shape[1:]))
            return f"has {name} {tuple(leaf.shape)}; need (batch, {wanted})"
    return f"is a {type(state).__name__}; need {type(like).__name__}"


@dataclass(frozen=True, slots=True)
class LeafSpec:
    """What a state leaf is: its name, shape of one row, type and bytes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int


def specs(state: State) -> tuple[LeafSpec, ...]:
    """The leaves of a state, described for one row (the batch axis left out)."""
    return tuple(
        LeafSpec(n, tuple(t.shape[1:]), str(t.dtype).removeprefix("torch."), t[0].nbytes)
        for n, t in named_leaves(state).items()
    )


def nbytes(state: State) -> int:
    """Bytes of one row."""
    return sum(spec.nbytes for spec in specs(state))


def reset_rows(state: State, initial: State, rows: Tensor) -> State:
    """Replace the rows where the boolean mask `rows` (B,) is true by those of `initial`."""
    fresh, old = named_leaves(initial), named_leaves(state)
    keep = {
        name: torch.where(rows.view(-1, *[1] * (leaf.dim() - 1)), fresh[name], leaf)
        for name, leaf in old.items()
    }
    return from_leaves(state, keep)


def _fingerprint(state: State) -> str:
    text = ";".join(f"{s.name}:{s.shape}:{s.dtype}" for s in specs(state))
    return hashlib.sha256(text.encode()).hexdigest()


def snapshot(state: State) -> bytes:
    """A state as bytes that `restore` checks against the shape it is restored into."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {_MARK: np.array(_fingerprint(state))}
    for name, leaf in named_leaves(state).items():
        arrays[f"leaf.{name}"] = leaf.detach().cpu().numpy()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def restore(like: State, data: bytes) -> State:
    """A state from `snapshot` bytes.

    Raises: ShapeError if the bytes are damaged or belong to a state of another form.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except Exception as cause:
        raise ShapeError(f"state snapshot is damaged: {cause}") from cause
    if str(arrays.pop(_MARK, "")) != _fingerprint(like):
        raise ShapeError("state snapshot belongs to a model with other state leaves")
    leaves = {name.removeprefix("leaf."): torch.from_numpy(a) for name, a in arrays.items()}
    return from_leaves(like, leaves)
