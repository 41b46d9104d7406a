"""The page of a profile, opened in a real browser; two models in four places on one page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgernn.cli import group
from edgernn.exporting import export
from edgernn.profile.about import About
from edgernn.profile.chip import ChipCost, Count
from edgernn.profile.compare import compare
from edgernn.profile.device import DeviceLatency, Histogram
from edgernn.profile.latency import HostLatency
from edgernn.profile.page import page
from edgernn.profile.report import Profile, document
from tests import browser, sshd
from tests.browser import Page

PHONE, DESK = (390, 844), (1280, 900)
ODD = "<script>alert('&')</script>.edgernn"
CHIP = "cortex-m55"
BOARDS = {"pi4": "cortex-a72", "pi5": "cortex-a76"}
HOST = """
Host {name}
  HostName 127.0.0.1
  Port {port}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  GlobalKnownHostsFile none
"""
# boxes of words in a picture that overlap by more than a hair, or that stand out of it
CLASHES = """[...document.querySelectorAll('svg')].flatMap(svg => {
  const all = [...svg.querySelectorAll('text')].filter(one => one.textContent);
  const box = one => one.getBoundingClientRect();
  const frame = box(svg), title = svg.querySelector('title');
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const out = all.filter(one => box(one).left < frame.left - 1 || box(one).right > frame.right + 1);
  return [
    ...out.map(one => [title.textContent, one.textContent]),
    ...all.flatMap((one, k) => all.slice(k + 1).filter(other => meet(box(one), box(other)))
      .map(other => [title.textContent, one.textContent, other.textContent])),
  ];
})"""
# of ink on its ground, the smallest that words have anywhere (WCAG 2, 1.4.3 asks for 4.5)
CONTRAST = """(() => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(one => one / 255);
    const [r, g, b] = parts.map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = one => {
    const found = getComputedStyle(one).backgroundColor;
    return found.endsWith(', 0)') && one.parentElement ? ground(one.parentElement) : found;
  };
  const words = 'h1, h2, p, td, th, figcaption, small, text, li';
  return Math.min(...[...document.querySelectorAll(words)].map(one => {
    const style = getComputedStyle(one), ink = one.matches('text') ? style.fill : style.color;
    const [a, b] = [light(ink), light(ground(one))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
})()"""


def timed(device: str, scale: float, **other: Any) -> DeviceLatency:
    """A step of three nodes on a board."""
    edges = tuple(scale * (10 + k) for k in range(40))
    made = DeviceLatency(
        device=device,
        about=About(
            "Cortex-A72", ("asimd",), 4, 1800.0, "ondemand", 4 << 30, "Linux 6.6", "A board"
        ),
        backend="c",
        number_type="w8a8",
        steps=11_000,
        first_us=scale * 80,
        p50_us=scale * 12,
        p90_us=scale * 15,
        p99_us=scale * 40,
        max_us=scale * 900,
        steps_per_second=1e6 / scale / 13,
        real_time_factor=scale * 13 / 20_000,
        noise=0.02,
        rounds_us=tuple(scale * (12 + k / 50) for k in range(11)),
        histogram=Histogram(edges, tuple(8000 // (k + 1) for k in range(39))),
        timeline_us=tuple(scale * (12 + k % 7 / 5) for k in range(400)),
        nodes_us={f"{name}_{k}": scale * (12 - k) for name in ("matmul", "add") for k in range(6)},
        memory_bytes=400_000,
        read_gb_per_s=60.0 / scale,
        roof_share=0.3,
        energy_uj=None,
        macs=210_000,
        weights_bytes=200_000,
        state_bytes=5_792,
        scratch_bytes=4_352,
    )
    return replace(made, **other)


def counted(target: str, mean: float) -> ChipCost:
    count = Count("qemu", 20, mean, int(mean * 0.9), int(mean * 1.3), {"step": mean})
    parts = {"matmul_0": mean * 0.5, "add_1": mean * 0.2, "a kernel": mean * 0.3}
    return ChipCost(
        *(target, "w8a8", count, 210_000, 207_000, 5_792, 4_352, 800, ("not by node: why",), parts)
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that a page can have, and names as nobody would choose them."""
    host = HostLatency(
        *("onnx", "any", "fp32", 200, 90.0, 30.0, 35.0, 60.0, 99.0, (30.0,) * 11),
        *(30_000.0, 0.002, None, None),
    )
    plan = {
        "target": "aarch64",
        "state_bytes": 5_792,
        "scratch_bytes": 4_352,
        "actions": [f"action {k}" for k in range(30)],
        "live_bytes": [5_792 + 140 * k for k in range(30)],
        "state": [["encoder.rnn.h", 0, 4_096], ["past", 4_096, 1_600]],
        "scratch": [[f"buffer_{k}", 512 * k, 500, 3 * k, 3 * k + 5] for k in range(8)],
    }
    first = Profile(
        *(ODD, "kws", "kws", 20.0, "a desk", (host,), (counted("cortex-m4", 249_000.0),)),
        devices=(timed("ssh://pi@a-board-with-a-long-name.example.org:2222", 1.0),),
        plan=plan,
    )
    second = replace(
        first,
        bundle="b.edgernn",
        chips=(counted("cortex-m55", 66_908.0),),
        devices=(timed("local", 0.2), timed("adb:SERIAL", 0.5, nodes_us={}, read_gb_per_s=None)),
    )
    other = replace(second, model="asr/small", step="encoder", host=(), plan={}, devices=())
    verdicts = compare(*(json.loads(json.dumps(document([one]))) for one in (first, first)))
    out = tmp_path_factory.mktemp("page") / "report.html"
    made = page([first, second, other, replace(other, chips=())], verdicts, verdicts)
    out.write_text(made, encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser.browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


def holds(tab: Page, path: Path) -> None:
    """No error, no request, no word over another, nothing wider than the screen, in any form."""
    for width, height in (PHONE, DESK):
        for scheme in ("light", "dark"):
            tab.show(path, width, height, scheme)
            assert tab.complaints() == []
            assert [url for url in tab.requests() if not url.startswith("data:")] == [path.as_uri()]
            assert tab.ask("document.documentElement.scrollWidth") == width
            assert tab.ask(CLASHES) == []
            assert tab.ask(CONTRAST) >= 4.5
            assert tab.ask("document.querySelectorAll('svg:not(:has(> title))').length") == 0
            ground = tab.ask("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")


def titles(tab: Page) -> list[str]:
    return list(
        tab.ask("[...document.querySelectorAll('svg > title')].map(one => one.textContent)")
    )


@browser.real
def test_the_page_holds_in_a_browser_of_any_size_and_scheme(tab: Page, path: Path) -> None:
    holds(tab, path)


@browser.real
def test_every_section_is_there(tab: Page, path: Path) -> None:
    tab.show(path, *DESK)
    heads = tab.ask("[...document.querySelectorAll('h2')].map(one => one.textContent)")
    steps = ["kws", "asr/small, encoder"]
    first = ["Against the earlier profile", "Overview"]
    assert heads == [*first, *steps, "Bundles beside one another", "Notes"]
    found = titles(tab)
    for title, count in {
        "How near to the roof": 2,
        "Time of a step": 1,
        "Instructions of a step": 2,
        "Where time goes": 1,
        "Where instructions go": 2,
        "Memory": 2,
        "Flash": 2,
        "Memory over the step": 1,
        "How long steps took": 3,
        "Steps in their order": 3,
    }.items():
        assert found.count(title) == count, title
    links = tab.ask("[...document.querySelectorAll('nav a')].map(one => one.getAttribute('href'))")
    assert all(tab.ask(f"!!document.getElementById({link[1:]!r})") for link in links)


@browser.real
def test_a_clash_of_words_and_a_request_would_be_seen(tab: Page, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    words = "<text x=0 y=20>one</text><text x=4 y=22>other</text><text x=95 y=50>far out</text>"
    bad.write_text(
        f"<svg viewBox='0 0 100 60' width=100><title>t</title>{words}</svg><img src='none.png'>"
        "<p style='color: #777; background: #fff'>pale</p><div style='width: 999px'>wide</div>"
    )
    tab.show(bad, *PHONE)
    assert tab.ask(CLASHES) == [["t", "far out"], ["t", "one", "other"]]
    assert tab.ask(CONTRAST) < 4.5
    assert tab.ask("document.documentElement.scrollWidth") > PHONE[0]
    assert tab.complaints()
    assert len(tab.requests()) > 1


def test_names_are_told_and_never_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;.edgernn" in text
    assert "http" not in text


def edgernn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """URLs of a Raspberry Pi 4 and 5 behind real ssh; qemu-aarch64 plays their cores."""
    folders = {name: tmp_path / name for name in BOARDS}
    for folder in folders.values():
        folder.mkdir()
    first, second = folders.values()
    with sshd.serving(first, monkeypatch) as pi4, sshd.serving(second, monkeypatch) as pi5:
        known = dict(zip(BOARDS, (pi4, pi5), strict=True))
        for name, board in known.items():
            board.runs_by(f"qemu-aarch64 -cpu {BOARDS[name]}")
        rows = [HOST.format(name=k, port=b.port, folder=b.folder) for k, b in known.items()]
        (second / "config").write_text("".join(rows))  # its ssh is the first on PATH
        yield [f"ssh://{name}" for name in known]
        assert pi4.files() == pi5.files() == []


def everywhere(models: list[str], boards: list[str], folder: Path) -> dict[str, Any]:
    """The document of some models in all these places, measured shortly; its page lies beside."""
    bundles = []
    for model in models:
        for target in ("aarch64", CHIP):
            bundles.append(folder / f"{model.replace('/', '-')}-{target}.edgernn")
            export(model, target, "w8a8", bundles[-1])
    places = [word for url in ("local", *boards, f"qemu:{CHIP}") for word in ("--device", url)]
    words = ("--seconds", "0.1", "--json", "--html", folder / "report.html")
    told = edgernn("profile", *bundles, *places, *words)
    assert told.exit_code == 0, told.output
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def check_places(found: dict[str, Any], models: list[str], boards: list[str]) -> None:
    """Each model once by the clock of this machine; boards that are played have counts alone."""
    for model in models:
        rows = [one for one in found["profiles"] if one["model"] == model]
        assert [there["device"] for one in rows for there in one["devices"]] == ["local"]
        chips = [chip for one in rows for chip in one["chips"]]
        played = {chip["device"]: chip for chip in chips if chip["device"]}
        assert list(played) == boards
        for board, core in zip(boards, BOARDS.values(), strict=False):
            assert played[board]["target"] == core
            assert "times are no times of such a board" in played[board]["notes"][0]
        for chip in chips:
            assert sum(chip["by_node"].values()) == pytest.approx(chip["count"]["mean"], rel=0.01)


@pytest.mark.slow
@pytest.mark.cc
@pytest.mark.emulator
@sshd.real
@browser.real
def test_two_models_here_on_two_boards_and_on_a_chip_are_one_page(
    boards: list[str], tab: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgernn.profile.device.ROUNDS", 2)  # each sends a program over
    found = everywhere(["kws/tiny", "wakeword"], boards, tmp_path)
    check_places(found, ["kws/tiny", "wakeword"], boards)
    for at in range(0, len(found["profiles"]), 2):
        pi4, pi5 = (chip["count"]["mean"] for chip in found["profiles"][at]["chips"])
        assert pi5 < pi4, "it has dot products"
    holds(tab, tmp_path / "report.html")
    assert titles(tab).count("Memory over the step") == 2
