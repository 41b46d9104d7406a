"""The extension in C, told what to raise."""

from __future__ import annotations

import platform
import sys

from . import _errors

try:
    if sys.version_info < (3, 11):  # noqa: UP036 -- a folder on PYTHONPATH is not asked by pip
        raise ImportError("too old")
    from . import _edgernn
except ImportError as cause:
    raise ImportError(
        f"{__package__} needs CPython 3.11 or later, not free-threaded, on Linux with the CPU it "
        f"was made for; this is {sys.implementation.name} {platform.python_version()} on "
        f"{sys.platform} {platform.machine()}: {cause}"
    ) from cause

from ._edgernn import Keyboard, Library, Recognizer, Spotter, Stream

__all__ = ["PATH", "Keyboard", "Library", "Recognizer", "Spotter", "Stream"]

PATH = str(_edgernn.__file__)

_edgernn.use(
    (
        _errors.ModelError,
        _errors.InputError,
        _errors.StateError,
        _errors.ClosedError,
        _errors.BusyError,
    )
)
