"""A method of another library in another form, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def replaced(owner: type | None, name: str, form: Callable[[Any], Any]) -> Iterator[None]:
    """Within, `form` of what a class has under a name; a class without it, or none, stays."""
    if owner is None or name not in vars(owner):
        yield
        return
    before = vars(owner)[name]
    setattr(owner, name, form(getattr(owner, name)))
    try:
        yield
    finally:
        setattr(owner, name, before)
