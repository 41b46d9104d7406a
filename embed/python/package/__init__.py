"""What a package has of every kind of model; a written one has this of its own kind alone."""

from ._errors import BusyError, ClosedError, EdgernnError, InputError, ModelError, StateError
from ._keyboard import Guess, Keyboard, Revision, Shown
from ._model import Model, Port, Step
from ._native import Stream
from ._recognizer import Reading, Recognizer, Word
from ._spotter import Detection, Spotter

__all__ = [
    "BusyError",
    "ClosedError",
    "Detection",
    "EdgernnError",
    "Guess",
    "InputError",
    "Keyboard",
    "Model",
    "ModelError",
    "Port",
    "Reading",
    "Recognizer",
    "Revision",
    "Shown",
    "Spotter",
    "StateError",
    "Step",
    "Stream",
    "Word",
]
