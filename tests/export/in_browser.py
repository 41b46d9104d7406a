"""A WebAssembly module in a browser's page, called as those of runners are."""

from __future__ import annotations

import base64
from typing import Any

from ..browser import Page

ALIGN = 16
PAGE_BYTES = 65536
LOAD = """(async () => {
  const bytes = Uint8Array.from(atob("%s"), (one) => one.charCodeAt(0));
  globalThis.it = (await WebAssembly.instantiate(bytes)).instance.exports;
  return it.__heap_base.value;
})()"""


class InBrowser:
    """An instance of a module; addresses are offsets into its memory."""

    def __init__(self, page: Page, binary: bytes) -> None:
        self._page, self._written = page, ""
        self._top = -(-int(page.ask(LOAD % _text(binary))) // ALIGN) * ALIGN

    def alloc(self, nbytes: int) -> int:
        address = self._top
        self._top += -(-max(nbytes, 1) // ALIGN) * ALIGN
        lacking = f"{self._top} - it.memory.buffer.byteLength"
        self._page.ask(f"it.memory.grow(Math.max(0, Math.ceil(({lacking}) / {PAGE_BYTES})))")
        return address

    def write(self, address: int, data: bytes) -> None:
        made = f'Uint8Array.from(atob("{_text(data)}"), (one) => one.charCodeAt(0))'
        self._written += f"new Uint8Array(it.memory.buffer).set({made}, {address});"

    def read(self, address: int, nbytes: int) -> bytes:
        view = f"new Uint8Array(it.memory.buffer, {address}, {nbytes})"
        return base64.b64decode(self._asked(f"btoa(String.fromCharCode(...{view}))"))

    def call(self, symbol: str, *args: int) -> int:
        return int(self._asked(f"it.{symbol}({', '.join(map(str, args))})") or 0)

    def _asked(self, expression: str) -> Any:
        """Its value, once what was written is there."""
        script, self._written = self._written + expression, ""
        return self._page.ask(script)

    def count(self, symbol: str, *args: int) -> int:
        raise NotImplementedError


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
