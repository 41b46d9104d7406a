"""A recording goes through a session as a stream does, from a fresh state each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.audio import Audio
from edgernn.errors import DataError
from edgernn.listening import find_decoder, listen, open_sound
from edgernn.models.kws.decode import Detector
from edgernn.runtime import Session

from .fakes import use_fakes, write_bundle


class Everything:
    """A decoder that gives each output as it comes."""

    def push(self, logits: np.ndarray[Any, Any]) -> list[Any]:
        return [logits.reshape(-1).tolist()]


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    use_fakes(monkeypatch)
    monkeypatch.setattr("edgernn.listening.find_decoder", lambda manifest: Everything())
    return Session(write_bundle(tmp_path / "m.edgernn"))


def test_each_recording_starts_from_a_fresh_state(session: Session) -> None:
    audio = Audio(np.ones(10, np.float32), 200)
    first, again = list(listen(session, audio)), list(listen(session, audio))
    assert first == again
    assert first[:4] == [[4, 4], [8, 4], [10, 2], [10, 0]]


def test_a_recording_ends_in_silence_and_whole_blocks() -> None:
    got = Audio(np.ones(10, np.float32), 200).blocks(4)
    assert got.shape == (28, 4)  # 10 samples and 100 of silence
    assert got.sum() == 10
    assert got.reshape(-1)[:10].all()


def test_detections_come_while_the_stream_runs(session: Session) -> None:
    stream = listen(session, Audio(np.ones(400, np.float32), 200))
    next(stream)
    assert session.state["sum"].tolist() == [[4]]


def test_a_step_that_takes_no_samples_is_refused(session: Session, tmp_path: Path) -> None:
    manifest = {**session.bundle.manifest, "sample_rate_hz": None}
    object.__setattr__(session.bundle, "manifest", manifest)
    with pytest.raises(DataError, match=r"takes \(1, 4, 1\) float32, not audio"):
        open_sound(session, tmp_path / "a.wav")


def test_a_shipped_models_own_decode_loop_is_found() -> None:
    manifest = {"model": "kws", "labels": ["_silence_", "yes"], "frame_ms": 20.0}
    assert isinstance(find_decoder(manifest), Detector)
    with pytest.raises(DataError, match="no decode loop"):
        find_decoder({**manifest, "model": "../kws"})
