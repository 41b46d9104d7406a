"""A bundle's keyboard as one static program, and what it shows of keystrokes on a device."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from edgernn.bundle import Bundle
from edgernn.c_loop import literals
from edgernn.device import Device
from edgernn.errors import DataError, ToolError
from edgernn.keyboard.c_loop import MODEL_H, MOST_BEAM, MOST_OWN, MOST_SUGGESTIONS, keyboard_files
from edgernn.keyboard.decode import BACK, Guess, Revision, Shown
from edgernn.keyboard.own_words import OwnWords
from edgernn.keyboard.search import MARGIN
from edgernn.keyboard.typing import Keystroke
from edgernn.step_code import step_code
from edgernn.target import find_target
from edgernn.toolchain import build_program, stub


def sources(
    bundle: Bundle,
    target: str,
    *,
    beam: int = 4,
    suggestions: int = 3,
    back: int = BACK,
    own: OwnWords | None = None,
    capitals: bool = True,
    margin: float | None = MARGIN,
    room: int = 0,
) -> dict[str, str]:
    """C with a `main` that reads keystrokes and prints what is shown; options as `Keyboard` has.

    room: for words that are kept while it is typed.

    Raises: DataError for a bundle or options that cannot be.
    """
    own = own or OwnWords()
    options = {"beam": beam, "suggestions": suggestions, "back": back}
    for name, most in (("beam", MOST_BEAM), ("suggestions", MOST_SUGGESTIONS), ("back", MOST_OWN)):
        if not 1 <= options[name] <= most:
            raise DataError(f"{name} {options[name]}; the loop in C takes 1 to {most}")
    options |= {"own": len(own.worth) + len(own.kept) + room, "no_capitals": int(not capitals)}
    files = keyboard_files(bundle, step_code(bundle, target))
    files["type.h"] = _header(options, margin or 0.0, own)
    files["type.c"] = stub("keyboard/type.c")
    return files


def build(bundle: Bundle, target: str, **options: Any) -> bytes:
    """A static program of the `sources`. Raises: DataError, ToolError."""
    files = sources(bundle, target, **options)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        return build_program(files, find_target(target), Path(folder), name="type").read_bytes()


def shown(device: Device, program: bytes, keys: Iterable[Keystroke]) -> Iterator[Shown]:
    """What a program that `build` made shows after each keystroke.

    A backspace takes one back, UNDO the last correction.

    Raises: ToolError.
    """
    sent = (struct.pack("<Iff", ord(key.char), key.dx, key.dy) for key in keys)
    return parsed(device.run(program, sent))


def parsed(lines: Iterable[str]) -> Iterator[Shown]:
    """What the program printed. Raises: ToolError."""
    text = ""
    for line in lines:
        try:
            word, erased, put, typing, *rest = line.split(" ")
            completions, rest = _guesses(rest)
            readings, revised = _guesses(rest)
            if word != "shown" or len(revised) not in (0, 2) or int(erased) > len(text):
                raise ValueError(word)
            text = text[: len(text) - int(erased)] + _text(put)
            changed = Revision(*map(_text, revised)) if revised else None
            one = Shown(text, _text(typing), completions, readings, changed)
        except (ValueError, IndexError, struct.error) as cause:
            raise ToolError(f"the keyboard printed {line!r}, which nothing shows") from cause
        yield one


def _guesses(words: list[str]) -> tuple[tuple[Guess, ...], list[str]]:
    """Those at the beginning, and the rest."""
    end = 1 + 2 * int(words[0])
    pairs = zip(words[1:end:2], words[2:end:2], strict=True)
    return tuple(Guess(_text(text), _share(bits)) for bits, text in pairs), words[end:]


def _share(bits: str) -> float:
    (share,) = struct.unpack("<f", struct.pack("<I", int(bits, 16)))
    return float(share)


def _text(digits: str) -> str:
    if digits[:1] != ".":
        raise ValueError(digits)
    return bytes.fromhex(digits[1:]).decode()


def _header(options: dict[str, int], margin: float, own: OwnWords) -> str:
    words = zip(literals(list(own.worth)), own.worth.values(), strict=True)
    calls = [f"edgernn_keyboard_add(k, {word}, {float(worth).hex()}f)" for word, worth in words]
    calls += [f"edgernn_keyboard_keep(k, {word})" for word in literals(sorted(own.kept))]
    return "\n".join(
        [
            f'#include "{MODEL_H}"',
            *(f"#define {name.upper()} {count}u" for name, count in options.items()),
            f"#define MARGIN {float(margin).hex()}f",
            "static int teach(edgernn_keyboard *k) {",
            "  (void)k;",
            *(f"  if ({call}) return -1;" for call in calls),
            "  return 0;",
            "}",
            "",
        ]
    )
