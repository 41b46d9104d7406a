"""Recognisers for sherpa-onnx: its ports, rows that do not mix, and its own words in the clips."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner, Result

from edgernn.backend import find_backend
from edgernn.cells.lstm import LSTM
from edgernn.cli import group
from edgernn.client_export import export_for_client
from edgernn.errors import BundleError, MissingExtra, ModelError, ToolError, UnsupportedOp
from edgernn.export.onnx.program import open_session
from edgernn.export.sherpa.client import heard
from edgernn.export.sherpa.models import packed
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph
from edgernn.model import find_model
from edgernn.models.digits import INFO
from edgernn.models.digits.network import transducer
from edgernn.recognition.transducer import Transducer, recurrent_predictor
from edgernn.streaming import Sequential, Streaming
from edgernn.target import find_target

JOINT, ROWS, STEPS = 16, 3, 5
BACKEND: Any = find_backend("sherpa")
HOST = find_target("host")


@pytest.fixture(scope="module")
def network() -> Transducer:
    torch.manual_seed(0)
    return transducer(hidden=24, layers=2, channels=16, joint=JOINT).eval()


def graph(step: Streaming, example: torch.Tensor, name: str) -> StepGraph:
    return capture(step, example, name)


def encoder_graph(network: Transducer) -> StepGraph:
    return graph(network.encoder, torch.zeros(1, 8, 80), "encoder")


def exported(step: StepGraph) -> tuple[Any, dict[str, str], dict[str, bytes]]:
    """A session, the metadata, the files."""
    artifact = BACKEND.export(step, HOST, "fp32", labels=INFO.labels)
    model = artifact.members[artifact.main]
    props = {p.key: p.value for p in onnx.load_from_string(model).metadata_props}
    return open_session(model), props, dict(artifact.members)


def test_the_encoder_has_sherpas_ports_and_sizes(network: Transducer) -> None:
    session, props, _ = exported(encoder_graph(network))
    sizes = {one.name: one.shape for one in (*session.get_inputs(), *session.get_outputs())}
    past = 3 * 80 + 3 * 12 + 16  # frames that the convolutions still see
    assert sizes == {
        "x": ["N", 8, 80],
        "state0": [1, "N", 48],
        "state1": [1, "N", 48 + past],
        "encoder_out": ["N", 1, JOINT],
        "new_state0": [1, "N", 48],
        "new_state1": [1, "N", 48 + past],
    }
    wanted = {"model_type": "lstm", "T": "8", "decode_chunk_len": "8", "num_encoder_layers": "1"}
    assert props.items() >= {**wanted, "d_model": "48", "rnn_hidden_size": str(48 + past)}.items()


def test_streams_in_one_batch_are_each_as_alone(network: Transducer) -> None:
    session, _, _ = exported(encoder_graph(network))
    x = torch.randn(ROWS, 8 * STEPS, 80)
    with torch.no_grad():
        wanted = network.encoder(x).numpy()
    shapes = {one.name: one.shape for one in session.get_inputs()}
    states = [np.zeros((1, ROWS, shapes[name][2]), np.float32) for name in ("state0", "state1")]
    made = []
    for chunk in np.split(x.numpy(), STEPS, axis=1):
        given = {"x": chunk, "state0": states[0], "state1": states[1]}
        y, *states = session.run(None, given)
        made.append(y)
    np.testing.assert_allclose(np.concatenate(made, 1), wanted, atol=1e-5)


def test_decoder_and_joiner_take_as_many_rows_as_there_are_hypotheses(network: Transducer) -> None:
    labels = torch.tensor([[3], [0], [10]])
    decoder, props, files = exported(graph(network.predictor, labels[:1], "predictor"))
    assert props == {"context_size": "1", "vocab_size": "11"}
    assert files["tokens.txt"].decode().splitlines()[:3] == ["<blk> 0", "▁ZERO 1", "▁ONE 2"]
    (predicted,) = decoder.run(None, {"y": labels.numpy()})
    joiner, props, _ = exported(graph(network.joiner, torch.zeros(1, 1, 2 * JOINT), "joiner"))
    assert props == {"joiner_dim": str(JOINT)}
    encoded = np.random.default_rng(0).standard_normal((3, JOINT)).astype(np.float32)
    (logits,) = joiner.run(None, {"encoder_out": encoded, "decoder_out": predicted})
    with torch.no_grad():
        own = network.predictor(labels)
        both = torch.cat([torch.from_numpy(encoded)[:, None], own], dim=2)
        wanted = network.joiner(both)[:, 0].numpy()
    np.testing.assert_allclose(predicted, own[:, 0].numpy(), atol=1e-6)
    np.testing.assert_allclose(logits, wanted, atol=1e-5)


def test_a_program_keeps_its_leaves_by_our_names(network: Transducer) -> None:
    step = encoder_graph(network)
    artifact = BACKEND.export(step, HOST, "fp32", labels=INFO.labels)
    entry = {**step.row([]), "facts": artifact.facts}
    one, other = (BACKEND.open(entry, artifact.members[artifact.main], None, HOST) for _ in "ab")
    rng = np.random.default_rng(1)
    x, later = rng.standard_normal((2, 1, 8, 80)).astype(np.float32)
    one.step({"x": x})
    leaves = one.state()
    assert {name: leaf.shape for name, leaf in leaves.items()} == {
        leaf.name: leaf.shape for leaf in step.states
    }
    other.load_state(leaves)
    assert np.array_equal(one.step({"x": later})["y"], other.step({"x": later})["y"])
    one.reset()
    assert not any(leaf.any() for leaf in one.state().values())


def test_steps_that_sherpa_cannot_run_are_named(network: Transducer) -> None:
    remembers = graph(recurrent_predictor(11, JOINT, 8), torch.zeros(1, 1).long(), "predictor")
    with pytest.raises(UnsupportedOp, match=r"predictor: keeps state rnn\.h, rnn\.c; of sherpa"):
        exported(remembers)
    alone = graph(Sequential(), torch.zeros(1, 8, 80), "encoder")
    with pytest.raises(UnsupportedOp, match="keeps 0 state leaves; sherpa-onnx wants two"):
        exported(alone)
    with pytest.raises(UnsupportedOp, match="features: sherpa-onnx takes the steps encoder"):
        exported(graph(LSTM(4, 4), torch.zeros(1, 1, 4), "features"))


def test_states_that_do_not_begin_as_zeros_are_refused() -> None:
    class Counts(LSTM):
        def initial_state(self, batch: int) -> Any:
            state: Any = super().initial_state(batch)
            return state._replace(c=state.c + 1)

    with pytest.raises(UnsupportedOp, match="state c: sherpa-onnx keeps floats that begin as zero"):
        packed(graph(Counts(4, 4), torch.zeros(1, 1, 4), "encoder"))


def test_models_with_other_features_and_folders_that_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOp, match="asr: its features are SphinxMFCC; need Kaldi's 80"):
        export_for_client("asr", "sherpa", tmp_path / "out")
    with pytest.raises(ModelError, match="kws: no recogniser; it lacks the step features, encoder"):
        export_for_client("kws", "sherpa", tmp_path / "out")
    with pytest.raises(BundleError, match="exists"):
        export_for_client("digits", "sherpa", tmp_path)
    with pytest.raises(ModelError, match="backend onnx: is no other program's"):
        export_for_client("digits", "onnx", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_other_targets_and_types_are_refused(tmp_path: Path) -> None:
    found = edgernn("export", "digits", "-t", "cortex-m4", "--backend", "sherpa")
    assert found.exit_code == 2
    assert "--backend sherpa: takes host and fp32, not cortex-m4 and fp32" in found.output


def test_where_sherpa_is_missing_the_command_that_mends_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgernn\[sherpa\]'"):
        heard(tmp_path, [])


def test_a_model_that_sherpa_does_not_like_ends_no_process_of_ours(
    network: Transducer, tmp_path: Path
) -> None:
    pytest.importorskip("sherpa_onnx")
    parts = {
        "encoder": encoder_graph(network),
        "predictor": graph(network.predictor, torch.zeros(1, 1).long(), "predictor"),
        "joiner": graph(network.joiner, torch.zeros(1, 1, 2 * JOINT), "joiner"),
    }
    for step in parts.values():
        for file, content in exported(step)[2].items():
            (tmp_path / file).write_bytes(content)
    model = onnx.load(tmp_path / "encoder.onnx")
    kept = [p for p in model.metadata_props if p.key != "d_model"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, tmp_path / "encoder.onnx")
    with pytest.raises(ToolError, match=r"sherpa-onnx ended with .*'d_model' does not exist"):
        heard(tmp_path, [])


def edgernn(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(one) for one in arguments])


@pytest.mark.slow
def test_sherpa_itself_gives_our_words(tmp_path: Path) -> None:
    pytest.importorskip("sherpa_onnx")
    out = tmp_path / "digits"
    done = edgernn("export", "digits", "-t", "host", "--backend", "sherpa", "-o", out, "--json")
    assert done.exit_code == 0, done.output
    assert sorted(one.name for one in out.iterdir()) == [
        *("decoder.onnx", "encoder.onnx", "joiner.onnx", "tokens.txt")
    ]
    checks = json.loads(done.stdout)["checks"]
    assert checks[-1]["result"] == "the same words"
    clips = find_model("digits").clips()
    text = clips[0].with_name("ATTRIBUTION.md").read_text()
    spoken = dict(re.findall(r"^\| (\S+\.flac) \| ([A-Z ]+) \|", text, re.MULTILINE))
    right = [
        " ".join(words) == spoken[path.name]
        for path, words in zip(clips, heard(out, clips), strict=True)
    ]
    assert sum(right) >= len(clips) - 1
