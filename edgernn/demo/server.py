"""A server for this machine alone: fixed pages from memory, and headers that keep them in it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from edgernn.demo.site import Page
from edgernn.errors import ToolError

HOST = "127.0.0.1"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # with these two a page's clock tells 5 microseconds apart, else 100
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class Server(ThreadingHTTPServer):
    """Serves pages by their path. Raises: ToolError if the port is taken or not ours to take."""

    daemon_threads = True
    allow_reuse_port = False

    def __init__(self, pages: Mapping[str, Page], port: int) -> None:
        self.pages = pages
        try:
            super().__init__((HOST, port), Handler)
        except OSError as cause:
            reason = "is taken" if cause.errno == errno.EADDRINUSE else f"{cause.strerror or cause}"
            raise ToolError(
                f"port {port} {reason}; give another one with --port, or 0 for one that is free"
            ) from cause

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    """One request. A page of another host that points its name here is refused."""

    server: Server
    server_version, sys_version = "edgernn", ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        page = self._page()
        if page:
            self.wfile.write(page.content)

    def do_HEAD(self) -> None:
        self._page()

    def _page(self) -> Page | None:
        """Answer with the page's head."""
        hosts = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        page = self.server.pages.get(self.path.partition("?")[0])
        if self.headers.get("Host") not in hosts:
            self._head(421, Page("text/plain", b""))
            return None
        if page is None:
            self._head(404, Page("text/plain", b""))
            return None
        self._head(200, page)
        return page

    def _head(self, status: int, page: Page) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", page.type)
        self.send_header("Content-Length", str(len(page.content)))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the terminal is for what goes wrong."""
