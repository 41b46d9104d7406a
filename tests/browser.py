"""A page in headless Chromium, driven over its pipe by the DevTools protocol.

with browser(folder) as page:
    page.show("http://127.0.0.1:8000/", 390, 844, "dark")
    page.wait("document.querySelector('h1')")
    page.shot(folder / "page.png")
    assert page.complaints() == []
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60.0  # other tests run beside
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--mute-audio"),
    *("--remote-debugging-pipe", "--disable-dev-shm-usage", "--disable-background-networking"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
    *("--autoplay-policy=no-user-gesture-required", "--hide-scrollbars"),
)
PHONE_WIDTH = 600  # narrower is one


def chromium() -> str | None:
    """Its path, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


real = pytest.mark.skipif(chromium() is None, reason="needs a browser: apt-get install chromium")


class Page:
    """A tab. `complaints` and `requests` are those since it was last shown something."""

    def __init__(self, into: int, out: int) -> None:
        self._in, self._out, self._rest, self._count = into, out, b"", 0
        self._events: list[dict[str, Any]] = []
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        joined = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = joined["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask and wait for the answer; events that come before it are kept."""
        self._count += 1
        asked = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._out, json.dumps(asked).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while (answer := self._read(end)).get("id") != self._count:
            self._events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready = select.select([self._in], [], [], max(0, end - time.monotonic()))[0]
            got = os.read(self._in, 1 << 20) if ready else b""
            assert got, "Chromium has ended" if ready else "Chromium says nothing"
            self._rest += got
        one, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(one)
        return message

    def show(self, where: Path | str, width: int, height: int, scheme: str = "light") -> None:
        """A file or an address, in a window of so many CSS pixels, once it has loaded."""
        size = {"width": width, "height": height, "mobile": width < PHONE_WIDTH}
        self.call("Page.navigate", url="about:blank")
        self.call("Emulation.setDeviceMetricsOverride", deviceScaleFactor=2, **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.wait("location.href === 'about:blank' && document.readyState === 'complete'")
        self._events.clear()
        url = where.as_uri() if isinstance(where, Path) else where
        self.call("Page.navigate", url=url)
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'")

    def ask(self, script: str) -> Any:
        """The value of an expression, awaited, as a user's click would be."""
        how = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.call("Runtime.evaluate", expression=script, **how)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str, seconds: float = SECONDS) -> Any:
        """Until an expression is true; gives its value."""
        end = time.monotonic() + seconds
        while not (value := self.ask(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.03)
        return value

    def click(self, x: float, y: float) -> None:
        """With the mouse, at a place in CSS pixels."""
        for kind in ("mousePressed", "mouseReleased"):
            how = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", **how)

    def shot(self, path: Path) -> None:
        """The whole page as PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """Exceptions, and what the console was told that is wrong."""
        found = []
        for event in self._happened():
            method, told = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                found.append(str(told["exceptionDetails"]))
            elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                found.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
                found.append(str(told["args"]))
        return found

    def requests(self) -> list[str]:
        """URLs that it asked for, its own the first."""
        happened = self._happened()
        asked = (one["params"] for one in happened if one["method"] == "Network.requestWillBeSent")
        return [str(one["request"]["url"]) for one in asked]

    def _happened(self) -> list[dict[str, Any]]:
        self.ask("0")  # reads what has come
        return self._events


@contextmanager
def browser(folder: Path, *flags: str) -> Iterator[Page]:
    """A browser whose profile lies in this folder, and a tab of it."""
    theirs_in, out = os.pipe()
    into, theirs_out = os.pipe()
    command = [str(chromium()), *FLAGS, f"--user-data-dir={folder}", *flags]
    process = subprocess.Popen(
        # what it reads is its fd 3, what it writes is 4
        ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "chromium", *command],
        pass_fds=(theirs_in, theirs_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for fd in (theirs_in, theirs_out):
            os.close(fd)
        yield Page(into, out)
    finally:
        process.terminate()
        process.wait(30)
        for fd in (into, out):
            os.close(fd)
