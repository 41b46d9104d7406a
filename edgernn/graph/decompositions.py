"""torch's table of decompositions, made ready in less time.

Before it decomposes a program, torch looks up every composite operator that it knows, once for each
of its namespaces, and registers eleven thousand kernels: a third of what a capture takes for a
small step, whatever the step holds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from torch._C import DispatchKey

from edgernn.replaced import replaced

LISTS, LOOK_UP = "torch._export.utils", "_materialize_cpp_cia_ops"
OPERATOR, REGISTER = "torch._ops:OperatorBase", "py_impl"


@contextlib.contextmanager
def ready_at_once() -> Iterator[None]:
    """Programs within are decomposed as before; a torch that does it otherwise goes on so.

    No operator is to be defined within.
    """
    with replaced(LISTS, LOOK_UP, cache), replaced(OPERATOR, REGISTER, _registered):
        yield


def _registered(register: Callable[..., Any]) -> Callable[..., Any]:
    """As `register` does it, but without its annotations, which Python makes anew at each call."""

    def py_impl(operator: Any, key: Any) -> Callable[[Any], Any]:
        kernels = operator.py_kernels
        if not isinstance(key, DispatchKey) or key == DispatchKey.Python or key in kernels:
            return register(operator, key)  # type: ignore[no-any-return] # or it is an error

        def inner(kernel: Any) -> Any:
            kernels[key] = kernel
            operator._dispatch_cache.clear()
            return kernel

        return inner

    return py_impl
