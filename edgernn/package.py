"""What the packages for every language are made of: a bundle's C, and one description of it.

`embed/NAME/` holds what is particular to a language; `PACKAGE` there is a `Package`. Beside the
steps and their loop the C has `MODEL_package`, an edgernn_model as firmware_stubs/streams/stream.h
declares it, through which streams are opened whatever the model is.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pkgutil
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from edgernn.backend import find_backend, find_runner, np_dtype
from edgernn.bundle import Bundle
from edgernn.c_loop import literals
from edgernn.compilers import Compiler
from edgernn.errors import DataError, ToolError, UnknownName
from edgernn.loops import embedded_files, kind_of, saved_files
from edgernn.step_code import StepCode, step_code
from edgernn.target import Target
from edgernn.toolchain import build_archive, build_firmware, build_library, build_wasm, stub
from edgernn.verify import Say, golden_of, run_frames, same_bits

BUILDS = {
    "library": build_library,
    "archive": build_archive,
    "firmware": build_firmware,
    "wasm": build_wasm,
}
NO_MAIN = {"main.c": "int main(void) { return 0; }\n"}  # an image has one; steps are called alone
STREAMS = ("stream.h", "stream.c", "saved.h", "saved.c")
PARTS = ("_model", "", "_saved")  # headers of a loop
ID_BYTES = 16
SEAL = b"edgernn sha256 "
OPENED = """#include "{name}_package.h"
const edgernn_model *edgernn_package(void);
const edgernn_model *edgernn_package(void) {{ return &{name}_package; }}
"""
MARK = ".edgernn-package"  # lists the files of a package in its folder


class Package(Protocol):
    """A way to embed a model into programs of some language."""

    name: str
    summary: str

    def files(self, bundle: Bundle, target: str | None, say: Say) -> Mapping[str, bytes]:
        """Path within the package -> content. target: of the C, where one is chosen.

        Raises: DataError, BundleError, UnknownName, ToolError.
        """


@dataclass(frozen=True, slots=True)
class Code:
    """A bundle's C for a target. name: the package's; kind: of its loop; steps: their symbols."""

    name: str
    kind: str
    steps: tuple[str, ...]
    files: Mapping[str, str]

    @property
    def symbol(self) -> str:
        """Of the description."""
        return f"{self.name}_package"


def package_names() -> list[str]:
    """Every way to embed that embed/ has."""
    found = pkgutil.iter_modules(importlib.import_module("edgernn.embed").__path__)
    return sorted(m.name for m in found if not m.name.startswith("_"))


def find_package(name: str) -> Package:
    """The package in embed/NAME. Raises: UnknownName."""
    known = package_names()
    if name not in known:
        raise UnknownName("package", name, known)
    package: Package = importlib.import_module(f"edgernn.embed.{name}").PACKAGE
    return package


def called(bundle: Bundle, name: str) -> Bundle:
    """The bundle, whose package is called so: beside another of the same model, in one program.

    Raises: DataError for what is no name in every language.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == "edgernn":
        raise DataError(
            f"name {name!r}: need small letters, digits and underscores, a letter first, and not "
            "edgernn"
        )
    return Bundle(bundle.path, {**bundle.manifest, "package": name})


def name_of(bundle: Bundle) -> str:
    """What the package is called in every language: letters, digits and underscores."""
    if name := bundle.manifest.get("package"):
        return str(name)
    parts = [bundle.manifest["model"], bundle.manifest.get("variant")]
    name = re.sub(r"\W", "_", "_".join(str(part) for part in parts if part)).lower()
    return name if name[0].isalpha() else f"model_{name}"


def model_id(bundle: Bundle) -> bytes:
    """The same for the same steps in the same number type, whatever they are compiled for.

    Raises: DataError for a bundle that stores no steps.
    """
    members, steps = bundle.manifest["members"], bundle.manifest["steps"]
    stored = {name: row.get("stored") for name, row in steps.items()}
    if lacking := [name for name, member in stored.items() if member is None]:
        raise DataError(
            f"{bundle.path}: does not store the step {lacking[0]}; export it by --backend c "
            "and without --slim"
        )
    text = json.dumps({name: members[member]["sha256"] for name, member in stored.items()})
    return hashlib.sha256(text.encode()).digest()[:ID_BYTES]


def package_code(bundle: Bundle, target: str) -> Code:
    """All C of a package for a target. Raises: DataError, BundleError, UnknownName."""
    identity = model_id(bundle)
    name, kind = name_of(bundle), kind_of(bundle)
    steps = step_code(bundle, target)
    made = {
        **embedded_files(bundle, steps),
        **{each: stub(f"streams/{each}") for each in STREAMS},
        **saved_files(kind),
        f"{name}_package.h": _header(name, kind),
        f"{name}_package.c": _source(bundle, name, kind, identity, steps),
    }
    return Code(name, kind, tuple(one.symbol for one in steps.values()), made)


def proven(bundle: Bundle, target: Target, say: Say) -> None:
    """Run every step's golden vectors by code that is made anew for a target, where it can be run.

    What the bundle holds for its own targets was proven before it was written.
    Raises: ParityError at the first bit that differs, ToolError if it does not compile.
    """
    backend: Any = find_backend("c")
    build = BUILDS[target.kind]
    for step, one in step_code(bundle, target.name).items():
        where = f"{step} on {target.name}"
        if target.name in {row["target"] for row in bundle.manifest["steps"][step]["artifacts"]}:
            continue
        say(f"{where}: golden vectors")
        with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
            files = {**one.files, **(NO_MAIN if target.kind == "firmware" else {})}
            binary = build(files, target, Path(folder), name=one.symbol).read_bytes()
        runner = find_runner(target.runner)
        if missing := runner.missing():
            say(f"{where}: not run here: {missing}")
            continue
        row = {**bundle.manifest["steps"][step], "facts": one.facts}
        program = backend.open(row, binary, runner, target)
        golden = golden_of(bundle, step)
        same_bits(where, run_frames(program, golden["in"]), golden["out"])


def model_library(bundle: Bundle, target: Target, say: Say, *, cc: Compiler | None = None) -> bytes:
    """All of a package's C as a shared library, for bindings that open it as a file.

    It exports `const edgernn_model *edgernn_package(void)` alone and needs no other library. Behind
    it stands the seal of `sealed`, which loaders of shared libraries do not look at.
    Raises: ParityError, ToolError, DataError, BundleError, UnknownName.
    """
    proven(bundle, target, say)
    code = package_code(bundle, target.name)
    files = {**code.files, "opened.c": OPENED.format(name=code.name)}
    options: Any = {"name": code.name, "exports": ["edgernn_package"], "alone": True, "cc": cc}
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        return sealed(build_library(files, target, Path(folder), **options).read_bytes())


def sealed(data: bytes) -> bytes:
    """Bytes with the mark SEAL and the sha256 of all before it, in hex, behind them."""
    return data + SEAL + hashlib.sha256(data).hexdigest().encode()


def filled(template: str, words: Mapping[str, str]) -> str:
    """A template with @WORD@ replaced. Raises: KeyError for a word that is not given."""
    return re.sub(r"@([A-Z_]+)@", lambda found: words[found.group(1)], template)


def package_place(out: Path) -> Path:
    """The absolute path. Raises: DataError if no package may be written there."""
    out = Path(os.path.abspath(out))
    if not out.parent.is_dir():
        raise DataError(f"{out}: the folder {out.parent} does not exist; make it first")
    there = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if there and not (out / MARK).is_file():
        raise DataError(f"{out}: holds something that is no package; give another folder")
    return out


def write_package(files: Mapping[str, bytes], out: Path) -> None:
    """Write a package's files as a folder, whole or not at all.

    A folder that holds a package already is replaced. Raises: DataError for a place that it may
    not take, ToolError when the disk refuses.
    """
    out = package_place(out)
    listed = json.dumps(sorted(files), indent=1).encode()
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
            folder, old = Path(temporary) / "new", Path(temporary) / "old"
            for name, content in {**files, MARK: listed}.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            if out.exists():
                out.rename(old)
            folder.rename(out)
    except OSError as cause:
        raise ToolError(f"{out}: cannot write the package: {cause.strerror or cause}") from cause


def described(bundle: Bundle) -> dict[str, Any]:
    """The model as bindings show it: what their files beside the code hold as JSON."""
    manifest = bundle.manifest
    return {
        "name": name_of(bundle),
        "kind": kind_of(bundle),
        "id": model_id(bundle).hex(),
        "edgernn": manifest["edgernn"],
        "number_type": manifest["number_type"],
        "sample_rate_hz": manifest.get("sample_rate_hz"),
        "labels": list(manifest.get("labels") or ()),
        "steps": [
            {
                "name": step,
                "inputs": row["inputs"],
                "outputs": row["outputs"],
                "frame_ms": bundle.frame_ms(step),
            }
            for step, row in manifest["steps"].items()
        ],
    }


def single_header(code: Code) -> str:
    """Every declaration of a package in one text, each header before those that include it."""
    done: list[str] = []
    lines: list[str] = []

    def take(name: str) -> None:
        if name in done:
            return
        done.append(name)
        own = []
        for line in code.files[name].splitlines():
            found = re.fullmatch(r'#include "(.*)"', line)
            if found:
                take(found.group(1))
            else:
                own.append(line)
        lines.extend([*own, ""])

    take(f"{code.name}_package.h")
    return "\n".join(lines)


def _header(name: str, kind: str) -> str:
    guard = f"{name.upper()}_PACKAGE_H"
    return "\n".join(
        [
            f"/* The model {name} as a package. Made by: edgernn embed */",
            f"#ifndef {guard}",
            f"#define {guard}",
            '#include "stream.h"',
            *(f'#include "{kind}{part}.h"' for part in PARTS if kind),
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            f"extern const edgernn_model {name}_package;",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
            "",
        ]
    )


def _source(
    bundle: Bundle, name: str, kind: str, identity: bytes, code: Mapping[str, StepCode]
) -> str:
    manifest, lines, rows = bundle.manifest, [], []
    for step, one in code.items():
        made, row = _step(manifest["steps"][step], one, step, bundle.frame_ms(step))
        lines += made
        rows += row
    labels = [] if kind == "keyboard" else list(manifest.get("labels") or ())
    if labels:
        texts = (f"    {line}," for line in literals(labels))
        lines += [f"static const char *const labels[{len(labels)}] = {{", *texts, "};", ""]
    fields = {
        "abi": "EDGERNN_ABI",
        "name": f'"{name}"',
        "version": literals([manifest["edgernn"]])[0],
        "id": f"{{{', '.join(map(str, identity))}}}",
        "step_count": f"{len(code)}u",
        "label_count": f"{len(labels)}u",
        "sample_rate": f"{int(manifest.get('sample_rate_hz') or 0)}u",
        "steps": "steps",
        "labels": "labels" if labels else "0",
        "kind": f'"{kind}"',
        "loop": f"&{kind}_model" if kind else "0",
    }
    return "\n".join(
        [
            f'#include "{name}_package.h"',
            *(f'#include "{one.symbol}.h"' for one in code.values()),
            "",
            *lines,
            f"static const edgernn_model_step steps[{len(code)}] = {{",
            *rows,
            "};",
            "",
            f"const edgernn_model {name}_package = {{",
            *(f"    .{field} = {value}," for field, value in fields.items()),
            "};",
            "",
        ]
    )


def _step(
    row: Mapping[str, Any], code: StepCode, step: str, frame_ms: float
) -> tuple[list[str], list[str]]:
    """What a step's description needs before it, and the description."""
    symbol, upper = code.symbol, code.symbol.upper()
    lines, arguments = [], []
    for kind, ports in (("in", row["inputs"]), ("out", row["outputs"])):
        for i, port in enumerate(ports):
            shape = ", ".join(f"{size}u" for size in port["shape"]) or "1u"
            lines.append(f"static const uint32_t {symbol}_{kind}_shape_{i}[] = {{{shape}}};")
            arguments.append(f"{kind}[{i}]")
        lines += [
            f"static const edgernn_port {symbol}_{kind}[{len(ports)}] = {{",
            *(f"    {_port(port, f'{symbol}_{kind}_shape_{i}')}," for i, port in enumerate(ports)),
            "};",
        ]
    lines += [
        f"static void run_{symbol}(void *state, void *scratch, const void *const *in, "
        "void *const *out) {",
        f"  {symbol}_step(state, scratch, {', '.join(arguments)});",
        "}",
        "",
    ]
    fields = {
        "name": literals([step])[0],
        "state_bytes": f"{upper}_STATE_BYTES",
        "scratch_bytes": f"{upper}_SCRATCH_BYTES",
        "input_count": f"{len(row['inputs'])}u",
        "output_count": f"{len(row['outputs'])}u",
        "inputs": f"{symbol}_in",
        "outputs": f"{symbol}_out",
        "frame_ms": float(frame_ms).hex(),
        "reset": f"{symbol}_reset",
        "run": f"run_{symbol}",
    }
    return lines, ["    {", *(f"        .{k} = {v}," for k, v in fields.items()), "    },"]


def _port(port: Mapping[str, Any], shape: str) -> str:
    dtype = np_dtype(port["dtype"])
    name, kind = literals([port["name"], dtype.name])
    counts = f"{int(dtype == np.float32)}u, {dtype.itemsize}u, {prod(port['shape'])}u"
    return f"{{{name}, {kind}, {counts}, {len(port['shape'])}u, {shape}}}"
