"""The decode loop of the recogniser."""

from edgernn.recognition.decode import Recognizer, Word

__all__ = ["Recognizer", "Word"]
