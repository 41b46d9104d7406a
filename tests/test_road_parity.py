"""A step that goes wrong on the way is caught, and named: first frame, state leaf."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.errors import ParityError
from edgernn.export.c import kernels
from edgernn.layers.linear import Linear
from edgernn.road import PARITY_FRAMES, Road, opened
from edgernn.sources import TorchSource
from edgernn.streaming import Sequential
from edgernn.streams import lengthened
from edgernn.target import find_target
from edgernn.testing import check_backend
from edgernn.verify import TOLERANCES, Tolerance, compare

pytestmark = [pytest.mark.cc, pytest.mark.usefixtures("whole_road")]
MINE = """import torch
from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
def build():
    torch.manual_seed(0)
    return GRU(4, 6)
def examples():
    yield torch.randn(1, 50, 4).numpy()
"""


def real(frames: int = 60) -> torch.Tensor:
    return torch.randn(1, frames, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("backend", "number_type"), [("onnx", "fp32"), ("c", "fp32"), ("c", "w8a8")]
)
def test_a_gru_passes_every_stop(backend: str, number_type: str) -> None:
    torch.manual_seed(0)
    check_backend(GRU(8, 16), real(), backend, number_type=number_type)


def test_several_number_types_begin_together(monkeypatch: pytest.MonkeyPatch) -> None:
    captured, graph = [], TorchSource.graph
    monkeypatch.setattr(TorchSource, "graph", lambda one: captured.append(one) or graph(one))
    torch.manual_seed(0)
    check_backend(GRU(8, 16), real(), number_type=("fp32", "w8a8", "w4a8"))
    assert len(captured) == 1
    monkeypatch.setitem(TOLERANCES, "w8a8", Tolerance(1e-6, 1e-6))
    with pytest.raises(ParityError, match="gru c w8a8 differs from torch"):
        check_backend(GRU(8, 16), real(), number_type=("fp32", "w8a8"))


@pytest.mark.parametrize(("block", "units"), [(1, 16), (4, 16), (4, 18)])
@pytest.mark.parametrize("number_type", ["fp32", "w8a8", "w8a16"])
def test_a_delta_network_passes_every_stop(number_type: str, block: int, units: int) -> None:
    torch.manual_seed(0)
    net = Sequential(rnn=GRU(8, units, threshold=(0.5, 0.1), block=block), head=Linear(units, 4))
    check_backend(net, real(), number_type=number_type)


def test_what_holds_is_compared_within_tolerances_of_its_own() -> None:
    source: Any = None
    plain, holding = Road(source, "w8a8"), Road(source, "w8a8", holds=True)
    assert plain.tolerance("w8a8") == "w8a8"
    assert [holding.tolerance(t) for t in ("fp32", "w8a8", "w4a8")] == [
        *("fp32-held", "w8a8-held", "w4a8")
    ]


def test_a_state_may_hang_at_its_thresholds_but_is_not_another_frame_s() -> None:
    random = np.random.default_rng(0)
    state, other = random.standard_normal((2, 1, 160)) / 3
    hanging = state.copy()
    hanging[0, ::16] += 0.22  # a tenth of all elements, by a threshold
    compare("state", hanging, state, "fp32-held-state")
    with pytest.raises(ParityError, match="rms"):
        compare("state", other, state, "fp32-held-state")


@pytest.mark.parametrize("form", ["table", "polynomial"])
def test_a_bundle_in_another_activation_form_is_proven_and_verified(
    form: str, tmp_path: Path
) -> None:
    from edgernn.exporting import export
    from edgernn.verify import verify

    (tmp_path / "mine.py").write_text(MINE)
    out = tmp_path / "mine.edgernn"
    report = export(f"{tmp_path / 'mine.py'}:build", "host", "fp32", out, activations=form)
    assert any("on host against torch" in check.what for check in report.checks)
    assert sum(check.frames for check in verify(out).checks) > 0


@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
def test_a_wrong_kernel_is_named_by_its_first_frame_and_leaf(
    number_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = kernels.driver

    def wrong(name: str, strip: kernels.Strip, columns: int) -> kernels.Kernel:
        kernel = right(name, strip, columns)
        source = kernel.source.replace("= start[i];", "= start[i] + 900;")
        source = source.replace("= bias[r + i];", "= bias[r + i] + 0.5f;")
        assert source != kernel.source
        return kernels.Kernel(kernel.name, kernel.isa, source)

    monkeypatch.setattr("edgernn.export.c.kernel_set.driver", wrong)
    torch.manual_seed(0)
    with pytest.raises(ParityError, match=r"from frame \d+.*state h leaves torch's first"):
        check_backend(GRU(8, 16), real(), number_type=number_type)


def test_no_bundle_is_left_by_a_failed_parity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgernn import exporting, verify

    strict = {"fp32": verify.Tolerance(0.0, 0.0)}
    monkeypatch.setattr(verify, "TOLERANCES", strict)
    (tmp_path / "mine.py").write_text(MINE)
    out = tmp_path / "mine.edgernn"
    with pytest.raises(ParityError):
        exporting.export(f"{tmp_path / 'mine.py'}:build", "host", "fp32", out)
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".py" and p.is_file()] == []


def test_another_threshold_is_seen_from_the_initial_state() -> None:
    def road(threshold: float) -> Road:
        torch.manual_seed(0)
        net = Sequential(rnn=GRU(8, 16, threshold=(threshold, 0.1)), head=Linear(16, 4)).eval()
        return Road(TorchSource("mine", net, real().reshape(-1, 1, 1, 8).numpy()), "fp32")

    right, wrong = road(0.50), road(0.48)
    frames = lengthened(right.source.frames, PARITY_FRAMES)
    host = find_target("host")
    for one in (right, wrong):
        graph = one.captured()
        artifact = find_backend("onnx").export(graph, host, "fp32")
        program = opened(artifact, graph.row([]), host)
        if one is right:
            one.from_the_start("onnx", program, frames, "fp32-held")
            assert one.checks[-1].result.startswith("100.0% of the frames within 0.002")
        else:
            with pytest.raises(ParityError, match="onnx from the initial state differs"):
                right.from_the_start("onnx", program, frames, "fp32-held")
