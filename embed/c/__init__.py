"""A folder that builds anywhere: one header, C99 sources, CMake and Make, an example."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgernn.bundle import Bundle
from edgernn.compilers import Gcc
from edgernn.package import Code, filled, package_code, proven, single_header
from edgernn.target import Target, find_target
from edgernn.toolchain import ABI
from edgernn.verify import Say

TEMPLATE = Path(__file__).parent / "template"
STEP_MACROS = ("STATE_BYTES", "SCRATCH_BYTES", "MACS", "H")
LOOP_NAMES = ("model", "labels")
LOOP_MACROS = ("BYTES", "SAVED_BYTES", "BLOCK", "LABELS", "MODEL_H")
FLAGS = ("-ffp-contract=off", "-fno-strict-aliasing")  # what bits, and the scratch memory, hang on


class C:
    """Sources for a compiler of one's own, for any target of the compiler's."""

    name = "c"
    summary = "C99 sources and one header, with CMake and Make"

    def files(self, bundle: Bundle, target: str | None, say: Say) -> Mapping[str, bytes]:
        """Path -> content. target: the bundle's own if none.

        Raises: UnknownName, DataError, BundleError, ToolError, ParityError.
        """
        place = find_target(target or str(bundle.manifest["target"]))
        code = package_code(bundle, place.name)
        proven(bundle, place, say)
        texts = {
            f"include/{code.name}.h": single_header(code),
            **{f"src/{name}": text for name, text in code.files.items()},
            **self._around(bundle, code, place),
        }
        return {path: own_names(text, code).encode() for path, text in texts.items()}

    def _around(self, bundle: Bundle, code: Code, target: Target) -> dict[str, str]:
        example = f"example_{code.kind}.c" if code.kind else "example.c"
        words = {
            "NAME": code.name,
            "VERSION": str(bundle.manifest["edgernn"]),
            "RATE": f"{bundle.manifest.get('sample_rate_hz') or 0:g}",
            "STEP": next(iter(bundle.manifest["steps"])),
            "TARGET": target.name,
            "FLAGS": " ".join([*_machine(target), *FLAGS]),
            "SUMMARY": f"The model {bundle.manifest['model']} in {bundle.manifest['number_type']}.",
        }
        made = {
            name: filled((TEMPLATE / name).read_text(encoding="utf-8"), words)
            for name in ("CMakeLists.txt", "Makefile")
        }
        made["example.c"] = filled((TEMPLATE / example).read_text(encoding="utf-8"), words)
        words["EXAMPLE"] = made["example.c"].splitlines()[0].strip("/* ")
        made["README.md"] = filled((TEMPLATE / "README.md").read_text(encoding="utf-8"), words)
        return made


def own_names(text: str, code: Code) -> str:
    """A text in which what belongs to this model is called by its name, beside other packages.

    That is its steps, the loop's model and labels, and their macros; what is edgernn's is the same
    in every package.
    """
    own = dict(_own_names(code))
    found = re.compile(rf"\b(?:{'|'.join(map(re.escape, own))})(?!\w)")
    lines = (
        line if line.startswith("#include") else found.sub(lambda name: own[name[0]], line)
        for line in text.splitlines()
    )
    return "\n".join([*lines, ""])


def _own_names(code: Code) -> Iterator[tuple[str, str]]:
    """Every name that a linker or a preprocessor sees, and what it is called in the package."""
    lower, upper = f"{code.name}_", f"{code.name.upper()}_"
    for step in code.steps:
        if step == code.name:
            continue
        yield from ((f"{step}_{part}", f"{lower}{step}_{part}") for part in ABI)
        macros = (f"{step.upper()}_{part}" for part in STEP_MACROS)
        yield from ((macro, f"{upper}{macro}") for macro in macros)
        names = f"({step.upper()}, {step})"
        yield f"EDGERNN_STEP{names}", f"EDGERNN_STEP({upper}{step.upper()}, {lower}{step})"
    if code.kind and code.kind != code.name:
        yield from ((f"{code.kind}_{part}", f"{lower}{code.kind}_{part}") for part in LOOP_NAMES)
        macros = (f"{code.kind.upper()}_{part}" for part in LOOP_MACROS)
        yield from ((macro, f"{upper}{macro}") for macro in macros)


def _machine(target: Target) -> list[str]:
    """A compiler's flags for the target, without those of its linker."""
    words = [*Gcc("cc").command(target)[1:], *target.flags]
    return [word for word in words if not word.startswith("-Wl,")]


PACKAGE = C()
