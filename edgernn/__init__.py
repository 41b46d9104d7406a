"""Streaming recurrent networks from torch to the edge, proven equal at every stop.

Public names are found on first use, so that `import edgernn` costs nothing and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgernn.bundle import Bundle, open_bundle
    from edgernn.errors import EdgernnError
    from edgernn.plain import streamify
    from edgernn.runtime import Session
    from edgernn.streaming import Delay, Residual, Sequential, Streaming, offline
    from edgernn.testing import check_streaming
    from edgernn.timing import Timing

__version__ = "0.1.0"

_HOME = {
    "Bundle": "bundle",
    "Delay": "streaming",
    "EdgernnError": "errors",
    "Residual": "streaming",
    "Sequential": "streaming",
    "Session": "runtime",
    "Streaming": "streaming",
    "Timing": "timing",
    "check_streaming": "testing",
    "offline": "streaming",
    "open_bundle": "bundle",
    "streamify": "plain",
}

__all__ = [
    "Bundle",
    "Delay",
    "EdgernnError",
    "Residual",
    "Sequential",
    "Session",
    "Streaming",
    "Timing",
    "__version__",
    "check_streaming",
    "offline",
    "open_bundle",
    "streamify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'edgernn' has no attribute {name!r}")
    return getattr(importlib.import_module(f"edgernn.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
