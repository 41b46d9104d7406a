"""A folder that builds anywhere: one header, C99 sources, CMake and Make, an example."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgernn.bundle import Bundle
from edgernn.compilers import Gcc
from edgernn.package import Code, filled, package_code, proven, single_header
from edgernn.target import Target, find_target
from edgernn.verify import Say

TEMPLATE = Path(__file__).parent / "template"
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
        return {path: text.encode() for path, text in texts.items()}

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


def _machine(target: Target) -> list[str]:
    """A compiler's flags for the target, without those of its linker."""
    words = [*Gcc("cc").command(target)[1:], *target.flags]
    return [word for word in words if not word.startswith("-Wl,")]


PACKAGE = C()
