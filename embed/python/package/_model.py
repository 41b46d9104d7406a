"""A model that is loaded, and live streams over its steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from ._closing import Closing
from ._errors import ClosedError, InputError
from ._load import load
from ._native import Library, Stream

OWN = Path(__file__).with_name("model.sealed")


class Port(NamedTuple):
    """An input or an output of a step."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Step(NamedTuple):
    """What is computed at once. frame_ms: the real time that it covers."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    frame_ms: float


class Model(Closing):
    """The package's model, or one of a file that `edgernn embed` made: its `model.sealed`.

    The file is read and checked once. It may be replaced meanwhile: what was opened before stays
    with the old one. Any thread may use a model.

    kind: "spotter", "recognizer", "keyboard", or "" for steps without a loop. id: the same for the
    same weights in the same number type. sample_rate_hz: 0 where it hears no sound.

    Raises: ModelError if it is absent, damaged, or for another CPU or version.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = OWN if path is None else Path(path)
        library = load(self.path)
        name, kind, version, identity, rate, labels, steps = library.about()
        self.name, self.kind, self.version, self.id = name, kind, version, identity.hex()
        self.sample_rate_hz, self.labels = rate, labels
        self.steps = tuple(
            Step(step, tuple(Port(*p) for p in inputs), tuple(Port(*p) for p in outputs), ms)
            for step, inputs, outputs, ms in steps
        )
        self._library: Library | None = library

    def __repr__(self) -> str:
        return f"Model({str(self.path)!r})  # {self.name}, {self.kind or 'steps'}, {self.id[:8]}"

    def stream(self, step: str | None = None) -> Stream:
        """A live stream over a step, at its initial state. step: the name; the first if none.

        Raises: InputError for a name that no step has, ClosedError.
        """
        names = [each.name for each in self.steps]
        if step is not None and step not in names:
            raise InputError(f"{self.name} has no step {step!r}; it has {', '.join(names)}")
        return Stream(self.library(), 0 if step is None else names.index(step))

    def library(self) -> Library:
        """What loops of this package are opened over. Raises: ClosedError."""
        if self._library is None:
            raise ClosedError(f"{self.name}: the model is closed; open a new one")
        return self._library

    def close(self) -> None:
        """Open no more streams; those that are open go on, and hold it until they close."""
        self._library = None
