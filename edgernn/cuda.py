"""GPUs of NVIDIA that are here, asked of their driver: neither torch nor a tool is needed."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from edgernn.errors import ToolError

DRIVER = "libcuda.so.1"
SCHEME = "cuda:"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One of them."""

    name: str
    memory_bytes: int

    def line(self) -> str:
        """In words."""
        return f"{self.name}, {self.memory_bytes / 2**30:.0f} GiB; many streams at once, by torch"


def gpus() -> list[Gpu]:
    """Those that the driver finds; [] without a driver."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return []
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return []
    return [_gpu(driver, number) for number in range(count.value)]


def _gpu(driver: ctypes.CDLL, number: int) -> Gpu:
    device, name, memory = ctypes.c_int(0), ctypes.create_string_buffer(256), ctypes.c_size_t(0)
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    return Gpu(name.value.decode(errors="replace"), memory.value)


def need_gpu(url: str) -> Gpu:
    """The GPU of a URL, as `cuda:0`. Raises: ToolError: it is not there."""
    number = url.removeprefix(SCHEME)
    if not number.isdecimal():
        raise ToolError(f"{url}: need cuda:NUMBER, as cuda:0")
    found = gpus()
    if not found:
        raise ToolError(f"{url}: no GPU of NVIDIA is here: {DRIVER} is absent or finds none")
    if int(number) >= len(found):
        raise ToolError(
            f"{url}: of GPUs, this machine has {len(found)}; the last is cuda:{len(found) - 1}"
        )
    return found[int(number)]
