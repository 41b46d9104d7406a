"""A package of npm's for browsers and node: an ES module around WebAssembly, with its types."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from edgernn.bundle import Bundle
from edgernn.c_loop import literals
from edgernn.embed.web.patch import patch
from edgernn.errors import DataError
from edgernn.package import Code, described, filled, name_of, package_code, proven
from edgernn.spotting.detector import is_keyword
from edgernn.target import Target, find_target
from edgernn.toolchain import build_wasm
from edgernn.verify import Say

HERE = Path(__file__).parent
FORM = 2  # of the description
SIMD = "wasm"
OTHERS = {"relaxed": "wasm-relaxed", "plain": "wasm-plain"}  # forms beside that
STREAM = ("bytes", "room", "open", "step", "reset", "saved_bytes", "save", "restore", "close")
LOOPS = {
    "spotter": ("reset", "push"),
    "recognizer": ("reset", "push", "finish", "readings"),
    "keyboard": ("begin", "push", "back", "undo", "accept", "add", "keep", "shown"),
}
EVERY = ("bytes", "init", "saved_bytes", "save", "restore")  # that loops have
COMMON = ("README.md", "index.js", "index.d.ts", "errors.js", "memory.js", "stream.js", "model.js")
HEARD = ("spotter", "recognizer")
MOST_WORDS = 20  # that a page names
MICROPHONE = ("microphone.js", "microphone.d.ts", "worklet.js")


class Web:
    """Runs wherever WebAssembly does; with relaxed SIMD or SIMD where the engine has it."""

    name = "web"
    summary = "an npm package: an ES module, WebAssembly, types, the microphone"

    def files(self, bundle: Bundle, target: str | None, say: Say) -> Mapping[str, bytes]:
        """Path -> content. Raises: UnknownName, DataError, BundleError, ToolError, ParityError."""
        if target not in (None, SIMD):
            raise DataError(f"--on {target}: a package for the web is for {SIMD} alone")
        name, built = name_of(bundle), {}
        for place in (SIMD, *OTHERS.values()):
            proven(bundle, find_target(place), say)
            say(f"{name}: compiling for {place}")
            code = package_code(bundle, place)
            built[place] = _module(bundle, code, find_target(place))
        return {**_modules(name, built), **_texts(bundle, code.kind)}


def _module(bundle: Bundle, code: Code, target: Target) -> bytes:
    """The compiled package."""
    told = described(bundle)
    if code.kind == "keyboard":
        told["labels"] = []  # the loop's own, and many
    words = {
        "NAME": code.name,
        "KIND": code.kind,
        "DESCRIPTION": literals([json.dumps(told, separators=(",", ":"))])[0],
    }
    parts = ["package.c", *(["loop.c", f"{code.kind}.c"] if code.kind else [])]
    flat = filled("".join((HERE / "flat" / part).read_text("utf-8") for part in parts), words)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        return build_wasm(
            *({**code.files, "flat.c": flat}, target, Path(folder)),
            name=code.name,
            exports=list(_exports(code.kind)),
            alone=True,
        ).read_bytes()


def _exports(kind: str) -> Iterator[str]:
    yield from ("edgernn_package", "edgernn_description", "edgernn_message")
    yield from (f"edgernn_stream_{name}" for name in STREAM)
    if kind:
        yield from ("edgernn_loop", "edgernn_loop_room")
        yield from (f"edgernn_{kind}_{name}" for name in (*EVERY, *LOOPS[kind]))
    if kind == "recognizer":
        yield "edgernn_hot_words_add"


def _modules(name: str, built: Mapping[str, bytes]) -> dict[str, bytes]:
    """The module with SIMD, what the others have beside it, and what all must be."""
    files = {f"{name}.wasm": built[SIMD]}
    told: dict[str, Any] = {"form": FORM, "simd": _sealed(f"{name}.wasm", built[SIMD])}
    for form, place in OTHERS.items():
        file = f"{name}.{form}.bin"
        parts, files[file] = patch(built[SIMD], built[place])
        told[form] = {**_sealed(file, built[place]), "parts": parts}
    return {**files, f"{name}.json": json.dumps(told, separators=(",", ":")).encode()}


def _sealed(file: str, module: bytes) -> dict[str, Any]:
    """Where a module comes from, and what it must be."""
    return {"file": file, "bytes": len(module), "sha256": hashlib.sha256(module).hexdigest()}


def _texts(bundle: Bundle, kind: str) -> dict[str, bytes]:
    """What is around the modules."""
    loop, heard = kind.capitalize(), kind in HEARD
    labels = [label for label in bundle.manifest.get("labels") or () if is_keyword(label)]
    words = {
        "NAME": name_of(bundle),
        "SUMMARY": f"The model {bundle.manifest['model']} in {bundle.manifest['number_type']}.",
        "LOOP": loop,
        "EXPORT": f'export {{ {loop} }} from "./{kind}.js";\n' if kind else "",
        "TYPES": f'export * from "./{kind}.js";\n' if kind else "",
        "WORDS": escape(", ".join(labels[:MOST_WORDS])),
    }
    words["USAGE"] = filled(_template(f"usage_{kind or 'steps'}.js"), words)
    names = [*COMMON, *(MICROPHONE if heard else ())]
    names += ["loop.js", f"{kind}.js", f"{kind}.d.ts"] if kind else []
    texts = {name: _template(name) for name in names}
    texts["index.html"] = _template(f"page_{'heard' if heard else kind or 'steps'}.html")
    made = {name: filled(text, words).encode() for name, text in texts.items()}
    return {**made, "package.json": json.dumps(_described(bundle, words), indent=2).encode()}


def _described(bundle: Bundle, words: Mapping[str, str]) -> dict[str, Any]:
    """Npm's package.json."""
    return {
        "name": words["NAME"],
        "version": bundle.manifest["edgernn"],
        "description": words["SUMMARY"],
        "type": "module",
        "types": "./index.d.ts",
        "exports": {".": {"types": "./index.d.ts", "default": "./index.js"}, "./*": "./*"},
        "engines": {"node": ">=20.16"},
        "sideEffects": False,
    }


def _template(name: str) -> str:
    return (HERE / "template" / name).read_text("utf-8")


PACKAGE = Web()
