"""What the loops in C around a bundle's steps are tested with alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgernn.bundle import Bundle, open_bundle, write


def step(
    name: str, taken: list[int], given: list[int], dtype: str = "float32", block: int = 1
) -> dict[str, Any]:
    """A step's row of a manifest, built for a chip."""
    facts = {"symbol": name, "state_bytes": 20, "scratch_bytes": 40, "compiled": "zig cc -O2"}
    return {
        "inputs": [{"name": "x", "shape": taken, "dtype": dtype}],
        "outputs": [{"name": "y", "shape": given, "dtype": "float32"}],
        "states": [],
        "timing": {"block": block, "ratio": "1", "delay": 0},
        "artifacts": [
            {
                "backend": "c",
                "target": "chip",
                "number_type": "fp32",
                "main": f"{name}/chip/{name}.elf",
                "facts": facts,
            }
        ],
    }


def bundle_of(
    folder: Path, model: str, labels: Sequence[str], steps: Mapping[str, Any], **more: Any
) -> Bundle:
    """A bundle whose C is a comment. more: of the manifest."""
    manifest = {
        "edgernn": "0.1.0",
        "model": model,
        "target": "chip",
        "number_type": "fp32",
        "labels": labels,
        "steps": steps,
        **more,
    }
    members = {
        f"{name}/chip/{name}.{end}": f"/* {name} */".encode()
        for name in steps
        for end in ("c", "h", "elf")
    }
    write(folder / f"{model}.edgernn", manifest, members)
    return open_bundle(folder / f"{model}.edgernn")


def outside_of_functions(files: Mapping[str, str]) -> list[str]:
    """The definitions outside of functions, of sources that are seen to call no library."""
    text = re.sub(r"/\*.*?\*/", "", "".join(files.values()), flags=re.DOTALL)
    included = set(re.findall(r"#include (.*)", text))
    assert included == {"<stdint.h>"} | {f'"{name}"' for name in files if name.endswith(".h")}
    assert not re.findall(r"\b(malloc|free|memcpy|memset|printf|expf|logf|double|long)\b", text)
    return re.findall(r"^(?:static )?(?!typedef|extern)\w[\w *]*(?:\[.*\])? ?[=;].*$", text, re.M)
