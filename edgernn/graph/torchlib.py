"""torch's library of ONNX functions, read once a process.

`torch.onnx.export` parses the source of its five hundred functions again at each call, half of what
it takes for a small step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

READ = "from_torchlib"


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """Exports within share what the first of them read; a torch that reads it otherwise goes on so.

    An export that adds functions of its own would add them to all: none such within.
    """
    library = _library()
    if library is None:
        yield
        return
    before = vars(library)[READ]
    setattr(library, READ, staticmethod(partial(_shared, getattr(library, READ))))
    try:
        yield
    finally:
        setattr(library, READ, before)


def _library() -> type | None:
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:
        return None
    return ONNXRegistry if READ in vars(ONNXRegistry) else None


@cache
def _shared(read: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return read(*given, **named)
