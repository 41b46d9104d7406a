"""A method or function of another library in another form, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def replaced(
    owner: type | ModuleType | None, name: str, form: Callable[[Any], Any]
) -> Iterator[None]:
    """Within, `form` of what a class or module has under a name; one without it, or none, stays."""
    if owner is None or name not in vars(owner):
        yield
        return
    before = vars(owner)[name]
    setattr(owner, name, form(getattr(owner, name)))
    try:
        yield
    finally:
        setattr(owner, name, before)
