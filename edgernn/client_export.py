"""A recogniser as files that another program loads, which is heard to say the model's own words.

A backend for this has `heard(folder, recordings)` besides `Backend`'s methods: the words that the
program itself hears in each. Every step is first compared with torch over a long stream.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from edgernn.audio import read_audio
from edgernn.backend import Backend, find_backend, serves_client
from edgernn.errors import BundleError, DataError, ModelError, ParityError, UnsupportedOp
from edgernn.exporting import ExportReport
from edgernn.frontend.fbank import BANDS, Fbank
from edgernn.model import Model, find_model
from edgernn.recognition.decode import STEPS
from edgernn.recognition.evaluate import from_network
from edgernn.recognition.vocabulary import Vocabulary
from edgernn.road import PARITY_FRAMES, Road, opened
from edgernn.sources import TorchSource
from edgernn.streams import cut_to_steps, lengthened
from edgernn.target import find_target
from edgernn.verify import Check, Say, compare

CLIPS = 64


class ClientBackend(Backend, Protocol):
    """A backend whose artifacts another program runs."""

    def heard(self, folder: Path, recordings: Sequence[Path]) -> list[list[str]]:
        """The words that the program hears. Raises: MissingExtra, ToolError."""


def export_for_client(
    name: str, backend: str, out: Path, say: Say = lambda line: None
) -> ExportReport:
    """Write a recogniser's steps as a backend's files into a new folder.

    Raises: UnknownName, MissingExtra, ModelError, UnsupportedOp, DataError, ParityError, ToolError,
        BundleError if the folder exists.
    """
    client: ClientBackend = find_backend(backend)  # type: ignore[assignment]
    if not serves_client(client):
        raise ModelError(f"backend {backend}: is no other program's; it goes into a bundle")
    if out.exists() or not out.parent.is_dir():
        raise BundleError(f"{out}: exists, or is not in an existing directory; give a new folder")
    model = find_model(name)
    steps = model.steps()
    _check_steps(model, steps)
    members: dict[str, bytes] = {}
    checks: list[Check] = []
    given = model.fed(steps, CLIPS)
    for step in STEPS[1:]:  # it computes the features itself
        source = TorchSource(step, steps[step], cut_to_steps(given[step], steps[step].timing.block))
        road = Road(source, "fp32", say, checks)
        members |= _proven(road, client, model.info.labels)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        folder = Path(temporary) / out.name
        folder.mkdir()
        for file, content in members.items():
            (folder / file).write_bytes(content)
        say(f"{model.name}: {backend} hears the model's clips")
        checks.append(_heard_alike(model, steps, client, folder))
        folder.rename(out)
    sizes = {f"{Path(file).stem}_bytes": len(content) for file, content in members.items()}
    return ExportReport(str(out), model.name, "any", "fp32", sizes, tuple(checks), ())


def _check_steps(model: Model, steps: Mapping[str, Any]) -> None:
    """Raises: ModelError if it is no recogniser, UnsupportedOp for features of another kind."""
    missing = [step for step in STEPS if step not in steps]
    if missing:
        raise ModelError(f"{model.name}: no recogniser; it lacks the step {', '.join(missing)}")
    front = steps["features"]
    if not isinstance(front, Fbank) or front.bands.mels != BANDS:
        raise UnsupportedOp(
            f"{model.name}: its features are {type(front).__name__}; need Kaldi's {BANDS} filter "
            "banks (edgernn.frontend.fbank.Fbank()), which is what the other program computes"
        )
    if not model.clips():
        raise DataError(f"{model.name}: comes without clips to compare on")


def _proven(road: Road, client: ClientBackend, labels: Sequence[str]) -> dict[str, bytes]:
    """The files of one step, run against torch. Raises: ParityError."""
    graph, host = road.captured(), find_target("host")
    stream = road.source.run(lengthened(road.source.frames, PARITY_FRAMES))
    artifact = client.export(graph, host, "fp32", labels=labels)
    name, kind = f"{road.name} {client.name} fp32", road.tolerance("fp32")
    road.say(f"{name} against torch over {len(stream):,} steps")
    program = opened(artifact, graph.row([]), host)
    peak, _ = road.against_truth(name, program, stream, kind)
    for leaf, value in program.state().items():
        compare(f"{name}, state {leaf}", value[None], stream.state[leaf][None], kind)
    text = f"peak error {peak:.1e} of rms"
    road.checks.append(Check(f"{name} against torch", len(stream), text))
    return dict(artifact.members)


def _heard_alike(
    model: Model, steps: Mapping[str, Any], client: ClientBackend, folder: Path
) -> Check:
    """The program's words in the model's clips beside torch's. Raises: ParityError."""
    clips = model.clips()
    heard = client.heard(folder, clips)
    own = [torch_words(model, steps, path) for path in clips]
    for path, theirs, ours in zip(clips, heard, own, strict=True):
        if theirs != ours:
            raise ParityError(
                f"{path.name}: {client.name} hears {' '.join(theirs)!r}, torch {' '.join(ours)!r}"
            )
    count = sum(map(len, own))
    return Check(f"{client.name} on {len(clips)} clips against torch", count, "the same words")


@torch.no_grad()
def torch_words(model: Model, steps: Mapping[str, Any], path: Path) -> list[str]:
    """What torch hears in a recording with silence after it, its first frame being frame 0."""
    front, block = steps["features"], steps["encoder"].timing.block
    audio = read_audio(path, model.info.sample_rate_hz or 0)
    sound = torch.from_numpy(audio.blocks(front.timing.block)).reshape(1, -1, 1)
    features = front(sound)[0, front.timing.delay :].numpy()
    features = features[: len(features) // block * block]
    run = from_network(steps, Vocabulary(model.info.labels[1:]))
    return run(np.ascontiguousarray(features))
