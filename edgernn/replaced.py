"""A method or function of another library in another form, for a while."""

from __future__ import annotations

import contextlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def replaced(owner: str, name: str, form: Callable[[Any], Any]) -> Iterator[None]:
    """Within, `form` of what a module or class, as `torch._ops:OperatorBase`, has under a name.

    Where there is no such owner, or it has no such name, nothing is replaced.
    """
    place: Any = None
    with contextlib.suppress(ImportError, AttributeError):
        place = pkgutil.resolve_name(owner)
    if place is None or name not in vars(place):
        yield
        return
    before = vars(place)[name]
    setattr(place, name, form(getattr(place, name)))
    try:
        yield
    finally:
        setattr(place, name, before)
