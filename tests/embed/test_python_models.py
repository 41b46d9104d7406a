"""Files of models for Python: refused before any of it runs, replaced under a live stream."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.bundle import open_bundle
from edgernn.package import find_package, model_library, sealed, write_package
from edgernn.target import find_target
from edgernn.toolchain import build_library, stub
from edgernn.verify import golden_of

pytestmark = pytest.mark.cc
SEAL_BYTES = 79
SHELL = """#include "stream.h"
static const edgernn_model shell = {.abi = 99};
const edgernn_model *edgernn_package(void);
const edgernn_model *edgernn_package(void) { return &shell; }
"""


SEVERAL = """#include "stream.h"
static const uint32_t two[] = {2u}, one[] = {1u};
static const edgernn_port in[] = {{"a", "float32", 1u, 4u, 2u, 1u, two},
                                  {"n", "int64", 0u, 8u, 1u, 1u, one}};
static const edgernn_port out[] = {{"both", "float32", 1u, 4u, 2u, 1u, two},
                                   {"total", "int64", 0u, 8u, 1u, 1u, one}};
static void reset(void *state) { *(int64_t *)state = 0; }
static void run(void *state, void *scratch, const void *const *in, void *const *out) {
  const float *const a = in[0];
  float *const both = out[0];
  (void)scratch;
  both[0] = a[0] + a[1];
  both[1] = a[0] - a[1];
  *(int64_t *)out[1] = *(int64_t *)state += *(const int64_t *)in[1];
}
static const edgernn_model_step steps[] = {{"pair", 8u, 0u, 2u, 2u, in, out, 10.0, reset, run}};
static const edgernn_model model = {.abi = EDGERNN_ABI, .name = "pair", .version = "0",
                                    .step_count = 1u, .steps = steps, .kind = ""};
const edgernn_model *edgernn_package(void);
const edgernn_model *edgernn_package(void) { return &model; }
"""


@pytest.fixture(scope="module")
def kws(bundles: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package, imported here and forgotten afterwards."""
    folder = tmp_path_factory.mktemp("python") / "kws"
    write_package(find_package("python").files(open_bundle(bundles["kws"]), None, print), folder)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("kws")
    sys.path.remove(str(folder))
    for each in [each for each in sys.modules if each.partition(".")[0] == "kws"]:
        del sys.modules[each]


@pytest.fixture(scope="module")
def own(kws: Any) -> bytes:
    """The package's model."""
    return Path(kws.Model().path).read_bytes()


@pytest.fixture(scope="module")
def wakeword(bundles: Mapping[str, Path]) -> bytes:
    return model_library(open_bundle(bundles["wakeword"]), find_target("host"), print)


@pytest.fixture(scope="module")
def golden(bundles: Mapping[str, Path]) -> tuple[Any, Any]:
    found = golden_of(open_bundle(bundles["kws"]), "kws")
    ((_, frames),), ((_, outputs),) = found["in"].items(), found["out"].items()
    return np.ascontiguousarray(frames), np.ascontiguousarray(outputs)


def run(stream: Any, frames: Any) -> bytes:
    return b"".join(stream.step(frame).tobytes() for frame in frames)


def shell(folder: Path, files: Mapping[str, str], export: str) -> bytes:
    """A sealed library that is no model."""
    sources = {"stream.h": stub("streams/stream.h"), **files}
    host = find_target("host")
    return sealed(
        build_library(
            sources, host, folder, name="shell", exports=[export], alone=True
        ).read_bytes()
    )


# ---- what is refused


def test_a_file_that_is_no_whole_model_is_refused(kws: Any, own: bytes, tmp_path: Path) -> None:
    flipped = bytearray(own)
    flipped[len(own) // 2] ^= 1
    path = tmp_path / "model.sealed"
    wrong = {
        b"": "0 bytes without a seal",
        b"edgernn": "7 bytes without a seal",
        own[:-1]: "no model, or cut short",
        own[: len(own) // 2]: "no model, or cut short",
        own[:-SEAL_BYTES]: "no model, or cut short",
        own[:100] + own[-SEAL_BYTES:]: "damaged: its 100 bytes are not those sealed",
        bytes(flipped): "damaged",
        own[:-1] + b"x": "damaged",
        sealed(b"no library"): "another CPU",
        sealed(own[:64]): "cannot be loaded",
    }
    for data, said in wrong.items():
        path.write_bytes(data)
        with pytest.raises(kws.ModelError, match=said) as caught:
            kws.Model(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
    for missing, said in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(kws.ModelError, match=f"cannot be read: {said}"):
            kws.Model(missing)


def test_a_model_for_another_cpu_is_refused_before_it_is_loaded(
    kws: Any, own: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = sys.modules["kws._load"]
    path = tmp_path / "model.sealed"
    body = own[:-SEAL_BYTES]
    path.write_bytes(sealed(body[:18] + b"\xf3\x00" + body[20:]))  # EM_RISCV
    with monkeypatch.context() as patch:
        patch.setattr(load, "Library", None)
        with pytest.raises(kws.ModelError, match=r"for another CPU than this .* --on TARGET"):
            kws.Model(path)
    marked = body if b"edgernn-cpu:x86_64_v3" in body else body + b"edgernn-cpu:x86_64_v3"
    path.write_bytes(sealed(marked))
    monkeypatch.setattr(load, "_cpu_flags", lambda: {"avx2", "fma"})
    with pytest.raises(kws.ModelError, match="AVX2; this one lacks bmi1, bmi2, f16c, movbe"):
        kws.Model(path)


def test_a_library_that_is_no_model_or_of_another_form_is_refused(kws: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.sealed"
    other = "int other(void);\nint other(void) { return 1; }\n"
    path.write_bytes(shell(tmp_path, {"other.c": other}, "other"))
    with pytest.raises(kws.ModelError, match="has no edgernn_package; it is no model"):
        kws.Model(path)
    path.write_bytes(shell(tmp_path, {"shell.c": SHELL}, "edgernn_package"))
    with pytest.raises(kws.ModelError, match="another version of edgernn: its form is 99, not 1"):
        kws.Model(path)


def test_a_loop_takes_no_model_of_another_kind(kws: Any) -> None:
    native = sys.modules["kws._native"]
    with pytest.raises(kws.ModelError, match="model kws is a spotter; open one that is a keyboard"):
        native.Keyboard(kws.Model().library(), 4, 3, 64, 100, False, 6.0)
    with pytest.raises(TypeError, match="need a Library"):
        native.Spotter(kws.Model())


# ---- several inputs and outputs


def test_a_step_of_several_arrays_takes_them_by_place(kws: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.sealed"
    path.write_bytes(shell(tmp_path, {"several.c": SEVERAL}, "edgernn_package"))
    model = kws.Model(path)
    assert (model.kind, model.labels, model.sample_rate_hz) == ("", (), 0)
    stream, a, n = model.stream("pair"), np.array([3, 1], np.float32), np.array([5])
    both, total = stream.step(a, n)
    assert (both.tolist(), total.tolist(), total.dtype) == ([4, 2], [5], np.int64)
    outs = (np.zeros(2, np.float32), np.zeros(1, np.int64))
    assert stream.step(a, n, out=outs) is outs
    assert (outs[0].tolist(), outs[1].tolist()) == ([4, 2], [10])
    wrong: list[tuple[tuple[Any, ...], Any, str]] = [
        ((n, a), None, "pair: a is int64"),
        ((a, n.astype(np.uint64)), None, r"pair: n is uint64 in shape \(1,\); need int64"),
        ((a, n), outs[0], "need a tuple of 2 arrays"),
        ((a, n), outs[:1], "need a tuple of 2 arrays"),
        ((a, n), outs[::-1], "pair: both is int64"),
        ((a, n), (outs[0], n), "pair: total is .* in the memory of another one"),
        ((a, n), (a, outs[1]), "pair: both is .* in the memory of another one"),
    ]
    held = [sys.getrefcount(each) for each in (a, n, *outs, outs, stream)]
    for arrays, out, said in wrong * 20:
        with pytest.raises(kws.InputError, match=said):
            stream.step(*arrays, out=out)
    del arrays, out
    assert held == [sys.getrefcount(each) for each in (a, n, *outs, outs, stream)]
    a[:] = 0  # every array is let go: it may be changed in size again
    assert stream.step(a, n)[1].tolist() == [15]
    outs[0].resize(3, refcheck=False)


# ---- hot updates


@pytest.mark.parametrize("way", ["rename", "overwrite", "cut"])
def test_a_file_replaced_under_a_live_stream_is_the_next_model_s_alone(
    way: str, kws: Any, own: bytes, wakeword: bytes, golden: Any, tmp_path: Path
) -> None:
    frames, outputs = golden
    half = len(frames) // 2
    path = tmp_path / "model.sealed"
    path.write_bytes(own)
    old = kws.Model(path)
    stream = old.stream()
    assert run(stream, frames[:half]) == outputs[:half].tobytes()
    if way == "rename":
        (tmp_path / "new").write_bytes(wakeword)
        os.replace(tmp_path / "new", path)
    else:
        with path.open("r+b") as file:  # the very file that was loaded
            file.write(wakeword if way == "overwrite" else b"")
            file.truncate()
    if way == "cut":
        with pytest.raises(kws.ModelError, match="0 bytes without a seal"):
            kws.Model(path)
    else:
        new = kws.Model(path)
        assert (old.name, new.name) == ("kws", "wakeword")
        assert new.stream().step(np.zeros(new.steps[0].inputs[0].shape, np.float32)).any()
    assert run(stream, frames[half:]) == outputs[half:].tobytes()
    assert run(old.stream(), frames[:half]) == outputs[:half].tobytes()


def test_many_models_are_told_apart_and_let_go(
    kws: Any, own: bytes, wakeword: bytes, golden: Any, tmp_path: Path
) -> None:
    """What a loader knows by name or by file is never given for another model."""
    paths = {"kws": tmp_path / "a", "wakeword": tmp_path / "b"}
    paths["kws"].write_bytes(own)
    paths["wakeword"].write_bytes(wakeword)
    before = mapped()
    live = [(name, kws.Model(path)) for _ in range(20) for name, path in paths.items()]
    assert [name for name, _ in live] == [model.name for _, model in live]
    assert mapped() == before + 40
    stream = live[0][1].stream()
    live.clear()
    assert mapped() == before + 1
    assert run(stream, golden[0]) == golden[1].tobytes()


def mapped() -> int:
    """Private copies that are loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return len({line.split()[4] for line in lines if "memfd:edgernn" in line})


def test_where_memory_is_no_file_a_file_is_made_and_gone(
    kws: Any, golden: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(name: str) -> int:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(os, "memfd_create", refused)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    model = kws.Model()
    assert list(tmp_path.iterdir()) == []
    assert run(model.stream(), golden[0]) == golden[1].tobytes()


def test_the_seal_is_that_of_every_package(own: bytes) -> None:
    digest = hashlib.sha256(own[:-SEAL_BYTES]).hexdigest()
    assert own[-SEAL_BYTES:] == f"edgernn sha256 {digest}".encode()
