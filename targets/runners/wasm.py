"""Run a WebAssembly module in wasmtime (from PyPI)."""

from __future__ import annotations

import importlib.util
from typing import Any

from edgernn.errors import MissingExtra, ToolError
from edgernn.target import Target

ALIGN = 16
PAGE_BYTES = 65536


class WasmModule:
    """A module instance; addresses are offsets into its linear memory."""

    def __init__(self, store: Any, exports: Any) -> None:
        self._store, self._exports = store, exports
        self._memory = exports["memory"]
        heap_base: int = exports["__heap_base"].value(store)
        self._top = -(-heap_base // ALIGN) * ALIGN
        self._functions: dict[str, Any] = {}

    def alloc(self, nbytes: int) -> int:
        address = self._top
        self._top += -(-max(nbytes, 1) // ALIGN) * ALIGN
        lacking = self._top - self._memory.data_len(self._store)
        if lacking > 0:
            self._memory.grow(self._store, -(-lacking // PAGE_BYTES))
        return address

    def write(self, address: int, data: bytes) -> None:
        self._check(address, len(data))
        self._memory.write(self._store, data, address)

    def read(self, address: int, nbytes: int) -> bytes:
        self._check(address, nbytes)
        return bytes(self._memory.read(self._store, address, address + nbytes))

    def call(self, symbol: str, *args: int) -> int:
        """Result as a signed 32-bit integer; 0 of a function without one."""
        import wasmtime

        try:
            result = self._function(symbol)(self._store, *args)
        except (wasmtime.WasmtimeError, wasmtime.Trap, TypeError) as error:
            raise ToolError(f"{symbol}: {_first_line(error)}") from error
        return int(result or 0)

    def count(self, symbol: str, *args: int) -> int:
        raise ToolError("wasm has no fixed instructions to count: an engine compiles it anew")

    def _function(self, symbol: str) -> Any:
        if symbol not in self._functions:
            try:
                self._functions[symbol] = self._exports[symbol]
            except KeyError:
                raise ToolError(f"the module has no function {symbol!r}") from None
        return self._functions[symbol]

    def _check(self, address: int, nbytes: int) -> None:
        size = self._memory.data_len(self._store)
        if not 0 <= address <= address + nbytes <= size:
            raise ToolError(
                f"bytes {address:,}..{address + nbytes:,} lie outside memory ({size:,})"
            )


class WasmRunner:
    """Loads modules built by `toolchain.build_wasm`."""

    name = "wasm"

    def missing(self) -> str | None:
        if importlib.util.find_spec("wasmtime") is None:
            return "needs wasmtime; run: pip install 'edgernn[c]'"
        return None

    def load(self, binary: bytes, target: Target) -> WasmModule:
        """Raises: ToolError when it is no module or wants imports; MissingExtra."""
        if self.missing():
            raise MissingExtra("wasmtime", "c")
        import wasmtime

        store = wasmtime.Store()
        try:
            module = wasmtime.Module(store.engine, binary)
            exports = wasmtime.Instance(store, module, []).exports(store)
            return WasmModule(store, exports)
        except (wasmtime.WasmtimeError, wasmtime.Trap, KeyError) as error:
            raise ToolError(f"not a module for {target.name}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


RUNNER = WasmRunner()
