"""All that is served, in memory: the page, the packages, the clips. No path leads to the disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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


def site(found: Iterable[Ready]) -> Mapping[str, Page]:
    """Path -> page. Raises: DataError if two packages have one name."""
    pages: dict[str, Page] = {}

    def add(path: str, content: bytes) -> None:
        pages[path] = Page(TYPES[path.rpartition(".")[2]], content)

    for each in (resources.files("edgernn.demo") / "page").iterdir():
        if each.name.endswith(KEPT):
            add(f"/{each.name}", each.read_bytes())
    pages["/"] = pages["/index.html"]
    told: list[dict[str, Any]] = []
    for one in found:
        if any(other["name"] == one.name for other in told):
            raise DataError(f"two bundles of the model {one.name}; give one of them")
        for name, content in one.files.items():
            if name.endswith(KEPT):
                add(f"/packages/{one.name}/{name}", content)
        clips = {}
        for name, samples in _clips(one):
            clips[name] = f"/clips/{one.name}/{name}.f32"
            add(clips[name], samples)
        told.append(described(one, clips))
    add("/demo.json", json.dumps({"packages": told, "keyboard": _keyboard()}).encode())
    return pages


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
