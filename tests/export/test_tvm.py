"""Steps through TVM: for this machine and for ARM, with our schedule, and refusals."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.errors import BundleError, MissingExtra, ModelError, UnsupportedOp
from edgernn.export.tvm.program import TvmProgram
from edgernn.exporting import export
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph
from edgernn.layers.linear import Linear
from edgernn.quiet import quiet
from edgernn.road import opened
from edgernn.runtime import Session
from edgernn.streaming import Sequential
from edgernn.target import find_target
from edgernn.verify import run_frames, verify

from ..compiled import noise
from .random_graphs import random_step

tvm = pytest.importorskip("tvm", reason="pip install 'edgernn[tvm]'")
relax = pytest.importorskip("tvm.relax")
pytestmark = pytest.mark.cc

HOST, ARM, BACKEND = find_target("host"), find_target("aarch64"), find_backend("tvm")
FRAMES = [{"x": noise((1, 1, 6), at)} for at in range(30)]
EM_AARCH64 = 183  # of the ELF header
QUICK, MORE = 3, 25
SEEDS = [*range(QUICK), *(pytest.param(k, marks=pytest.mark.slow) for k in range(QUICK, MORE))]


# these import tvm themselves, so they are only there where it is
build = pytest.importorskip("edgernn.export.tvm.build")
schedule = pytest.importorskip("edgernn.export.tvm.schedule")


@pytest.fixture(scope="module")
def graph() -> StepGraph:
    torch.manual_seed(0)
    layer = Sequential(rnn=GRU(6, 44), head=Linear(44, 5)).eval()
    return capture(layer, torch.zeros(1, 1, 6), "small")


def made(step: StepGraph, backend: str = "tvm") -> Any:
    artifact = find_backend(backend).export(step, HOST, "fp32")
    return opened(artifact, step.row(artifact.facts["states"]), HOST)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_steps_are_what_onnx_runtime_makes_of_them(seed: int) -> None:
    step = random_step(seed, exact=False)
    frames = {"x": noise((6, *step.inputs[0].shape), 7)}
    want, got = (made(step, backend) for backend in ("onnx", "tvm"))
    outputs = [run_frames(program, frames) for program in (want, got)]
    for name, array in outputs[0].items():
        np.testing.assert_allclose(outputs[1][name], array, rtol=2e-3, atol=2e-4)
    for name, leaf in want.state().items():
        np.testing.assert_allclose(got.state()[name], leaf, rtol=2e-3, atol=2e-4)


def test_our_schedule_sums_in_the_same_order(
    graph: StepGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = {"x": np.stack([frame["x"] for frame in FRAMES])}
    ours = run_frames(made(graph), frames)["y"]
    monkeypatch.setattr(build, "SideBySide", lambda: None)
    monkeypatch.setattr(build.dlight, "ApplyDefaultSchedule", lambda rule: _nothing())
    np.testing.assert_allclose(run_frames(made(graph), frames)["y"], ours, rtol=1e-5, atol=1e-6)


def _nothing() -> Any:
    @tvm.transform.module_pass(opt_level=0)
    def run(module: Any, context: Any) -> Any:
        return module

    return run


def test_products_become_vectors_and_what_is_no_product_stays(graph: StepGraph) -> None:
    with quiet():
        module = build.from_onnx(graph.model, keep_params_in_input=False)
    module = relax.transform.LegalizeOps()(module)
    functions = {
        var.name_hint: function
        for var, function in module.functions.items()
        if isinstance(function, tvm.tirx.PrimFunc)
    }
    scheduled = {
        name: schedule.SideBySide().apply(function, None, False)
        for name, function in functions.items()
    }
    for name, found in scheduled.items():
        if "matmul" in name:
            assert isinstance(found, tvm.s_tir.Schedule)
            assert "T.vectorized" in found.mod.script()
        elif "sigmoid" in name or "slice" in name:
            assert found is None
    assert any("matmul" in name for name in scheduled)


def test_equal_steps_give_equal_bytes_and_arm_gets_its_own(graph: StepGraph) -> None:
    first, again = (BACKEND.export(graph, HOST, "fp32") for _ in range(2))
    assert first.members == again.members
    arm = BACKEND.export(graph, ARM, "fp32")
    assert arm.members[arm.main][18:20] == EM_AARCH64.to_bytes(2, "little")
    assert arm.target == "aarch64"


def test_a_bundle_for_arm_has_its_twin_for_the_desk(tmp_path: Path) -> None:
    out = tmp_path / "kws.edgernn"
    report = export("kws/tiny", "aarch64", "fp32", out, backend="tvm")
    assert "kws tvm fp32 on aarch64" in report.checks[-1].what
    places = [row["target"] for row in Session(out).bundle.manifest["steps"]["kws"]["artifacts"]]
    assert places == ["aarch64", "host"]
    assert any("on host" in check.what and check.frames for check in verify(out).checks)
    assert Session(out).artifact["target"] == "host"


def test_other_number_types_and_chips_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--backend tvm: makes no fp32 for cortex-m4"):
        export("kws/tiny", "cortex-m4", "fp32", tmp_path / "a.edgernn", backend="tvm")


def test_what_tvm_refuses_is_one_line_with_our_layer(
    graph: StepGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("Error converting operator Tanh\na trace of 300 lines")

    monkeypatch.setattr(build, "from_onnx", refuse)
    with pytest.raises(UnsupportedOp) as caught:
        BACKEND.export(graph, HOST, "fp32")
    assert str(caught.value) == (
        "small: TVM cannot build Tanh (node_tanh) of rnn.rnn: Error converting operator Tanh"
    )
    assert "300 lines" in str(caught.value.__cause__)  # which --debug shows


def test_without_tvm_the_mend_is_told(graph: StepGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtra, match=r"apache-tvm is not installed; run: pip install 'edgernn\[tvm\]'"
    ):
        BACKEND.export(graph, HOST, "fp32")


def test_a_damaged_library_is_refused() -> None:
    with pytest.raises(BundleError, match="TVM refuses the library"):
        TvmProgram(b"\x7fELF" + bytes(99), {"inputs": [], "outputs": [], "states": []}, [], [])
