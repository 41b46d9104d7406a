"""Other programs' chatter, which is not for our user."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What is printed, warned of or logged as a warning within is lost; errors are not."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def first_line(cause: BaseException) -> str:
    """Of what another program complains of; its class where it says nothing."""
    return next(iter(str(cause).strip().splitlines()), type(cause).__name__)
