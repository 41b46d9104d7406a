"""The shipped wake-word detector through the compiler: exported in integers, it still detects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgernn.cli import group
from edgernn.exporting import export
from edgernn.listening import listen, open_sound
from edgernn.model import find_model
from edgernn.models.wakeword import LABELS
from edgernn.models.wakeword.card import PARAMETERS
from edgernn.runtime import Session

pytestmark = [pytest.mark.cc, pytest.mark.slow, pytest.mark.usefixtures("whole_road")]
SAID = ["jarvis", "smart mirror", "alexa", "computer", "snowboy"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported for the desk: verified against torch on the way."""
    path = tmp_path_factory.mktemp("wakeword") / "wakeword.edgernn"
    export("wakeword", "host", "w8a8", path)
    return path


def heard(bundle: Path, clip: str) -> list[str]:
    session = Session(bundle)
    path = next(path for path in find_model("wakeword").clips() if path.stem == clip)
    return [one.label for one in listen(session, open_sound(session, path))]


@pytest.mark.parametrize("label", LABELS)
def test_integers_hear_the_shipped_clips(bundle: Path, label: str) -> None:
    clip = label.strip("_").replace(" ", "_")
    assert heard(bundle, clip) == ([] if label == "_other_" else [label])


def test_integers_hear_the_words_of_the_stream_in_order(bundle: Path) -> None:
    assert heard(bundle, "stream") == SAID


def test_run_prints_what_is_heard(bundle: Path) -> None:
    stream = next(path for path in find_model("wakeword").clips() if path.stem == "stream")
    done = CliRunner().invoke(group, ["run", str(bundle), str(stream), "--json"])
    assert done.exit_code == 0, done.output
    assert [row["label"] for row in json.loads(done.output)["detections"]] == SAID


def test_every_depthwise_convolution_is_in_integers(bundle: Path) -> None:
    artifact = Session(bundle).artifact
    kernels = artifact["facts"]["kernels"]
    assert "depthwise_s8" in kernels
    assert "depthwise_f32" not in kernels


def test_weights_are_a_byte_each_and_so_are_the_past_frames(bundle: Path) -> None:
    """Beside them is the log-mel front end, in float: its constants, and 512 samples of state."""
    facts = Session(bundle).artifact["facts"]
    past = 2 * 40 + (4 + 9 + 14) * 128 + 512 * 4
    assert past <= facts["state_bytes"] <= 1.1 * past  # the rest is what kernels may read over
    assert PARAMETERS <= facts["weights_bytes"] <= 2 * PARAMETERS + 4096
