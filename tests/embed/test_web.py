"""The package for the web in node: the bundle's bits, other languages' states, what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edgernn.audio import read_audio
from edgernn.bundle import open_bundle
from edgernn.cli import group
from edgernn.demo.server import Server
from edgernn.demo.site import Page
from edgernn.embed.web.patch import NOWHERE, patch
from edgernn.keyboard.decode import Keyboard
from edgernn.keyboard.typing import Keystroke, Typist
from edgernn.package import model_library
from edgernn.runtime import open_steps
from edgernn.target import find_target
from edgernn.verify import golden_of
from tests import browser

from .test_streams import OK, Model, outputs_of

SCRIPTS = Path(__file__).parent / "web"
NODE = shutil.which("node")
MOST_BYTES = 300_000  # of a package of kws
pytestmark = pytest.mark.cc
in_node = pytest.mark.skipif(NODE is None, reason="needs node: apt-get install nodejs")
RELAXED = "--experimental-wasm-relaxed-simd"  # of node 20; later ones have it and know no such flag


@pytest.fixture(scope="module")
def packages(web_packages: Path) -> Path:
    return web_packages


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Its address, while it serves."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@cache
def node() -> list[str]:
    """Node with relaxed SIMD."""
    known = subprocess.run([str(NODE), RELAXED, "-e", "0"], capture_output=True, timeout=60)
    return [str(NODE), *([RELAXED] if known.returncode == 0 else [])]


def told_by(script: str, *words: object) -> Any:
    """What a script in node prints, as JSON."""
    command = [*node(), SCRIPTS / f"{script}.mjs", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "null")


@in_node
@pytest.mark.parametrize("model", ["kws", "wakeword", "keyboard"])
def test_every_step_gives_the_golden_bits_in_every_form(
    model: str, packages: Path, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    bundle, counts = open_bundle(bundles[model]), {}
    for step in bundle.manifest["steps"]:
        for side, arrays in golden_of(bundle, step).items():
            for name, array in arrays.items():
                (tmp_path / f"{step}.{side}.{name}").write_bytes(array.tobytes())
                counts[step] = len(array)
    (tmp_path / "told.json").write_text(json.dumps(counts))
    told = told_by("golden", packages / model, tmp_path)
    assert told == {"steps": 3 * sum(counts.values()), "differing": []}


@in_node
def test_words_are_heard_as_in_python(
    packages: Path, bundles: Mapping[str, Path], root: Path, tmp_path: Path
) -> None:
    clip = root / "models/kws/clips/stream.wav"
    sound = read_audio(clip, 16_000)
    (tmp_path / "samples").write_bytes(sound.blocks(320).tobytes())
    told = told_by("heard", packages / "kws", tmp_path / "samples")
    python = CliRunner().invoke(group, ["run", str(bundles["kws"]), str(clip), "--json"])
    wanted = json.loads(python.stdout)["detections"]
    assert [(one["label"], one["timeMs"]) for one in told["heard"]] == [
        (one["label"], one["time_ms"]) for one in wanted
    ]
    scores = [one["score"] for one in wanted]
    assert [one["score"] for one in told["heard"]] == pytest.approx(scores, abs=1e-5)
    assert (len(wanted), told["same"], told["scores"]) == (5, True, 12)


@in_node
def test_texts_are_read_as_in_python(
    packages: Path, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    rng, typist = np.random.default_rng(5), Typist()
    typed = [
        typist.typed(text, rng, rate=0.1, touches=True)
        for text in ("I do not know whether they received it.", "See you there, ok?")
    ]
    keys: list[list[tuple[str, float, float]]] = [
        [
            (char, round(dx, 3), round(dy, 3))
            for char, (dx, dy) in zip(one.text, one.offsets.tolist(), strict=True)
        ]
        for one in typed
    ]
    keys.append([(char, 0, 0) for char in "teh \U0001f600 caf\u00e9 \b\b\b\bx wrld\n"])
    (tmp_path / "texts").write_text(json.dumps(keys))
    told = told_by("typed", packages / "keyboard", tmp_path / "texts")
    keyboard = Keyboard(open_steps(bundles["keyboard"]), suggestions=3)
    for text, shown in zip(keys, told["shown"], strict=True):
        keyboard.begin()
        for key, got in zip(text, shown, strict=True):
            want = keyboard.back() if key[0] == "\b" else keyboard.push(Keystroke(*key))
            assert (got["text"], got["typing"]) == (want.text, want.typing)
            for name in ("completions", "readings"):
                pairs = [(one.word, np.float32(one.share)) for one in getattr(want, name)]
                assert [(one["word"], np.float32(one["share"])) for one in got[name]] == pairs
            revised = want.revised and {"before": want.revised.before, "after": want.revised.after}
            assert got["revised"] == revised
    assert told["accepted"] == [
        "Hello Anneliese ",
        "Hello Anneliese Anneliese ",
        "Hello Anneliese Anneliese teh ",
    ]
    assert told["refused"] == [*["BAD_INPUT"] * 4, "TypeError", "BAD_INPUT"]


@in_node
def test_a_state_goes_from_c_to_javascript_and_back(
    packages: Path, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    bundle = open_bundle(bundles["kws"])
    model = Model(model_library(bundle, find_target("host"), print), tmp_path)
    golden = golden_of(bundle, "kws")
    frames = np.ascontiguousarray(golden["in"]["x"])
    outputs = np.ascontiguousarray(golden["out"]["y"])
    first, second = len(frames) // 3, 2 * len(frames) // 3
    stream = model.stream()
    outputs_of(stream, frames[:first], outputs)
    (tmp_path / "c").write_bytes(stream.save())
    (tmp_path / "frames").write_bytes(frames[first:second].tobytes())
    told_by("goes_on", packages / "kws", tmp_path / "c", tmp_path / "frames", tmp_path)
    assert (tmp_path / "outputs").read_bytes() == outputs[first:second].tobytes()
    other = model.stream()
    assert other.restore((tmp_path / "saved").read_bytes()) == OK
    assert outputs_of(other, frames[second:], outputs).tobytes() == outputs[second:].tobytes()


@in_node
def test_what_does_not_fit_is_refused_and_the_stream_stands(packages: Path) -> None:
    told = told_by("refused", packages / "kws")
    assert told.pop("stands") is True
    assert {name for name, answer in told.items() if answer == "taken"} == set()
    assert {answer[0] for answer in told.values()} == {"EdgernnError"}
    codes = {name: answer[1] for name, answer in told.items()}
    arrays = ["short", "double", "list", "none", "noRoom", "littleRoom", "heardDouble"]
    shaped = dict.fromkeys(arrays, "BAD_SHAPE")
    numbers = dict.fromkeys(["nan", "infinite", "large", "heardNan", "threshold"], "BAD_INPUT")
    states = dict.fromkeys(["damaged", "cut", "text"], "BAD_STATE")
    closed = {name: "CLOSED" for name in codes if name.startswith("closed ")}
    others = {"other": "OTHER_MODEL", "version": "OTHER_VERSION", "step": "NO_STEP"}
    assert len(closed) == 7
    assert codes == {**shaped, **numbers, **states, **closed, **others}
    assert told["short"][2] == "kws.x: 3 numbers given; needs 320 (1 x 320 x 1)"
    assert "number 7 is NaN" in told["nan"][2]
    assert "-4" in told["other"][2]


@in_node
@pytest.mark.parametrize("part", ["wasm", "relaxed.bin", "plain.bin", "json"])
def test_a_damaged_file_is_refused_before_it_is_compiled(
    part: str, packages: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(packages / "kws", tmp_path / "kws")
    path, data = folder / f"kws.{part}", (folder / f"kws.{part}").read_bytes()
    at = data.index(b"sha256") + 10 if part == "json" else len(data) // 2
    harms = {
        "changed": data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
        "cut": data[:at],
        "empty": b"",
        "page": b"<!doctype html><title>Not found</title>",
    }
    script = f"""
        import {{ Model }} from "{folder}/index.js";
        const form = "{part.removesuffix(".bin") if part.endswith(".bin") else "simd"}";
        const say = (error) => console.log(error.code, error.message);
        await Model.open(undefined, {{ form }}).catch(say);
    """
    for name, harm in harms.items():
        path.write_bytes(harm)
        command = [str(NODE), "--input-type=module", "-e", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.stdout.startswith("BAD_MODEL "), (name, done.stdout, done.stderr)
    path.unlink()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("UNREACHABLE ")
    assert f"kws.{part}" in done.stdout


@in_node
def test_the_best_form_that_the_engine_has_is_loaded(packages: Path) -> None:
    read = {form: ["kws.json", f"kws.{form}.bin", "kws.wasm"] for form in ("relaxed", "plain")}
    assert told_by("picked", packages / "kws") == {
        "all": {"forms": ["relaxed", "simd", "plain"], "read": read["relaxed"]},
        "simd": {"forms": ["simd", "plain"], "read": ["kws.json", "kws.wasm"]},
        "plain": {"forms": ["plain"], "read": read["plain"]},
        "other": "BAD_INPUT form other: not known; there are relaxed, simd, plain",
    }


@in_node
def test_a_replaced_model_serves_the_next_and_leaves_live_streams_alone(
    packages: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(packages / "kws", tmp_path / "kws")
    told = told_by("replaced", folder, packages / "wakeword")
    assert told == {"same": True, "name": "wakeword", "codes": ["UNREACHABLE"]}


@in_node
def test_other_rates_become_the_models_without_aliases(packages: Path) -> None:
    for one in told_by("resampled", packages / "kws"):
        assert one["same"], one
        assert 15_900 <= one["count"] <= 16_000
        if one["hz"] < 8000:
            assert one["rms"] == pytest.approx(0.5**0.5, rel=0.01), one
            assert one["rest"] < 2e-3, one
        else:
            assert one["rms"] < 2e-3, one


def test_the_package_is_small_alone_and_typed(packages: Path) -> None:
    files = {path.name: path.read_bytes() for path in (packages / "kws").iterdir()}
    assert sum(map(len, files.values())) < MOST_BYTES
    told = json.loads(files["package.json"])
    assert (told["name"], told["type"]) == ("kws", "module")
    assert not {"dependencies", "scripts", "devDependencies"} & told.keys()
    scripts = {name: text.decode() for name, text in files.items() if name.endswith(".js")}
    for name, text in scripts.items():
        assert "://" not in text, name
        loaded = re.findall(r'from "(.*?)"|import\("(.*?)"\)|URL\("(.*?)"', text)
        assert {
            found.removeprefix("./") for one in loaded for found in one if found
        } <= files.keys()
    assert "@" not in re.sub(r"/\*.*?\*/", "", "".join(scripts.values()), flags=re.DOTALL)
    types = files["index.d.ts"].decode() + files["spotter.d.ts"].decode()
    for exported in ("Model", "Stream", "Spotter", "EdgernnError", "forms"):
        assert re.search(rf"export (class|function) {exported}\b", types)
        assert exported in scripts["index.js"]
    codes = set(re.findall(r'"([A-Z]+_?[A-Z]+)"', "".join(scripts.values())))
    assert codes - {"SHA"} == set(re.findall(r'"([A-Z]+_?[A-Z]+)"', types))


@pytest.mark.parametrize("seed", range(20))
def test_a_patch_gives_the_file_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 4, 3000, np.uint8).tobytes()
    cuts = sorted(rng.integers(0, 3000, 8).tolist())
    runs = [base[a:b] for a, b in pairwise(cuts)]
    new = [rng.integers(0, 256, int(n), np.uint8).tobytes() for n in rng.integers(0, 90, 7)]
    made = b"".join(one for pair in zip(new, runs, strict=True) for one in pair)
    parts, rest = patch(base, made)
    got, at = b"", 0
    for place, count in parts:
        if place == NOWHERE:
            got, at = got + rest[at : at + count], at + count
        else:
            got += base[place : place + count]
    assert got == made
    assert at == len(rest) <= sum(map(len, new)) + 7 * 48


def test_the_command_writes_for_webassembly_alone(
    bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    words = ["embed", str(bundles["kws"]), "--as", "web", "--on", "cortex-m4"]
    done = CliRunner().invoke(group, [*words, "-o", str(tmp_path / "kws")])
    assert done.exit_code == 2
    assert "--on cortex-m4: a package for the web is for wasm alone" in done.stderr
    assert not (tmp_path / "kws").exists()


@browser.real
def test_the_page_of_a_package_hears_the_microphone(
    packages: Path, root: Path, tmp_path: Path
) -> None:
    """As a new user would: a plain file server, a browser, a click."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=packages / "kws"))
    clip = f"--use-file-for-fake-audio-capture={root / 'models/kws/clips/stream.wav'}"
    with serving(server) as url, browser.browser(tmp_path, clip) as page:
        page.show(url, 1280, 900)
        page.wait("document.querySelector('#listen').onclick !== null")
        page.ask("void document.querySelector('#listen').click()")
        heard = page.wait("document.querySelector('#heard li')?.textContent")
        assert heard.split()[-1] in {"go", "stop", "left", "yes", "up"}
        assert [one for one in page.complaints() if "favicon" not in one] == []
        assert [one for one in page.requests() if not one.startswith(url)] == []


@browser.real
@pytest.mark.parametrize(("model", "step"), [("wakeword", "wakeword"), ("keyboard", "keys")])
def test_steps_in_a_browser_give_the_golden_bits(
    model: str, step: str, packages: Path, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    golden = golden_of(open_bundle(bundles[model]), step)
    ((_, frames),), ((_, outputs),) = golden["in"].items(), golden["out"].items()
    files = {
        f"/{path.name}": Page("text/javascript" if path.suffix == ".js" else "text/html", data)
        for path in (packages / model).iterdir()
        for data in [path.read_bytes()]
    }
    files["/frames"] = Page("text/plain", frames.astype("<f4").tobytes())
    script = f"""(async () => {{
      const {{ Model }} = await import("/index.js");
      const all = new Float32Array(await (await fetch("/frames")).arrayBuffer());
      const size = {frames[0].size};
      const sums = [];
      for (const form of ["relaxed", "simd", "plain"]) {{
        const stream = (await Model.open(undefined, {{ form }})).stream("{step}");
        const made = [];
        for (let at = 0; at < all.length; at += size)
          made.push(...new Uint8Array(stream.step(all.subarray(at, at + size))[0].buffer));
        const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(made)));
        sums.push(Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join(""));
      }}
      return sums;
    }})()"""
    want = hashlib.sha256(np.ascontiguousarray(outputs).tobytes()).hexdigest()
    with serving(Server(files, 0)) as url, browser.browser(tmp_path) as page:
        page.show(f"{url}README.md", 1280, 900)
        assert page.ask(script) == [want] * 3
