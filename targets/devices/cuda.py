"""An NVIDIA GPU: `cuda:0`. Steps are measured on it, but no program of ours runs there."""

from __future__ import annotations

from typing import NoReturn

from edgernn.cuda import SCHEME, need_gpu
from edgernn.errors import ToolError


def open_device(rest: str) -> NoReturn:
    """Raises: ToolError: there is no such GPU, or none that a static program would run on."""
    gpu = need_gpu(f"{SCHEME}{rest}")
    raise ToolError(
        f"{SCHEME}{rest}: {gpu.name} runs no programs of its own; edgernn profile measures on it"
    )
