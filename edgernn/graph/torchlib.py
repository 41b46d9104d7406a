"""torch's library of ONNX functions, read once a process.

`torch.onnx.export` parses the source of its five hundred functions again at each call, half of what
it takes for a small step.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import Any

from edgernn.replaced import replaced

LIBRARY = "torch.onnx._internal.exporter._registration:ONNXRegistry"
READ = "from_torchlib"


def read_once() -> AbstractContextManager[None]:
    """Exports within share what the first of them read; a torch that reads it otherwise goes on so.

    An export that adds functions of its own would add them to all: none such within.
    """
    return replaced(LIBRARY, READ, lambda read: staticmethod(partial(_shared, read)))


@cache
def _shared(read: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return read(*given, **named)
