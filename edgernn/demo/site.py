"""All that is served, in memory: the page, the packages, the clips. No path leads to the disk."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from edgernn.audio import read_audio
from edgernn.demo.ready import Ready, clips_of, described
from edgernn.errors import DataError, EdgernnError
from edgernn.keyboard.layout import QWERTY
from edgernn.keyboard.typing import Typed, Typist

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "wasm": "application/wasm",
    "f32": "application/octet-stream",
    "bin": "application/octet-stream",
}
KEPT = tuple(f".{ending}" for ending in TYPES)
SENTENCES = (
    "I will be there in twenty minutes, please wait for me.",
    "Have you seen the photos from the weekend?",
    "Thanks, that would be great. See you tomorrow.",
    "We should leave early because of the traffic.",
)
MISSES = 0.12  # of the keystrokes of what the page types by itself


@dataclass(frozen=True, slots=True)
class Page:
    """Bytes, and what they are."""

    type: str
    content: bytes


class Site:
    """Pages by their path: the page itself, and models as they become ready."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self._told: list[dict[str, Any]] = []
        self._making, self._trouble = "", ""
        self._keyboard = _keyboard()
        for each in (resources.files("edgernn.demo") / "page").iterdir():
            if each.name.endswith(KEPT):
                self._put(f"/{each.name}", each.read_bytes())
        self.pages["/"] = self.pages["/index.html"]
        self._tell()

    def add(self, one: Ready) -> None:
        """A package and its clips. Raises: DataError if another has its name."""
        if any(other["name"] == one.name for other in self._told):
            raise DataError(f"two bundles of the model {one.name}; give one of them")
        for name, content in one.files.items():
            if name.endswith(KEPT):
                self._put(f"/packages/{one.name}/{name}", content)
        clips = {}
        for name, samples in _clips(one):
            clips[name] = f"/clips/{one.name}/{name}.f32"
            self._put(clips[name], samples)
        self._told.append(described(one, clips))
        self._tell()

    def making(self, line: str) -> None:
        """What is being done for a model that is to come; "" when all are there."""
        self._making = line
        self._tell()

    def failed(self, line: str) -> None:
        """Why a model does not come."""
        self._making, self._trouble = "", line
        self._tell()

    def _put(self, path: str, content: bytes) -> None:
        self.pages[path] = Page(TYPES[path.rpartition(".")[2]], content)

    def _tell(self) -> None:
        told = {"packages": self._told, "making": self._making, "trouble": self._trouble}
        self._put("/demo.json", json.dumps({**told, "keyboard": self._keyboard}).encode())


def _clips(one: Ready) -> Iterable[tuple[str, bytes]]:
    """Name and float32 samples at the model's rate."""
    if one.kind == "keyboard":
        return
    for path in clips_of(one.model):
        try:
            yield path.stem, read_audio(path, one.sample_rate_hz).samples.astype("<f4").tobytes()
        except EdgernnError as cause:
            raise DataError(f"clip {path.name}: {cause}") from cause


def _keyboard() -> dict[str, Any]:
    """Where keys lie, and sentences as a person typed them."""
    keys = [
        {"char": key.char, "x": key.x, "y": key.y, "page": key.page, "width": key.width}
        for key in (*QWERTY.keys, QWERTY.backspace)
    ]
    rng, typist = np.random.default_rng(3), Typist()
    typed = [typist.typed(each, rng, rate=MISSES, touches=True) for each in SENTENCES]
    return {"keys": keys, "typed": list(map(_strokes, typed))}


def _strokes(typed: Typed) -> dict[str, Any]:
    rows = zip(typed.text, typed.offsets.tolist(), strict=True)
    keys = [[char, round(dx, 3), round(dy, 3)] for char, (dx, dy) in rows]
    return {"intended": typed.intended, "keys": keys}
