"""The extension in C. What a package has no use for is there nevertheless."""

from types import TracebackType
from typing import Any, Self, TypeAlias

from numpy.typing import NDArray

_Port: TypeAlias = tuple[str, tuple[int, ...], str]
_Step: TypeAlias = tuple[str, tuple[_Port, ...], tuple[_Port, ...], float]
_About: TypeAlias = tuple[str, str, str, bytes, int, tuple[str, ...], tuple[_Step, ...]]
_Word: TypeAlias = tuple[str, float, float, int]
_Guess: TypeAlias = tuple[str, float]
_Shown: TypeAlias = tuple[
    int, str, str, tuple[_Guess, ...], tuple[_Guess, ...], str | None, str | None
]

def use(errors: tuple[type[Exception], ...]) -> None: ...

class Library:
    def __new__(cls, path: str) -> Self: ...
    def about(self) -> _About: ...

class Stream:
    """A live stream over a step. One thread at a time."""

    def __new__(cls, library: Library, step: int) -> Self: ...
    def step(self, *inputs: NDArray[Any], out: Any = None) -> Any:
        """One step, an array for each input by place.

        Gives the output, or a tuple of all outputs: new arrays, or those of `out`.

        Raises: InputError for another shape or type, a NaN, an infinity or what is above 1e9; then
            the state is as it was.
        """

    def reset(self) -> None:
        """Back to the initial state."""

    def save(self) -> bytes:
        """The state as bytes, from which any package of this model goes on, in any language."""

    def restore(self, saved: bytes) -> None:
        """Go on from there.

        Raises: StateError for bytes that are damaged, or of another model, step or version; then
            the state is as it was.
        """

    def close(self) -> None:
        """What comes after it raises ClosedError."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

class Spotter:
    def __new__(cls, library: Library) -> Self: ...
    def block(self) -> int: ...
    def push(self, blocks: NDArray[Any]) -> list[tuple[str, float, float]]: ...
    def threshold(self, new: float = ...) -> float: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...

class Recognizer:
    def __new__(
        cls, library: Library, beam: int, end_ms: float, phrases: tuple[tuple[Any, float], ...]
    ) -> Self: ...
    def block(self) -> int: ...
    def push(self, blocks: NDArray[Any]) -> list[_Word]: ...
    def finish(self) -> list[_Word]: ...
    def readings(self) -> list[tuple[list[_Word], float]]: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...

class Keyboard:
    def __new__(
        cls,
        library: Library,
        beam: int,
        suggestions: int,
        back: int,
        own: int,
        no_capitals: bool,
        margin: float,
    ) -> Self: ...
    def push(self, character: int, dx: float, dy: float) -> _Shown: ...
    def back(self, before: str) -> _Shown: ...
    def accept(self, word: str) -> _Shown | None: ...
    def add(self, word: str, worth: float) -> int: ...
    def keep(self, word: str) -> int: ...
    def begin(self) -> None: ...
    def close(self) -> None: ...
