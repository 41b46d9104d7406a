"""Streams of the package for Python: the bundle's bits, threads, saved states, what is refused."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from edgernn.bundle import Bundle, open_bundle
from edgernn.compilers import compiler
from edgernn.embed.python import HERE, extension, extension_sources
from edgernn.package import find_package, write_package
from edgernn.target import find_target
from edgernn.toolchain import COMMON_FLAGS
from edgernn.verify import golden_of
from tests.embed.test_streams import OK, Model

pytestmark = pytest.mark.cc


@pytest.fixture(scope="module")
def folders(bundles: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    for model in ("kws", "keyboard"):
        files = find_package("python").files(open_bundle(bundles[model]), None, print)
        write_package(files, folder / model)
    return folder


@pytest.fixture(scope="module")
def packages(folders: Path) -> Iterator[dict[str, Any]]:
    """The packages, imported here and forgotten afterwards."""
    names = [path.name for path in folders.iterdir()]
    sys.path[:0] = [str(folders / name) for name in names]
    found: dict[str, ModuleType] = {name: importlib.import_module(name) for name in names}
    yield found
    for name in names:
        sys.path.remove(str(folders / name))
        for each in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[each]


@pytest.fixture(scope="module")
def kws(packages: dict[str, Any]) -> Any:
    return packages["kws"]


@pytest.fixture(scope="module")
def golden(bundles: Mapping[str, Path]) -> tuple[Any, Any]:
    return vectors(open_bundle(bundles["kws"]), "kws")


def vectors(bundle: Bundle, step: str) -> tuple[Any, Any]:
    found = golden_of(bundle, step)
    ((_, frames),), ((_, outputs),) = found["in"].items(), found["out"].items()
    return np.ascontiguousarray(frames), np.ascontiguousarray(outputs)


def run(stream: Any, frames: Any) -> bytes:
    return b"".join(stream.step(frame).tobytes() for frame in frames)


def test_every_step_gives_the_golden_bits_and_again_after_a_reset(
    packages: dict[str, Any], bundles: Mapping[str, Path]
) -> None:
    for name, package in packages.items():
        bundle, model = open_bundle(bundles[name]), package.Model()
        assert [step.name for step in model.steps] == list(bundle.manifest["steps"])
        for step in model.steps:
            frames, outputs = vectors(bundle, step.name)
            stream, out = model.stream(step.name), np.empty_like(outputs[0])
            assert run(stream, frames) == outputs.tobytes()
            stream.reset()
            for frame, expected in zip(frames, outputs, strict=True):
                assert stream.step(frame, out=out) is out
                assert out.tobytes() == expected.tobytes()


def test_a_model_says_what_it_is(kws: Any, bundles: Mapping[str, Path]) -> None:
    model, manifest = kws.Model(), open_bundle(bundles["kws"]).manifest
    assert (model.name, model.kind, model.version) == ("kws", "spotter", manifest["edgernn"])
    assert model.labels == tuple(manifest["labels"])
    assert model.sample_rate_hz == manifest["sample_rate_hz"]
    assert len(bytes.fromhex(model.id)) == 16
    ((name, inputs, outputs, frame_ms),) = model.steps
    assert (name, frame_ms) == ("kws", 20.0)
    assert [*inputs, *outputs] == [("x", (1, 320, 1), "float32"), ("y", (1, 1, 12), "float32")]


def test_the_declarations_of_the_extension_are_those_of_python_s_own_headers(
    tmp_path: Path,
) -> None:
    headers = sysconfig.get_paths()["include"]
    if not (Path(headers) / "Python.h").is_file():
        pytest.skip("no Python.h (python3-dev)")
    for name, text in extension_sources().items():
        (tmp_path / name).write_text(text)
    units = sorted(path.name for path in (HERE / "native").glob("*.c"))
    alone = ("-std=c99", "-ffreestanding")
    flags = [flag for flag in COMMON_FLAGS if flag not in alone]
    done = subprocess.run(
        [
            *compiler().command(find_target("host")),
            *(*flags, "-std=gnu11", "-DEDGERNN_PYTHON_H", "-isystem", headers, "-I.", "-c"),
            *units,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", ["host", "aarch64"])
def test_the_extension_needs_the_stable_abi_of_3_11_and_no_version_of_a_library(
    target: str,
) -> None:
    stable = pytest.importorskip("test.test_stable_abi_ctypes", reason="no tests of Python's own")
    elf = ELFFile(io.BytesIO(extension(find_target(target))))
    symbols = list(elf.get_section_by_name(".dynsym").iter_symbols())
    lacking = {each.name for each in symbols[1:] if each["st_shndx"] == "SHN_UNDEF"}
    given = {each.name for each in symbols[1:] if each["st_shndx"] != "SHN_UNDEF"}
    from_c = {"clock_gettime", "dlclose", "dlerror", "dlopen", "dlsym"}
    assert from_c < lacking
    assert lacking - from_c <= set(stable.SYMBOL_NAMES)
    assert given == {"PyInit__edgernn", "edgernn_built_for"}
    tags = {tag.entry.d_tag for tag in elf.get_section_by_name(".dynamic").iter_tags()}
    assert not tags & {"DT_NEEDED", "DT_VERNEED", "DT_TEXTREL"}


# ---- threads


def test_streams_in_threads_do_not_disturb_each_other(kws: Any, golden: Any) -> None:
    frames, outputs = golden
    model, found = kws.Model(), {}

    def work(number: int) -> None:
        found[number] = run(model.stream(), frames)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found.values()) == {outputs.tobytes()}
    assert len(found) == 4


def test_a_stream_in_two_threads_at_once_is_refused_and_not_corrupted(
    packages: dict[str, Any],
) -> None:
    """The step takes long enough for other threads to run meanwhile."""
    package = packages["keyboard"]
    model = package.Model()
    stream, twin = model.stream("words"), model.stream("words")
    (port,) = next(step for step in model.steps if step.name == "words").inputs
    frame = np.random.default_rng(0).normal(size=port.shape).astype(np.float32)
    taken, refused = [], []

    def work() -> None:
        for _ in range(400):
            try:
                stream.step(frame)
                taken.append(1)
            except package.BusyError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused
    assert set(refused) == {"in use by another thread; give each thread its own"}
    for _ in taken:
        twin.step(frame)
    assert stream.save() == twin.save()


# ---- saved states


def test_states_go_to_c_and_back_with_the_same_bits(
    kws: Any, golden: Any, folders: Path, tmp_path: Path
) -> None:
    frames, outputs = golden
    third = len(frames) // 3
    in_c = Model((folders / "kws/kws/model.sealed").read_bytes(), tmp_path).stream()
    first, last = kws.Model().stream(), kws.Model().stream()
    run(first, frames[:third])
    assert in_c.restore(first.save()) == OK
    out = np.empty_like(outputs[0])
    for frame, expected in zip(frames[third:-third], outputs[third:-third], strict=True):
        assert in_c.step(frame, out) == OK
        assert out.tobytes() == expected.tobytes()
    last.restore(in_c.save())
    assert run(last, frames[-third:]) == outputs[-third:].tobytes()


def test_states_that_do_not_belong_are_refused(packages: dict[str, Any], golden: Any) -> None:
    kws, keyboard = packages["kws"], packages["keyboard"]
    stream = kws.Model().stream()
    run(stream, golden[0][:5])
    saved = stream.save()
    other = keyboard.Model().stream().save()
    damaged = bytearray(saved)
    damaged[-1] ^= 1
    newer = bytearray(saved)
    newer[8] += 1
    reasons = {
        b"": "damaged",
        saved[:-1]: "cut short",
        saved + b"\0": "damaged",
        bytes(damaged): "damaged",
        bytes(newer): "another version",
        other: "another model",
    }
    for wrong, reason in reasons.items():
        with pytest.raises(kws.StateError, match=rf"{reason}.*: {len(wrong)} bytes, a state has"):
            stream.restore(wrong)
    with pytest.raises(TypeError):
        stream.restore("text")
    assert stream.save() == saved
    stream.restore(memoryview(saved))


# ---- what is refused


def test_arrays_that_do_not_fit_are_refused_and_change_nothing(kws: Any, golden: Any) -> None:
    stream, frame = kws.Model().stream(), golden[0][40]
    out = np.full((1, 1, 12), 7, np.float32)
    before = stream.save()
    wide = np.zeros((1, 640, 1), np.float32)
    wrong = {
        "float32 in shape (319, 1)": frame[0, 1:],
        "float64 in shape (1, 320, 1)": frame.astype(np.float64),
        "int16 in shape (1, 320, 1)": np.zeros_like(frame, np.int16),
        "int32 in shape (1, 320, 1)": np.zeros_like(frame, np.int32),
        ">f4 in shape (1, 320, 1)": frame.astype(">f4"),
        "float32 in shape (1, 320, 1), not in C order": wide[:, ::2],
        "float32 in shape (320, 320)": np.zeros((320, 320), np.float32),
        "object in shape (1,)": np.array([None]),
    }
    for said, given in wrong.items():
        with pytest.raises(kws.InputError) as caught:
            stream.step(given, out=out)
        assert str(caught.value) == f"kws: x is {said}; need float32 in shape (1, 320, 1)"
    with pytest.raises(kws.InputError, match="x is no array; need numpy's float32"):
        stream.step([0.0] * 320, out=out)
    for count, arrays in ((0, ()), (2, (frame, frame))):
        with pytest.raises(kws.InputError, match=f"{count} inputs; need 1"):
            stream.step(*arrays, out=out)
    with pytest.raises(TypeError, match="and out="):
        stream.step(frame, into=out)
    assert stream.save() == before
    assert (out == 7).all()


def test_outputs_that_cannot_be_written_are_refused(kws: Any, golden: Any) -> None:
    stream, frame = kws.Model().stream(), golden[0][40].copy()
    before = stream.save()
    frozen = np.zeros((1, 1, 12), np.float32)
    frozen.flags.writeable = False
    wrong: list[tuple[Any, str]] = [
        (np.zeros(11, np.float32), r"in shape \(11,\)"),
        (frozen, "not writable"),
        (frame.reshape(-1)[4:16], "in the memory of another one"),
        ([0.0] * 12, "no array"),
        (b"0" * 48, "no array"),
    ]
    for out, said in wrong:
        with pytest.raises(kws.InputError, match=f"kws: y is .*{said}"):
            stream.step(frame, out=out)
    assert stream.save() == before
    assert stream.step(frame, out=None).shape == (1, 1, 12)
    flat = np.zeros(12, np.float32)  # axes of one may be left out
    assert stream.step(frame.reshape(320), out=flat) is flat


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e10])
def test_no_number_leaves_the_state_as_it_was(kws: Any, golden: Any, value: float) -> None:
    stream, frame = kws.Model().stream(), golden[0][40].copy()
    out = np.full((1, 1, 12), 7, np.float32)
    run(stream, golden[0][:5])
    before = stream.save()
    frame[0, -1] = value
    with pytest.raises(kws.InputError, match="NaN, an infinity or a number above 1e9; the state"):
        stream.step(frame, out=out)
    assert stream.save() == before
    assert (out == 7).all()


def test_what_is_closed_says_so(kws: Any, golden: Any) -> None:
    frame = golden[0][0]
    with kws.Model() as model, model.stream() as stream:
        stream.step(frame)
    for use in (lambda: stream.step(frame), stream.reset, stream.save, lambda: stream.restore(b"")):
        with pytest.raises(kws.ClosedError, match="open a new one"):
            use()
    stream.close()
    with pytest.raises(kws.ClosedError, match="the model is closed"):
        model.stream()


def test_a_stream_outlives_its_model_and_a_step_that_is_not_there_is_named(
    kws: Any, golden: Any
) -> None:
    model = kws.Model()
    with pytest.raises(kws.InputError, match="no step 'word'; it has kws"):
        model.stream("word")
    stream = model.stream("kws")
    model.close()
    del model
    assert run(stream, golden[0]) == golden[1].tobytes()
    with pytest.raises(TypeError):
        type(stream)("no library", 0)


def test_errors_form_one_tree(kws: Any) -> None:
    names = ("BusyError", "ClosedError", "InputError", "ModelError", "StateError")
    assert all(issubclass(getattr(kws, name), kws.EdgernnError) for name in names)
    assert set(names) < set(kws.__all__)
