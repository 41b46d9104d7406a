"""What the package raises on purpose: one tree, each line saying what, where and the mend."""

from __future__ import annotations


class EdgernnError(Exception):
    """Root of the tree."""


class ModelError(EdgernnError, ValueError):
    """A model's file that is absent, damaged, or for another CPU, version or purpose."""


class InputError(EdgernnError, ValueError):
    """What was given has another shape, type or length, or a NaN; nothing has changed."""


class StateError(EdgernnError, ValueError):
    """A saved state that is damaged, or of another model, step or version."""


class ClosedError(EdgernnError, RuntimeError):
    """Use of what was closed."""


class BusyError(EdgernnError, RuntimeError):
    """One stream used by two threads at once."""
