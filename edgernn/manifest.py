"""The form of a bundle's manifest, checked before anything in it is believed.

Every complaint names the place (`steps.kws.inputs[0].shape`), what was found and what is needed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from edgernn.errors import BundleError

SCHEMA = 1
MANIFEST = "manifest.json"
DTYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
Check = Callable[[str, Any], None]


def encode(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as JSON, the same bytes for the same content. Raises: BundleError."""
    try:
        text = json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as cause:
        raise BundleError(f"manifest cannot be written as JSON: {cause}") from cause
    return text.encode()


def decode(data: bytes) -> dict[str, Any]:
    """A manifest from the bytes of manifest.json, its form checked. Raises: BundleError."""
    try:
        manifest = json.loads(data.decode())
    except (ValueError, RecursionError) as cause:
        raise BundleError(f"{MANIFEST} is not JSON: {cause}") from cause
    if not isinstance(manifest, dict):
        raise BundleError(f"{MANIFEST} holds a {type(manifest).__name__}; need an object")
    schema = manifest.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise BundleError(
            f"made by a newer edgernn (schema {schema}, this one reads {SCHEMA}); "
            "run: pip install --upgrade edgernn"
        )
    if schema != SCHEMA or isinstance(schema, bool):
        raise BundleError(f"{MANIFEST}: schema is {schema!r}; need {SCHEMA}")
    check_form(manifest)
    return manifest


def check_form(manifest: Mapping[str, Any]) -> None:
    """Every field that a reader relies on, of the form it relies on. Raises: BundleError."""
    _FORM("", manifest)
    for path, main in _mains(manifest):
        if main not in manifest["members"]:
            raise BundleError(f"{MANIFEST}: {path} names {main!r}, which is not among the members")


def _mains(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for name, step in manifest["steps"].items():
        rows = enumerate(step["artifacts"])
        found += [(f"steps.{name}.artifacts[{i}].main", row["main"]) for i, row in rows]
        found += [(f"steps.{name}.{k}", step[k]) for k in ("golden", "stored") if step.get(k)]
    return found


def _fail(path: str, value: Any, need: str) -> None:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    raise BundleError(f"{MANIFEST}: {path or 'the top'} is {shown}; need {need}")


def _text(path: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        _fail(path, value, "text")


def _whole(least: int) -> Check:
    def check(path: str, value: Any) -> None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not least <= value < 2**48:
            _fail(path, value, f"a whole number, at least {least}")

    return check


def _number(path: str, value: Any) -> None:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or value <= 0:
        _fail(path, value, "a number above 0")


def _one_of(known: tuple[str, ...]) -> Check:
    def check(path: str, value: Any) -> None:
        if value not in known:
            _fail(path, value, f"one of {', '.join(known)}")

    return check


def _match(pattern: str, need: str) -> Check:
    def check(path: str, value: Any) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            _fail(path, value, need)

    return check


def _list(item: Check, least: int = 0) -> Check:
    def check(path: str, value: Any) -> None:
        if not isinstance(value, list) or len(value) < least:
            _fail(path, value, f"a list of {least} or more")
        for i, entry in enumerate(value):
            item(f"{path}[{i}]", entry)

    return check


def _dict(item: Check, least: int = 0) -> Check:
    def check(path: str, value: Any) -> None:
        if not isinstance(value, Mapping) or len(value) < least:
            _fail(path, value, f"an object of {least} or more")
        for name, entry in value.items():
            item(f"{path}.{name}", entry)

    return check


def _object(need: Mapping[str, Check], may: Mapping[str, Check] | None = None) -> Check:
    def check(path: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            _fail(path, value, "an object")
        dot = f"{path}." if path else ""
        for name, inner in need.items():
            if name not in value:
                raise BundleError(f"{MANIFEST}: {dot}{name} is missing")
            inner(f"{dot}{name}", value[name])
        for name, inner in (may or {}).items():
            if value.get(name) is not None:
                inner(f"{dot}{name}", value[name])

    return check


_SHAPE = _list(_whole(0))
_PORT = _object({"name": _text, "shape": _SHAPE, "dtype": _one_of(DTYPES)})
_STATE = _object({"in": _text, "out": _text, "shape": _SHAPE, "dtype": _one_of(DTYPES)})
_TIMING = _object(
    {
        "block": _whole(1),
        "ratio": _match(r"[1-9][0-9]{0,8}(/[1-9][0-9]{0,8})?", "a fraction such as '1/320'"),
        "delay": _whole(0),
    }
)
_ARTIFACT = _object(
    {"backend": _text, "target": _text, "number_type": _text, "main": _text},
    {"facts": _dict(lambda path, value: None)},
)
_STEP = _object(
    {
        "inputs": _list(_PORT, 1),
        "outputs": _list(_PORT, 1),
        "states": _list(_STATE),
        "timing": _TIMING,
        "artifacts": _list(_ARTIFACT, 1),
    },
    {"golden": _text, "stored": _text, "frame_ms": _number},
)
_MEMBER = _object(
    {"sha256": _match(r"[0-9a-f]{64}", "64 hex digits"), "bytes": _whole(0)},
)
_FORM = _object(
    {
        "edgernn": _text,
        "model": _text,
        "target": _text,
        "number_type": _text,
        "frame_ms": _number,
        "steps": _dict(_STEP, 1),
        "members": _dict(_MEMBER),
    },
    {
        "variant": _text,
        "sample_rate_hz": _number,
        "labels": _list(_text),
        "further_words": _list(_text),
        "first_words": _dict(_number),
        "spotting": _object(dict.fromkeys(("threshold", "window_ms", "refractory_ms"), _number)),
        "calibration": _text,
    },
)
