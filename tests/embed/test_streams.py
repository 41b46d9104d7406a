"""Streams in C: the bundle's bits, states that go from place to place, and what is refused."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.bundle import open_bundle
from edgernn.package import STREAMS, model_id, model_library
from edgernn.target import find_target
from edgernn.toolchain import build_library, stub
from edgernn.verify import golden_of

OK, BAD_MEMORY, BAD_INPUT, BAD_STATE, OTHER_MODEL, OTHER_VERSION, CLOSED, NO_STEP = range(0, -8, -1)
HEAD = 48
# what a program does with a stream, through the library's own copy of stream.c
CALLS = ("bytes", "open", "step", "reset", "saved_bytes", "save", "restore", "close")


class Model:
    """A package's library, and the stream functions over its description."""

    def __init__(self, binary: bytes, folder: Path) -> None:
        path = folder / "model.so"
        path.write_bytes(binary)
        streams = build_library(
            {name: stub(f"streams/{name}") for name in STREAMS},
            find_target("host"),
            folder,
            name="streams",
            exports=[f"edgernn_stream_{call}" for call in CALLS],
            alone=True,
        )
        self.model, self.calls = ctypes.CDLL(str(path)), ctypes.CDLL(str(streams))
        self.model.edgernn_package.restype = ctypes.c_void_p
        self.package = ctypes.c_void_p(self.model.edgernn_package())

    def stream(self, step: int = 0) -> Stream:
        return Stream(self, step)


class Stream:
    """One stream, its memory and its errors."""

    def __init__(self, model: Model, step: int) -> None:
        self.calls = model.calls
        nbytes = self.calls.edgernn_stream_bytes(model.package, step)
        self.memory = np.zeros(nbytes + 16, np.uint8)
        self.place = -(-self.memory.ctypes.data // 16) * 16
        self.stream = ctypes.create_string_buffer(64)
        self.opened = self.call("open", model.package, step, ctypes.c_void_p(self.place), nbytes)

    def call(self, name: str, *args: Any) -> int:
        found: int = getattr(self.calls, f"edgernn_stream_{name}")(self.stream, *args)
        return found

    def step(self, frame: Any, out: Any) -> int:
        pointers = [(ctypes.c_void_p * 1)(array.ctypes.data) for array in (frame, out)]
        return self.call("step", *pointers)

    def save(self) -> bytes:
        room = ctypes.create_string_buffer(self.call("saved_bytes"))
        assert self.call("save", room, len(room)) == OK
        return room.raw

    def restore(self, saved: bytes) -> int:
        return self.call("restore", saved, len(saved))


@pytest.fixture(scope="module")
def model(bundles: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Model:
    library = model_library(open_bundle(bundles["kws"]), find_target("host"), print)
    return Model(library, tmp_path_factory.mktemp("kws"))


@pytest.fixture(scope="module")
def golden(bundles: Mapping[str, Path]) -> dict[str, Any]:
    vectors = golden_of(open_bundle(bundles["kws"]), "kws")
    ((_, frames),) = vectors["in"].items()
    ((_, outputs),) = vectors["out"].items()
    return {"in": np.ascontiguousarray(frames), "out": np.ascontiguousarray(outputs)}


def outputs_of(stream: Stream, frames: Any, like: Any) -> Any:
    got = np.empty((len(frames), *like.shape[1:]), np.float32)
    for frame, out in zip(frames, got, strict=True):
        assert stream.step(frame, out) == OK
    return got


@pytest.mark.cc
def test_a_stream_gives_the_golden_bits_again_after_a_reset(model: Model, golden: Any) -> None:
    stream = model.stream()
    for _ in range(2):
        got = outputs_of(stream, golden["in"], golden["out"])
        assert got.tobytes() == golden["out"].tobytes()
        assert stream.call("reset") == OK


@pytest.mark.cc
def test_a_saved_state_goes_on_with_the_same_bits(model: Model, golden: Any) -> None:
    first, second = model.stream(), model.stream()
    cut = len(golden["in"]) // 2
    outputs_of(first, golden["in"][:cut], golden["out"])
    assert second.restore(first.save()) == OK
    got = outputs_of(second, golden["in"][cut:], golden["out"])
    assert got.tobytes() == golden["out"][cut:].tobytes()


@pytest.mark.cc
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e10])
def test_no_number_leaves_the_state_as_it_was(model: Model, golden: Any, value: float) -> None:
    stream, out = model.stream(), np.full(golden["out"].shape[1:], 7, np.float32)
    before = stream.save()
    frame = golden["in"][0].copy()
    frame.reshape(-1)[-1] = value
    assert stream.step(frame, out) == BAD_INPUT
    assert stream.save() == before
    assert (out == 7).all()


@pytest.mark.cc
def test_states_that_do_not_belong_are_refused(
    model: Model, golden: Any, bundles: Mapping[str, Path]
) -> None:
    stream = model.stream()
    outputs_of(stream, golden["in"][:3], golden["out"])
    saved = stream.save()
    assert saved[16:32] == model_id(open_bundle(bundles["kws"]))

    def changed(at: int) -> bytes:
        return saved[:at] + bytes([saved[at] ^ 1]) + saved[at + 1 :]

    wrong = {
        b"": BAD_STATE,
        saved[:-1]: BAD_STATE,
        saved + b"\0": BAD_STATE,
        changed(0): BAD_STATE,
        changed(8): OTHER_VERSION,
        changed(12): OTHER_MODEL,
        changed(16): OTHER_MODEL,
        changed(32): BAD_STATE,
        changed(36): BAD_STATE,
        changed(40): BAD_STATE,
        changed(HEAD): BAD_STATE,
        changed(len(saved) - 1): BAD_STATE,
    }
    for data, error in wrong.items():
        assert stream.restore(data) == error
        assert stream.save() == saved


@pytest.mark.cc
def test_what_cannot_be_opened_or_is_closed(model: Model) -> None:
    assert model.stream(1).opened == NO_STEP
    stream = model.stream()
    memory = ctypes.c_void_p(stream.place)
    assert stream.call("open", model.package, 0, memory, 16) == BAD_MEMORY
    assert stream.call("reset") == CLOSED
    unaligned = ctypes.c_void_p(stream.place + 4)
    assert stream.call("open", model.package, 0, unaligned, 1 << 20) == BAD_MEMORY
    assert stream.call("close") == CLOSED


@pytest.mark.cc
def test_threads_do_not_disturb_one_another(model: Model, golden: Any) -> None:
    found: dict[int, bytes] = {}

    def run(at: int) -> None:
        stream = model.stream()
        for _ in range(20):
            stream.call("reset")
            got = outputs_of(stream, golden["in"], golden["out"])
            found[at] = got.tobytes()
            if found[at] != golden["out"].tobytes():
                return

    threads = [threading.Thread(target=run, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found.values()) == {golden["out"].tobytes()}
    assert len(found) == 4
