"""The decode loop of the keyboard."""

from edgernn.keyboard.decode import Guess, Keyboard, Revision, Shown

__all__ = ["Guess", "Keyboard", "Revision", "Shown"]
