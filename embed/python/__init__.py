"""A folder that pip installs and Python imports as it is; numpy is all it needs.

The extension in package/_edgernn.abi3.so is the same for every model. It is built here, against
CPython's stable ABI and without its headers, so whoever gets the folder needs no compiler.
"""

from __future__ import annotations

import json
import keyword
import platform
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgernn.bundle import Bundle
from edgernn.c_loop import loop_sources
from edgernn.errors import DataError
from edgernn.keyboard import c_loop as keyboard
from edgernn.loops import kind_of
from edgernn.package import STREAMS, filled, model_library, name_of
from edgernn.recognition import c_loop as recognition
from edgernn.spotting import c_loop as spotting
from edgernn.target import Target, find_target
from edgernn.toolchain import build_library, stub
from edgernn.verify import Say

HERE = Path(__file__).parent
EXTENSION, MODEL = "_edgernn.abi3.so", "model.sealed"
PLAIN = (
    "_closing.py",
    "_edgernn.pyi",
    "_errors.py",
    "_load.py",
    "_model.py",
    "_native.py",
    "_program.py",
)
OF_KIND = {
    "": (),
    "spotter": ("_sound.py", "_spotter.py"),
    "recognizer": ("_recognizer.py", "_sound.py"),
    "keyboard": ("_keyboard.py",),
}
PUBLIC = {
    "_errors": (
        *("BusyError", "ClosedError", "EdgernnError", "InputError", "ModelError", "StateError"),
    ),
    "_keyboard": ("Guess", "Keyboard", "Revision", "Shown"),
    "_model": ("Model", "Port", "Step"),
    "_native": ("Stream",),
    "_recognizer": ("Reading", "Recognizer", "Word"),
    "_spotter": ("Detection", "Spotter"),
}
# bits of CPUs that a wheel's name tells; no symbol of a C library has a version, so any one does
PLATFORM = "manylinux_2_17_{cpu}.musllinux_1_1_{cpu}"


class Python:
    """A package for CPython 3.11 and later on Linux."""

    name = "python"
    summary = "a folder to pip install, or to import as it is, with numpy alone"

    def files(self, bundle: Bundle, target: str | None, say: Say) -> Mapping[str, bytes]:
        """Path -> content. target: the Linux it is for; this machine if none.

        Raises: UnknownName, DataError, BundleError, ToolError, ParityError.
        """
        place = find_target(target or "host")
        cpu = _cpu(place)
        name, kind = _name(bundle), kind_of(bundle)
        say(f"{name}: the extension for {place.name}")
        words = {
            "NAME": name,
            "VERSION": str(bundle.manifest["edgernn"]),
            "SUMMARY": f"The model {bundle.manifest['model']} in {bundle.manifest['number_type']}.",
            "PLATFORM": PLATFORM.format(cpu=cpu),
            "CPU": cpu,
            "USE": _template(f"use_{kind or 'steps'}.txt"),
        }
        words["USE"] = filled(words["USE"], words)
        made = {
            "pyproject.toml": filled(_template("project.toml"), words),
            "README.md": filled(_template("README.md"), words),
            "_wheel.py": _own("_wheel.py"),
            f"{name}/__init__.py": _init(kind, words),
            f"{name}/__main__.py": _own(f"package/_main_{kind or 'steps'}.py"),
            f"{name}/py.typed": "",
            **{f"{name}/{file}": _own(f"package/{file}") for file in (*PLAIN, *OF_KIND[kind])},
        }
        return {
            **{path: text.encode() for path, text in made.items()},
            f"{name}/{EXTENSION}": extension(place),
            f"{name}/{MODEL}": model_library(bundle, place, say),
        }


def extension(target: Target) -> bytes:
    """The extension in C for a target. Raises: ToolError."""
    if not target.zig_target:  # it runs before the CPU's instructions are asked for
        target = replace(target, zig_cpu="baseline")
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        path = build_library(
            extension_sources(),
            target,
            Path(folder),
            name="_edgernn",
            exports=["PyInit__edgernn"],
            alone=True,
        )
        return path.read_bytes()


def extension_sources() -> dict[str, str]:
    """File name -> C: the extension, streams, and every loop."""
    own = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "native").iterdir()}
    return {
        **{name: stub(f"streams/{name}") for name in STREAMS},
        **loop_sources("spotting", (*spotting.LOOP, *spotting.SAVED)),
        **loop_sources("recognition", (*recognition.LOOP, *recognition.SAVED)),
        **loop_sources("keyboard", (*keyboard.LOOP, *keyboard.SAVED)),
        **own,
    }


def _cpu(target: Target) -> str:
    """The CPU as wheels name it. Raises: DataError for a target without CPython."""
    cpus = {"host": platform.machine(), "aarch64": "aarch64"}
    if target.name not in cpus:
        raise DataError(
            f"{target.name}: a package for python is for Linux: --on {' or '.join(cpus)}"
        )
    return cpus[target.name]


def _name(bundle: Bundle) -> str:
    """Of the package. Raises: DataError for one that Python itself has."""
    name = name_of(bundle)
    if keyword.iskeyword(name) or name in sys.stdlib_module_names or name == "numpy":
        raise DataError(
            f"{bundle.path}: the model is called {name}, as a word or a module of Python's; "
            "export it by another name"
        )
    return name


def _init(kind: str, words: Mapping[str, str]) -> str:
    """The package's __init__: the API of its own kind."""
    modules = [module for module in PUBLIC if f"{module}.py" in (*PLAIN, *OF_KIND[kind])]
    names = sorted(name for module in modules for name in PUBLIC[module])
    imports = "\n".join(f"from .{each} import {', '.join(PUBLIC[each])}" for each in modules)
    every = "\n".join(f"    {json.dumps(name)}," for name in names)
    return f'"""{words["SUMMARY"]}\n\n{words["USE"]}"""\n\n{imports}\n\n__all__ = [\n{every}\n]\n'


def _own(path: str) -> str:
    return (HERE / path).read_text(encoding="utf-8")


def _template(name: str) -> str:
    return _own(f"template/{name}")


PACKAGE = Python()
