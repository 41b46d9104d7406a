"""The loop in C against the one in Python: toy steps, random streams, not a bit of difference."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgernn.backend import Array, find_runner
from edgernn.c_loop import loop_sources
from edgernn.package import STREAMS
from edgernn.recognition import search
from edgernn.recognition.c_loop import LOOP, MOST_BEAM, SAVED, hot_words_table
from edgernn.recognition.decode import MOST_FRAMES, Reading, Recognizer, Word
from edgernn.recognition.hot_words import HotWords
from edgernn.target import Target, find_target
from edgernn.toolchain import build_firmware, build_library, build_wasm, stub

from ..loops import outside_of_functions

pytestmark = pytest.mark.cc
LABELS = ("", "A", "B", "C", "D")
HOT = {"A B": 1.1, "B": 0.3, "A B C A": 0.7, "D": 0.4}
ROWS = (np.random.default_rng(7).normal(0, 0.7, (len(LABELS), len(LABELS)))).astype(np.float32)
WORD_MS = 30.0
GUARD = bytes(range(64))
EXPORTS = (
    *("toy_grown", "edgernn_recognizer_finish", "edgernn_recognizer_readings"),
    *("toy_save", "toy_restore", "toy_saved_most", "edgernn_recognizer_saved_bytes"),
)


def sources(delay: int) -> dict[str, str]:
    rows = ",\n".join("{" + ", ".join(f"{x.hex()}f" for x in map(float, row)) + "}" for row in ROWS)
    split = [[LABELS.index(word) for word in phrase.split()] for phrase in HOT]
    lines = [
        '#include "recognizer.h"',
        f"#define LABELS {len(LABELS)}",
        f"#define DELAY {delay}",
        f"static const float rows[LABELS][LABELS] = {{{rows}}};",
        hot_words_table(HotWords(HOT, LABELS), "hot_words"),
        f"static const uint16_t phrases[] = {{{', '.join(str(w) for p in split for w in p)}}};",
        f"static const uint32_t lengths[] = {{{', '.join(str(len(p)) for p in split)}}};",
        f"static const float worths[] = {{{', '.join(f'{w}f' for w in HOT.values())}}};",
    ]
    return {
        **loop_sources("recognition", (*LOOP, *SAVED)),
        **{name: stub(f"streams/{name}") for name in STREAMS},
        "toy.c": (Path(__file__).parent / "toy.c").read_text(),
        "toy.h": "\n".join(lines) + "\n",
    }


class Toy:
    """The steps of toy.c in a session's clothes."""

    def __init__(self, name: str, delay: int = 0) -> None:
        self.name, self.labels, self.frame_ms = name, LABELS, WORD_MS / 3
        block = {"features": 2 * len(LABELS), "encoder": 3}.get(name, 1)
        self.timing = SimpleNamespace(block=block, delay=delay if name == "encoder" else 0)
        self.reset()

    def reset(self) -> None:
        self.state = np.zeros(((self.timing.delay + 1) * len(LABELS)), np.float32)

    def load_state(self, state: Array) -> None:
        self.state = state

    def step(self, x: Array) -> Array:
        if self.name == "features":
            return x.reshape(2, -1)
        if self.name == "encoder":
            vectors = np.append(self.state[: self.timing.delay * len(LABELS)], x[2])
            self.state = np.append(vectors[len(LABELS) :], x[2])
            return vectors[: len(LABELS)]
        if self.name == "joiner":
            return np.asarray(x[: len(LABELS)] + x[len(LABELS) :])
        self.state = np.float32(0.5) * self.state + ROWS[int(x[0])]
        return self.state


class Loop:
    """The C, wherever it is loaded."""

    def __init__(self, module: Any, pointer: str) -> None:
        self.module, self.pointer = module, pointer
        self.state = module.alloc(module.call("toy_state_size"))
        self.samples, self.place = module.alloc(8 * len(LABELS)), module.alloc(16)

    def init(self, beam: int, end_frames: int = 0, hot: bool = False, lacking: int = 0) -> int:
        nbytes = self.module.call("toy_scratch_size", beam)
        assert nbytes > 0  # macro and function agree
        memory = self.module.alloc(nbytes + len(GUARD))
        self.module.write(memory, b"\xa5" * nbytes + GUARD)
        self.guard = memory + nbytes
        arguments = (beam, end_frames, int(hot), memory, nbytes - lacking)
        return int(self.module.call("toy_init", self.state, *arguments))

    def kept_to_its_memory(self) -> bool:
        return bool(self.module.read(self.guard, len(GUARD)) == GUARD)

    def push(self, samples: Array) -> list[Word]:
        self.module.write(self.samples, samples.tobytes())
        return self._heard(self.module.call("toy_step", self.state, self.samples, self.place))

    def finish(self) -> list[Word]:
        return self._heard(self.module.call("edgernn_recognizer_finish", self.state, self.place))

    def readings(self) -> list[Reading]:
        count = self.module.call("edgernn_recognizer_readings", self.state, self.place)
        form = struct.Struct(f"<{self.pointer}If")
        at, found = self._pointed(), []
        for row in range(count):
            words, length, score = form.unpack(self.module.read(at + row * form.size, form.size))
            found.append(Reading(tuple(self._words(words, length)), score))
        return found

    def save(self) -> bytes:
        room = self.module.call("edgernn_recognizer_saved_bytes", self.state)
        place = self.module.alloc(room)
        assert self.module.call("toy_save", self.state, place, room) == 0
        return bytes(self.module.read(place, room))

    def restore(self, saved: bytes) -> int:
        place = self.module.alloc(len(saved))
        self.module.write(place, saved)
        return int(self.module.call("toy_restore", self.state, place, len(saved)))

    def _heard(self, count: int) -> list[Word]:
        return list(self._words(self._pointed(), count))

    def _pointed(self) -> int:
        size = struct.calcsize(self.pointer)
        (at,) = struct.unpack(f"<{self.pointer}", self.module.read(self.place, size))
        return int(at)

    def _words(self, at: int, count: int) -> Iterator[Word]:
        for row in range(count):
            label, frame, utterance, score = struct.unpack(
                "<IIIf", self.module.read(at + 16 * row, 16)
            )
            yield Word(LABELS[label], (frame + 1) * WORD_MS, score, utterance)


def built(target: Target, folder: Path, delay: int = 0) -> Loop:
    files = sources(delay)
    build: Any = build_wasm if target.kind == "wasm" else build_library
    if target.kind == "firmware":
        build, files["toy.h"] = build_firmware, files["toy.h"] + "#define TOY_MAIN\n"
    path = build(files, target, folder, name="toy", exports=EXPORTS)
    module = find_runner(target.runner).load(path.read_bytes(), target)
    return Loop(module, "Q" if target.kind == "library" else "I")


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return built(find_target("host"), tmp_path_factory.mktemp("toy"))


def live(
    beam: int, end_frames: int = 0, hot: Mapping[str, float] | None = None, delay: int = 0
) -> Recognizer:
    sessions = {name: Toy(name, delay) for name in ("features", "encoder", "predictor", "joiner")}
    end_ms = end_frames * WORD_MS or None
    return Recognizer(sessions, beam=beam, hot_words=hot, end_ms=end_ms)


def stream(kind: str, count: int, seed: int) -> Array:
    """Blocks: doubtful ones, ones full of equal numbers, ones with long silences."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1.5, (count, 2, len(LABELS)))
    x[..., 0] += 1.5
    if kind == "ties":
        x = np.round(x)
    if kind == "silent":
        x[rng.random(count) < 0.6] = [30, 0, 0, 0, 0]
        x[:, 1, 1:] += rng.normal(0, 0.1, (count, 1))
    return x.astype(np.float32).reshape(count, -1)


def compare(loop: Loop, twin: Recognizer, blocks: Array, every: int = 7) -> int:
    """Words, times, utterances, scores and readings are equal; how many words there were."""
    count = 0
    for at, block in enumerate(blocks):
        words = twin.push(block)
        assert loop.push(block) == words, at
        if at % every == 0:
            assert loop.readings() == twin.readings(), at
        if at % 97 == 96 or at == len(blocks) - 1:
            rest = twin.finish()
            assert loop.finish() == rest, at
            words += rest
        count += len(words)
    assert loop.kept_to_its_memory()
    return count


@pytest.mark.parametrize("kind", ["doubt", "ties", "silent"])
@pytest.mark.parametrize("hot", [False, True])
@pytest.mark.parametrize("beam", [1, 2, 4, 11])
def test_c_gives_python_s_words_and_scores_to_the_bit(
    beam: int, hot: bool, kind: str, loop: Loop
) -> None:
    blocks = stream(kind, 120 if beam < 5 else 60, seed=beam)
    for end_frames in (0, 4):
        assert loop.init(beam, end_frames, hot) == 0
        twin = live(beam, end_frames, HOT if hot else None)
        assert compare(loop, twin, blocks) > 5


@pytest.mark.parametrize("delay", [1, 3])
def test_what_an_encoder_holds_back_is_heard_at_the_end(delay: int, tmp_path: Path) -> None:
    loop = built(find_target("host"), tmp_path, delay)
    for beam, kind in ((1, "doubt"), (3, "silent")):
        assert loop.init(beam, 4, True) == 0
        assert compare(loop, live(beam, 4, HOT, delay), stream(kind, 200, beam)) > 5
    assert loop.init(1) == 0
    twin = live(1, delay=delay)
    assert loop.finish() == twin.finish() == []
    blocks = np.zeros((2, 2, 2, len(LABELS)), np.float32)
    blocks[..., 3] = 20
    heard = [(loop.push(one.ravel()), twin.push(one.ravel())) for one in blocks[0]]
    assert heard == [([], []), ([], [])]
    assert len(loop.finish()) == len(twin.finish()) == 1


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["aarch64", "cortex-m0", "cortex-m7", "wasm"])
def test_every_cpu_gives_the_same_words(name: str, tmp_path: Path) -> None:
    target = find_target(name)
    if missing := find_runner(target.runner).missing():
        pytest.skip(missing)
    loop = built(target, tmp_path)
    assert loop.init(4, 4, True) == 0
    assert compare(loop, live(4, 4, HOT), stream("doubt", 60, 1)) > 5


@pytest.mark.parametrize("doubt", [[5, 0, 5, 0, 0], [0, 5, 5, 0, 0]])
def test_words_behind_a_doubt_fill_the_memory_and_no_more(doubt: list[int], loop: Loop) -> None:
    """A word a frame, none of them certain until the doubt is old; then again."""
    vectors = np.tile(np.float32([0, 0, 0, 20, 0]), (120, 1))
    vectors[[0, 55]] = doubt
    blocks = np.repeat(vectors, 3, axis=0).reshape(180, -1)
    assert loop.init(2) == 0
    twin, most = live(2), 0
    for at, block in enumerate(blocks):
        assert loop.push(block) == twin.push(block), at
        assert loop.readings() == twin.readings(), at
        most = max(most, *(len(one.words) for one in twin.readings()))
    assert most in (search.LAG, search.LAG - 1)
    assert loop.kept_to_its_memory()


def test_a_second_run_begins_anew(loop: Loop) -> None:
    blocks = stream("doubt", 60, 3)
    assert loop.init(2, 0, True) == 0
    runs = []
    for _ in range(2):
        runs.append([w for block in blocks for w in loop.push(block)] + loop.finish())
        loop.module.call("toy_reset", loop.state)
    assert runs[0] == runs[1]
    assert runs[0]


def test_memory_and_beams_that_cannot_be_are_refused(loop: Loop) -> None:
    assert loop.init(4, lacking=1) == -1
    assert loop.init(MOST_BEAM) == 0
    assert loop.init(MOST_BEAM + 1) == -1
    assert loop.module.call("toy_init", loop.state, 0, 0, 0, loop.state, 1 << 20) == -1
    assert loop.module.call("toy_init", loop.state, 1, 0, 0, loop.state + 4, 1 << 20) == -1


def test_phrases_added_one_by_one_are_the_table_of_them(loop: Loop) -> None:
    places = loop.module.alloc(16 * 16)
    count = loop.module.call("toy_grown", places, 16)
    rows = [
        struct.unpack("<ffHHHxx", loop.module.read(places + 16 * at, 16)) for at in range(count)
    ]
    hot = HotWords(HOT, LABELS)

    def check(node: Any, at: int) -> int:
        given, kept, _, child, _ = rows[at]
        assert (given, kept) == (node.given, node.kept)
        found = {}
        while child:
            found[rows[child][2]], child = child, rows[child][4]
        assert found.keys() == node.after.keys()
        return 1 + sum(check(node.after[label], at) for label, at in found.items())

    assert check(hot.root, 0) == count == 7
    assert loop.module.call("toy_grown", places, count - 1) == 0


def test_the_numbers_of_the_header_are_python_s() -> None:
    text = stub("recognition/recognizer.h")
    assert f"EDGERNN_RECOGNIZER_LAG {search.LAG}u" in text
    assert f"EDGERNN_RECOGNIZER_MOST_BEAM {MOST_BEAM}u" in text
    assert MOST_FRAMES == 2**32 - 1


def test_the_loop_calls_no_library_and_has_no_variables() -> None:
    outside = outside_of_functions(loop_sources("recognition", LOOP))
    assert outside == ["static const edgernn_hot_place nowhere[1] = {{0.0f, 0.0f, 0, 0, 0}};"]
