"""Every error edgernn raises on purpose: one tree, each line saying where, what and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EdgernnError(Exception):
    """Root of the tree; the CLI prints it as one line and exits with 2."""


class ShapeError(EdgernnError, ValueError):
    """A tensor whose shape or type is not the one asked for."""


class TimingError(EdgernnError, ValueError):
    """Frames that cannot be aligned."""


class ContractError(EdgernnError, AssertionError):
    """A module that breaks the streaming law; names the leaf and the frame."""


LISTED = 24  # names that a line holds


class UnknownName(EdgernnError, LookupError):
    """A model, target, backend or number type that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted({*known})
        holding = [each for each in known if name and name in each]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or holding
        told = f"did you mean {' or '.join(near or known)}?"
        if not near and len(known) > LISTED:
            told = f"there are {len(known)}, from {known[0]} to {known[-1]}"
        super().__init__(f"unknown {kind} {name!r}; {told}")


class ModelError(EdgernnError, ValueError):
    """A model whose file, function or weights cannot be used."""


class DataError(EdgernnError, ValueError):
    """Audio or data that cannot be used: wrong rate, empty, truncated, not audio."""


class CheckpointError(EdgernnError, ValueError):
    """A checkpoint that is damaged or belongs to another recipe."""


class UnsupportedOp(EdgernnError, NotImplementedError):
    """Operators that a backend cannot hold; all of them, with their node names."""


class DoesNotFit(EdgernnError, ValueError):
    """An artifact larger than the flash or the RAM of its target."""


class MissingExtra(EdgernnError, ImportError):
    """An optional dependency is absent; carries the pip command that mends it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'edgernn[{extra}]'")


class ToolError(EdgernnError, RuntimeError):
    """A compiler, an emulator or another outside tool is absent or failed."""


class ParityError(EdgernnError, ArithmeticError):
    """An artifact whose numbers differ from the reference; names the first frame and leaf."""


class BundleError(EdgernnError, ValueError):
    """A bundle that is damaged, hostile or of another version."""
