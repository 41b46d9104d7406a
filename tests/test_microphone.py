"""A microphone is listened to as a recording is, until Ctrl-C; what is absent is one line."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgernn.cli import group
from edgernn.recognition.decode import Word
from edgernn.runtime import Session

from .fakes import use_fakes, write_bundle

QUIET, LOUD = [0.0] * 4, [0.5] * 4  # blocks of the fakes


class Heard:
    """A decoder and a recogniser in one: a word at every loud block."""

    block = 4

    def __init__(self, sessions: dict[str, Session], **options: Any) -> None:
        self.sessions = sessions
        self.reset()

    def reset(self) -> None:
        self.count = 0

    def push(self, block: np.ndarray[Any, Any]) -> list[Word]:
        self.count += 1
        return [Word("LOUD", self.count * 20.0, 0.5)] if block.max() > 0.4 else []

    def finish(self) -> list[Word]:
        return [Word("END", self.count * 20.0, 0.5)]


def driver(*blocks: list[float], lost: bool = False) -> ModuleType:
    """A sounddevice whose microphone hears these blocks, then Ctrl-C; without any there is none."""
    module = ModuleType("sounddevice")

    class PortAudioError(Exception):
        pass

    class InputStream:
        def __init__(self, rate: int, block: int, *, channels: int, dtype: str) -> None:
            if not blocks:
                raise PortAudioError("Error querying device -1")
            assert (rate, block, channels, dtype) == (200, 4, 1, "float32")
            self.coming = iter(blocks)

        def __enter__(self) -> InputStream:
            return self

        def __exit__(self, *_: object) -> None:
            module.closed = True  # type: ignore[attr-defined]

        def read(self, count: int) -> tuple[np.ndarray[Any, Any], bool]:
            samples = next(self.coming, None)
            if samples is None:
                signal.raise_signal(signal.SIGINT)
            return np.array(samples or QUIET, np.float32).reshape(count, 1), lost

    module.InputStream, module.PortAudioError = InputStream, PortAudioError  # type: ignore[attr-defined]
    return module


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_fakes(monkeypatch)
    monkeypatch.setattr("edgernn.listening.find_decoder", lambda manifest: Heard({}))
    path = write_bundle(tmp_path / "m.edgernn")
    monkeypatch.setattr("edgernn.runtime.open_steps", lambda *_, **__: {"features": Session(path)})
    monkeypatch.setattr("edgernn.recognition.decode.Recognizer", Heard)
    return path


def edgernn(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(one) for one in arguments])


def test_words_are_heard_until_ctrl_c(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    module = driver(QUIET, LOUD, QUIET, LOUD)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    found = edgernn("transcribe", bundle)
    assert found.exit_code == 0, found.output
    assert found.stdout == "LOUD LOUD END\n"
    assert found.stderr == "3 words in 0.10 s of audio, on host\n"
    assert module.closed
    assert signal.getsignal(signal.SIGINT) is before
    told = json.loads(edgernn("transcribe", bundle, "--json").stdout)
    assert (told["recording"], told["seconds"]) == (None, 0.1)
    assert [word["time_ms"] for word in told["words"]] == [40.0, 80.0, 100.0]


def test_run_listens_too(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", driver(LOUD, QUIET))
    found = edgernn("run", bundle)
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines()[0] == "    0.02 s  LOUD         0.50"


def test_lost_samples_are_told_of(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", driver(QUIET, lost=True))
    with pytest.warns(UserWarning, match="samples were lost"):
        assert edgernn("transcribe", bundle).exit_code == 0


def test_what_is_absent_is_one_line(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", driver())
    found = edgernn("transcribe", bundle)
    assert found.exit_code == 2
    assert found.stderr == (
        "error: no microphone at 200 Hz (Error querying device -1); name a recording\n"
    )
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    found = edgernn("transcribe", bundle)
    assert found.exit_code == 2
    assert found.stderr == "error: sounddevice is not installed; run: pip install 'edgernn[mic]'\n"
    monkeypatch.delitem(sys.modules, "sounddevice")
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    found = edgernn("transcribe", bundle)
    assert found.exit_code == 2
    assert found.stderr.startswith("error: sounddevice: PortAudio library not found; install it")
