"""An NVIDIA GPU: `cuda:0`. Whether one is there is asked of its driver; steps run on none yet."""

from __future__ import annotations

import ctypes
from typing import NoReturn

from edgernn.errors import ToolError

DRIVER = "libcuda.so.1"


def open_device(rest: str) -> NoReturn:
    """Raises: ToolError: there is no such GPU, or none that a static program would run on."""
    url = f"cuda:{rest}"
    if not rest.isdecimal():
        raise ToolError(f"{url}: need cuda:NUMBER, as cuda:0")
    count = gpus()
    if count == 0:
        raise ToolError(f"{url}: no GPU of NVIDIA is here: {DRIVER} is absent or finds none")
    if int(rest) >= count:
        raise ToolError(f"{url}: of GPUs, this machine has {count}; the last is cuda:{count - 1}")
    raise ToolError(f"{url}: a GPU is there, but steps are not measured on one yet")


def gpus() -> int:
    """How many the driver finds; 0 without a driver."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value
