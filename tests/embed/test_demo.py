"""The demonstration: its server, and its page in a real browser, spoken and typed to."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
import urllib.request
import wave
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgernn.bundle import open_bundle
from edgernn.cli import group
from edgernn.demo import ready as making
from edgernn.demo.ready import Ready, ready, shipped
from edgernn.demo.server import Server
from edgernn.demo.site import Page as Served
from edgernn.demo.site import Site
from edgernn.errors import ToolError
from edgernn.keyboard.decode import Keyboard
from edgernn.keyboard.typing import Keystroke
from edgernn.package import MARK
from edgernn.runtime import open_steps
from tests import browser
from tests.browser import Page
from tests.embed.test_web import serving
from tests.fakes import write_bundle

pytestmark = pytest.mark.cc
PHONE, DESK = (390, 844), (1280, 900)
MODELS = ("kws", "keyboard")


@pytest.fixture(scope="module")
def cache(
    bundles: Mapping[str, Path], web_packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Packages as an earlier start has left them."""
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("cache")
        patched.setenv("EDGERNN_CACHE", str(folder))
        for model in MODELS:
            with pytest.MonkeyPatch.context() as made:
                made.setattr(making, "find_package", lambda _: Made(web_packages))
                ready(bundles[model], print)
        yield folder


class Made:
    """Packages that are there already, in the place of those that a bundle would become."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, 0

    def files(self, bundle: Any, target: str | None, say: Any) -> dict[str, bytes]:
        self.calls += 1
        names = json.loads((self.folder / bundle.manifest["model"] / MARK).read_text())
        return {
            name: (self.folder / bundle.manifest["model"] / name).read_bytes() for name in names
        }


@pytest.fixture(scope="module")
def url(cache: Path, bundles: Mapping[str, Path]) -> Iterator[str]:
    found = [ready(bundles[model], print) for model in MODELS]
    with serving(Server(pages(*found), 0)) as served:
        yield served


def pages(*found: Ready) -> dict[str, Served]:
    site = Site()
    for one in found:
        site.add(one)
    return site.pages


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser.browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


def opened(tab: Page, url: str, model: str, size: tuple[int, int], scheme: str = "light") -> str:
    """Show a model's panel; gives the script for it."""
    tab.show(f"{url}#{model}", *size, scheme)
    panel = f"document.querySelector('#panel-{model}')"
    tab.wait(f"{panel}?.dataset.ready === 'true'")
    return panel


def sound_page(tab: Page, url: str) -> None:
    """Nothing went wrong, and nothing was asked of anyone else."""
    assert tab.complaints() == []
    assert len(tab.requests()) > 10
    assert [one for one in tab.requests() if not one.startswith(url)] == []


@browser.real
def test_a_clip_is_heard_as_python_hears_it(
    tab: Page, url: str, bundles: Mapping[str, Path], root: Path
) -> None:
    panel = opened(tab, url, "kws", DESK)
    clip = root / "models/kws/clips/go.wav"
    told = CliRunner().invoke(group, ["run", str(bundles["kws"]), str(clip), "--json"])
    wanted = [(one["label"], one["time_ms"]) for one in json.loads(told.stdout)["detections"]]
    assert [label for label, _ in wanted] == ["go"]
    tab.ask(f"{panel}.querySelector('[data-clip=go]').click()")
    tab.wait(f"{panel}.dataset.playing")
    tab.wait(f"!{panel}.dataset.playing")
    rows = f"[...{panel}.querySelectorAll('.found li')]"
    heard = tab.ask(f"{rows}.map(one => [one.dataset.label, +one.dataset.ms])")
    assert [tuple(row) for row in heard] == wanted
    assert tab.ask(f"{panel}.querySelector('.word').textContent") == "go"
    assert "a step in the mean" in tab.ask(f"{panel}.querySelector('.figures').textContent")
    tab.ask(f"{panel}.querySelector('[data-clip=silence]').click()")
    tab.wait(f"{panel}.dataset.playing")
    tab.wait(f"!{panel}.dataset.playing")
    assert tab.ask(f"{panel}.querySelector('.word').textContent") == "No keyword in it"
    assert tab.ask("crossOriginIsolated")  # else its clock is too coarse for steps
    sound_page(tab, url)


@browser.real
def test_touches_are_read_as_python_reads_them(
    tab: Page, url: str, bundles: Mapping[str, Path]
) -> None:
    panel = opened(tab, url, "keyboard", PHONE)
    box = tab.ask(
        f"(b => [b.left, b.top, b.width])({panel}.querySelector('.keys').getBoundingClientRect())"
    )
    left, top, wide = box[0], box[1] + tab.ask("scrollY") * 0, box[2] / 10
    keyboard = Keyboard(open_steps(bundles["keyboard"]), suggestions=3)
    # "teh", its h between h and g, and a space: where fingers come down, in key widths
    for char, x, y in (("t", 4.1, 0.1), ("e", 2.2, -0.2), ("h", 4.95 + 0.2, 1.5), (" ", 3.0, 4.3)):
        tab.click(left + (x + 0.5) * wide, top + (y + 0.7) * wide)
        centre = {"t": (4, 0), "e": (2, 0), "h": (5.5, 1.4), " ": (4.5, 4.2)}[char]
        along = 0.0 if char == " " else x - centre[0]
        shown = keyboard.push(Keystroke(char, along, y - centre[1]))
        assert tab.ask(f"{panel}.dataset.text") == shown.text
        words = tab.ask(
            f"[...{panel}.querySelectorAll('.suggestions button')].map(b => b.textContent)"
        )
        assert words == [guess.word for guess in shown.completions]
    assert shown.text == "The "
    rows = f"[...{panel}.querySelectorAll('.found li')].map(one => one.dataset.to)"
    assert tab.ask(rows) == ["The"]
    tab.ask(f"{panel}.querySelector('.suggestions button').click()")
    assert tab.ask(f"{panel}.dataset.text") == keyboard.accept(words[0]).text
    sound_page(tab, url)


@browser.real
def test_the_users_own_keyboard_types_too(tab: Page, url: str, bundles: Mapping[str, Path]) -> None:
    panel = opened(tab, url, "keyboard", DESK)
    tab.ask(f"{panel}.querySelector('.text').focus()")
    for char in "i recieved it ":
        tab.call("Input.dispatchKeyEvent", type="keyDown", text=char, key=char)
        tab.call("Input.dispatchKeyEvent", type="keyUp", key=char)
    keyboard = Keyboard(open_steps(bundles["keyboard"]), suggestions=3)
    shown = [keyboard.push(Keystroke(char)) for char in "i recieved it "][-1]
    assert tab.ask(f"{panel}.dataset.text") == shown.text == "I received it "
    tab.call("Input.dispatchKeyEvent", type="keyDown", key="Backspace")
    assert tab.ask(f"{panel}.dataset.text") == keyboard.back().text


@browser.real
def test_a_sentence_types_itself(tab: Page, url: str) -> None:
    panel = opened(tab, url, "keyboard", DESK)
    told = json.loads(urllib.request.urlopen(f"{url}demo.json").read())
    tab.ask(f"{panel}.querySelector('.show').click()")
    tab.wait(f"!{panel}.dataset.playing")
    typed = "".join(key[0] for key in told["keyboard"]["typed"][0]["keys"])
    text = tab.ask(f"{panel}.dataset.text")
    assert text.strip() == told["keyboard"]["typed"][0]["intended"] != typed


@browser.real
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK])
@pytest.mark.parametrize("model", MODELS)
def test_it_fits_every_screen_and_scheme(
    tab: Page, url: str, model: str, size: tuple[int, int], scheme: str
) -> None:
    panel = opened(tab, url, model, size, scheme)
    assert tab.ask("document.documentElement.scrollWidth") == size[0]
    ground = tab.ask("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")
    nameless = f"""[...{panel}.querySelectorAll('button, input, canvas, [role]')].filter(one =>
        !one.textContent.trim() && !one.getAttribute('aria-label') && !one.closest('label')
        && !one.getAttribute('role')?.match(/alert/) && !one.disabled).map(one => one.outerHTML)"""
    assert tab.ask(nameless) == []
    assert (
        tab.ask("document.querySelector('[role=tab][aria-selected=true]').textContent")
        == {
            "kws": "Keywords",
            "keyboard": "Keyboard",
        }[model]
    )
    sound_page(tab, url)


@browser.real
def test_words_are_heard_through_the_microphone(url: str, root: Path, tmp_path: Path) -> None:
    """Chromium plays a recording in a microphone's place; the worklet brings it to the model."""
    with wave.open(str(root / "models/kws/clips/stream.wav")) as sound:
        assert sound.getframerate() == 16_000
    clip = f"--use-file-for-fake-audio-capture={root / 'models/kws/clips/stream.wav'}"
    with browser.browser(tmp_path, clip) as tab:
        panel = opened(tab, url, "kws", DESK)
        tab.ask(f"{panel}.querySelector('.speak').click()")
        tab.wait(f"{panel}.querySelectorAll('.found li[data-label]').length >= 2")
        rows = f"[...{panel}.querySelectorAll('.found li')].map(one => one.dataset.label)"
        heard = tab.ask(rows)
        assert set(heard) <= {"go", "stop", "left", "yes", "up"}
        assert tab.ask(f"{panel}.querySelector('.speak').getAttribute('aria-pressed')") == "true"
        tab.ask(f"{panel}.querySelector('.speak').click()")
        assert tab.ask(f"{panel}.querySelector('.speak').textContent") == "Speak"
        sound_page(tab, url)


@browser.real
def test_what_goes_wrong_is_said_on_the_page(
    tab: Page, cache: Path, bundles: Mapping[str, Path]
) -> None:
    one = ready(bundles["kws"], print)
    harms = {
        "kws.wasm": (b"\0asm" + bytes(60), "damaged"),
        "kws.json": (b"{}", "is not what edgernn embed wrote"),
    }
    for name, (harm, said) in harms.items():
        files = {**one.files, name: harm}
        with serving(Server(pages(replace(one, files=files)), 0)) as url:
            panel = opened(tab, url, "kws", DESK)
            assert said in tab.ask(f"{panel}.querySelector('.trouble').textContent")
            assert not tab.ask(f"{panel}.querySelector('.trouble').hidden")
    files = {name: data for name, data in one.files.items() if name != "kws.wasm"}
    with serving(Server(pages(replace(one, files=files)), 0)) as url:
        panel = opened(tab, url, "kws", DESK)
        assert "kws.wasm: cannot be loaded: 404" in tab.ask(
            f"{panel}.querySelector('.trouble').textContent"
        )


def asked(url: str, path: str, host: str | None = None) -> tuple[int, dict[str, str], bytes]:
    there = url.removeprefix("http://").strip("/")
    connection = HTTPConnection(there, timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_the_server_keeps_to_its_pages_and_this_machine(url: str) -> None:
    status, headers, body = asked(url, "/packages/kws/kws.wasm")
    assert (status, headers["content-type"], body[:4]) == (200, "application/wasm", b"\0asm")
    assert url.startswith("http://127.0.0.1:")
    for path in ("/", "/index.html?x=1", "/app.js", "/style.css", "/demo.json", "/icon.svg"):
        status, headers, body = asked(url, path)
        assert (status, len(body) > 100) == (200, True), path
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self' 'wasm-unsafe-eval'" in policy
        assert "unsafe-inline" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    for path in (
        "/none",
        "/../pyproject.toml",
        "/packages/kws/../../app.js",
        "/%2e%2e/x",
    ):
        assert asked(url, path)[0] == 404, path
    for host in ("evil.example", "evil.example:80", "127.0.0.1"):
        assert asked(url, "/demo.json", host)[::2] == (421, b"")


def test_a_package_is_made_once(
    bundles: Mapping[str, Path], web_packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGERNN_CACHE", str(tmp_path))
    made = Made(web_packages)
    monkeypatch.setattr(making, "find_package", lambda _: made)
    first, again = ready(bundles["kws"], print), ready(bundles["kws"], print)
    assert (first, made.calls) == (again, 1)
    assert (first.name, first.kind, first.sample_rate_hz) == ("kws", "spotter", 16_000)
    next(tmp_path.rglob("kws.wasm")).unlink()
    assert ready(bundles["kws"], print) == first
    assert made.calls == 2


def test_shipped_models_are_exported_once_and_again_if_damaged(
    bundles: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGERNN_CACHE", str(tmp_path))
    calls: list[tuple[str, str, str]] = []

    def export(model: str, target: str, number_type: str, out: Path, **_: Any) -> None:
        calls.append((model, target, number_type))
        shutil.copy(bundles[model], out)

    monkeypatch.setattr("edgernn.exporting.export", export)
    found = [shipped(model, print) for model in MODELS]
    assert [open_bundle(path).manifest["model"] for path in found] == ["kws", "keyboard"]
    assert calls == [("kws", "wasm", "w4a8"), ("keyboard", "wasm", "w8a8")]
    assert [shipped(model, print) for model in MODELS] == found
    found[0].write_bytes(b"PK")
    assert shipped("kws", print) == found[0]
    assert calls[2:] == calls[:1]


@browser.real
def test_models_come_while_the_page_is_open(
    tab: Page, cache: Path, bundles: Mapping[str, Path]
) -> None:
    site = Site()
    site.making("kws: capturing one step")
    with serving(Server(site.pages, 0)) as url:
        tab.show(url, *PHONE)
        tab.wait(
            "document.querySelector('#loading').textContent.endsWith('kws: capturing one step')"
        )
        site.add(ready(bundles["kws"], print))
        tab.wait("document.querySelector('#panel-kws')?.dataset.ready === 'true'")
        site.add(ready(bundles["keyboard"], print))
        site.failed("keyboard: out of luck")
        tab.wait("document.querySelectorAll('[role=tab]').length === 2")
        assert tab.ask("document.querySelector('#loading').textContent") == "keyboard: out of luck"
        sound_page(tab, url)


def test_the_shipped_models_are_made_behind_the_page(
    cache: Path, bundles: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = threading.Event()

    def given(model: str, say: Any) -> Path:
        say(f"{model}: is exported")
        if model == "keyboard":
            made.set()
            raise ToolError("keyboard: no compiler")
        return bundles[model]

    def until_made(server: Server) -> None:
        assert made.wait(30)
        while b"no compiler" not in server.pages["/demo.json"].content:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "shipped", given)
    monkeypatch.setattr(Server, "serve_forever", until_made)
    done = CliRunner().invoke(group, ["demo", "--port", "0", "--no-browser"])
    assert done.exit_code == 0, done.output
    assert "kws: is exported" in done.stderr
    assert "error: keyboard: no compiler" in done.stderr


def refused(*words: object) -> str:
    done = CliRunner().invoke(group, ["demo", *map(str, words), "--no-browser"])
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def test_bundles_that_cannot_be_shown_are_refused(
    cache: Path, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    other = write_bundle(tmp_path / "other.edgernn")
    assert "which nothing ties into words" in refused(other)
    assert "none.edgernn" in refused(tmp_path / "none.edgernn")
    damaged = tmp_path / "damaged.edgernn"
    damaged.write_bytes(bundles["kws"].read_bytes()[:5000])
    assert "damaged.edgernn" in refused(damaged)
    assert "two bundles of the model kws" in refused(bundles["kws"], bundles["kws"])


def test_a_port_that_is_taken_is_said(cache: Path, bundles: Mapping[str, Path]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(bundles["kws"], "--port", port)
        assert f"port {port} is taken; give another one with --port" in said
    assert "not in the range" in refused("--port", 70_000)


def test_without_a_browser_it_says_so_and_serves(
    cache: Path, bundles: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: False)

    def until_ctrl_c(server: Server) -> None:
        assert server.server_address[0] == "127.0.0.1"
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", until_ctrl_c)
    done = CliRunner().invoke(group, ["demo", str(bundles["kws"]), "--port", "0"])
    assert done.exit_code == 0, done.output
    assert "http://127.0.0.1:" in done.stdout
    assert "no browser was found here" in done.stderr
    told = CliRunner().invoke(group, ["demo", str(bundles["kws"]), "--port", "0", "--json"])
    assert json.loads(told.stdout)["models"] == ["kws"]
    assert told.stderr == ""
