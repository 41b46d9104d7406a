"""A step for many streams by torch's ops. What only a GPU can do is tested where one is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from edgernn import on_gpu
from edgernn.bundle import Bundle, open_bundle
from edgernn.cli import group
from edgernn.errors import DataError, ParityError, ToolError, UnsupportedOp
from edgernn.exporting import export
from edgernn.graph.ir import Graph, Node, Value
from edgernn.graph.on_torch import batched_step, first_states
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.reference import Reference
from edgernn.on_gpu import BY_ONNX, CAPTURED, EAGER, STREAMS, BatchedStream
from edgernn.profile.compare import compare
from edgernn.profile.gpu import GpuLatency
from edgernn.profile.gpu import on_gpu as on_a_gpu
from edgernn.profile.page import page
from edgernn.profile.report import Profile, document

from ..export.random_graphs import random_step

CPU = torch.device("cpu")
with_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("gpu") / "tiny.edgernn"
    export("kws/tiny", "host", "w8a8", path)
    return open_bundle(path)


def edgernn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")


def beside_each_other(graph: Graph, frames: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Outputs (T, streams, ...) of frames (T, streams, ...), all streams at once."""
    run = batched_step(graph, frames.shape[1], CPU)
    states, outputs = first_states(graph, frames.shape[1], CPU), []
    for frame in frames:
        made = run(torch.tensor(frame), *states)
        outputs.append(made[0].numpy())
        states = [state.contiguous() for state in made[1:]]
    return np.stack(outputs)


@pytest.mark.parametrize("seed", range(6))
def test_streams_side_by_side_are_each_what_it_is_alone(seed: int) -> None:
    graph = to_graph(random_step(seed, exact=False))
    rng = np.random.default_rng(seed)
    frames = rng.standard_normal((5, 3, *graph.values["x"].shape)).astype(np.float32)
    together = beside_each_other(graph, frames)
    for number in range(3):
        alone = Reference(graph)
        want = [alone.step({"x": frame})[graph.outputs[0]] for frame in frames[:, number]]
        np.testing.assert_allclose(together[:, number], np.stack(want), atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("block", [1, 4])
def test_a_value_is_held_as_the_reference_holds_it(block: int) -> None:
    node = Node("hold", "hold", ("x", "held"), "y", {"threshold": 0.5, "block": block})
    values = {name: Value((1, 6)) for name in ("x", "held", "y")}
    rng = np.random.default_rng(0)
    x, held = (rng.standard_normal((2, 1, 6)).astype(np.float32) for _ in range(2))
    graph = Graph("hold", ["x", "held"], ["y"], [], [node], values, {})
    (got,) = batched_step(graph, 2, CPU)(torch.tensor(x), torch.tensor(held))
    for number in range(2):
        want = Reference(graph).step({"x": x[number], "held": held[number]})["y"]
        assert (want == x[number]).any()
        assert (want == held[number]).any()
        np.testing.assert_array_equal(got[number].numpy(), want)


def test_what_torch_cannot_run_for_many_streams_is_named() -> None:
    node = Node("delta_linear", "sum", ("x",), "y", {})
    graph = Graph("odd", ["x"], ["y"], [], [node], {"x": Value((1, 2)), "y": Value((1, 2))}, {})
    with pytest.raises(UnsupportedOp, match="odd: torch runs no delta_linear of a step graph"):
        batched_step(graph, 1, CPU)


def test_each_number_of_streams_is_timed(bundle: Bundle) -> None:
    rows = on_gpu.measured(bundle, "kws", CPU, 0.01)
    assert [(row["how"], row["streams"]) for row in rows] == [
        *((EAGER, streams) for streams in STREAMS),
        (BY_ONNX, 1),
    ]
    for row in rows:
        assert 0 < row["p50_us"] <= row["p99_us"]
        assert len(row["rounds_us"]) == on_gpu.ROUNDS
    rates = [row["steps_per_second"] for row in rows]
    assert rates[2] > 2 * rates[0]  # what many streams are taken together for


def test_a_step_that_computes_something_else_is_not_timed(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off_by_a_weight(graph: Graph, *rest: Any) -> Any:
        name = next(node.inputs[1] for node in graph.nodes if node.op == "linear")
        twisted = {**graph.constants, name: graph.constants[name][::-1].copy()}
        return batched_step(replace(graph, constants=twisted), *rest)

    monkeypatch.setattr(on_gpu, "batched_step", off_by_a_weight)
    with pytest.raises(ParityError, match=r"kws by torch eager, .* differs from torch from frame"):
        on_gpu.measured(bundle, "kws", CPU, 0.01)


def test_a_stream_goes_on_from_its_state(bundle: Bundle) -> None:
    graph = on_gpu._graph(bundle, "kws")
    stream = BatchedStream(graph, 2, CPU)
    before = [state.clone() for state in stream.states]
    stream.feed({name: torch.ones(graph.values[name].shape) for name in graph.inputs})
    stream.step()
    assert any((a != b).any() for a, b in zip(before, stream.states, strict=True))


def test_a_bundle_without_its_onnx_says_what_to_do(tmp_path: Path) -> None:
    export("kws/tiny", "host", "w8a8", tmp_path / "slim.edgernn", slim=True)
    with pytest.raises(DataError, match=r"slim.edgernn: holds no kws in ONNX.*without --slim"):
        on_gpu.measured(open_bundle(tmp_path / "slim.edgernn"), "kws", CPU, 0.01)


def test_a_gpu_that_torch_cannot_use_is_one_line(bundle: Bundle) -> None:
    with pytest.raises(ToolError) as raised:
        on_a_gpu(bundle.path, "kws", "cuda:99", 0.01, 20.0)
    assert "cuda:99" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_where_there_is_no_gpu_profile_says_so(bundle: Bundle) -> None:
    done = edgernn("profile", bundle.path, "-d", "cuda:98")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: cuda:98: ")
    assert done.stderr.count("\n") == 1


ROWS = tuple(
    GpuLatency("cuda:0", "NVIDIA H200", how, streams, "fp32", 110, 90.0, p50, 2 * p50)
    for how, streams, p50 in ((EAGER, 1, 900.0), (CAPTURED, 1, 60.0), (CAPTURED, 256, 80.0))
)
MEASURED = tuple(
    replace(
        row,
        rounds_us=(row.p50_us,) * 11,
        steps_per_second=1e6 * row.streams / row.p50_us,
        real_time_streams=int(2e4 * row.streams / row.p50_us),
        peak_bytes=4_000_000 * row.streams,
    )
    for row in ROWS
)
LACKING = GpuLatency("cuda:0", "NVIDIA H200", EAGER, 4096, lacking="out of memory")
PROFILE = Profile("kws.edgernn", "kws", "kws", 20.0, "here", gpus=(*MEASURED, LACKING))


def test_a_gpu_has_a_table_of_its_own_and_what_it_lacks_is_noted() -> None:
    ((title, rows),) = PROFILE.tables()
    assert title.endswith("on cuda:0, NVIDIA H200")
    assert [row["by"] for row in rows] == [EAGER, CAPTURED, CAPTURED, EAGER]
    assert rows[2]["steps a second, of all"] == 3_200_000
    assert rows[2]["streams in real time"] == 64_000
    assert rows[3]["p50 µs"] is None
    assert PROFILE.notes() == ["cuda:0, torch eager, 4,096 streams: out of memory"]


def test_gpus_are_compared_and_drawn() -> None:
    plain = json.loads(json.dumps(document([PROFILE])))
    slow = replace(
        PROFILE,
        gpus=tuple(
            replace(row, rounds_us=tuple(2 * one for one in row.rounds_us)) for row in MEASURED
        ),
    )
    found = compare(plain, json.loads(json.dumps(document([slow]))))
    assert [one.verdict for one in found] == ["slower"] * 3
    assert found[2].what == "kws cuda:0 256 streams CUDA graph fp32"
    html = page([PROFILE])
    assert "cuda:0, CUDA graph, 256 streams" in html
    assert "3,200,000" in html


@with_gpu
def test_a_cuda_graph_computes_what_the_ops_do(bundle: Bundle) -> None:
    rows = on_gpu.measured(bundle, "kws", torch.device("cuda:0"), 0.1)
    by = {(row["how"], row["streams"]): row for row in rows}
    assert {(how, n) for how in (EAGER, CAPTURED) for n in STREAMS} <= {*by}
    assert all(by[CAPTURED, n]["peak_bytes"] > 0 for n in STREAMS)
    assert by[CAPTURED, 1]["p50_us"] < by[EAGER, 1]["p50_us"]
