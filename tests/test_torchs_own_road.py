"""A network of torch's own layers, pruned and quantized, from its weights to a measured bundle."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import Tensor, nn

from edgernn.backend import find_backend
from edgernn.cli import group
from edgernn.compress.matrices import matrices
from edgernn.compress.parametrized import bake
from edgernn.compress.prune import Prune, Pruner
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.errors import UnsupportedOp
from edgernn.exporting import export
from edgernn.graph.integer_weights import integer_weights
from edgernn.model import find_model
from edgernn.profile.measuring import profile
from edgernn.runtime import Session
from edgernn.sources import TorchSource
from edgernn.verify import verify

from .compiled import noise

pytestmark = pytest.mark.usefixtures("whole_road")

LABELS, CHANNELS, HIDDEN = 4, 16, 64
FILE = """
import numpy as np
from safetensors.torch import load_file
from torch import nn

from edgernn.from_torch import from_torch
from edgernn.streaming import Sequential


class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.{sort}({channels}, {hidden}, num_layers={layers})
        self.head = nn.Linear({hidden}, {labels})

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.head(y)


def build():
    mine = Mine()
    mine.load_state_dict(load_file("{weights}"))
    return Sequential(rnn=from_torch(mine.rnn, "rnn"), head=from_torch(mine.head, "head"))


def unconverted():
    return Mine()


def examples():
    yield np.random.default_rng(0).standard_normal((1, 300, {channels})).astype(np.float32)
"""


def user_file(folder: Path, sort: str, layers: int = 1) -> Path:
    path = folder / "mine.py"
    words = {"channels": CHANNELS, "hidden": HIDDEN, "labels": LABELS, "layers": layers}
    path.write_text(FILE.format(sort=sort, weights=folder / "mine.safetensors", **words))
    return path


def compressed(net: nn.Module) -> nn.Module:
    """Two steps with blocks of zeros and four bits; (frames, batch, channels) is torch's order."""
    methods = [
        Pruner(Prune(0.75, "4x4", only=("input", "recurrent"))),
        Quantizer(Quantize("w4a8")),
    ]
    for method in methods:
        method.attach(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    x: Tensor = torch.randn(20, 8, CHANNELS)
    for step in range(2):
        for method in methods:
            method.before_step(net, step)
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
    for method in methods:
        method.finish(net)
    return bake(net)


@pytest.mark.cc
@pytest.mark.parametrize(("sort", "layers"), [("LSTM", 1), ("GRU", 2)])
def test_zeros_and_grids_of_torchs_own_layers_are_what_runs(
    sort: str, layers: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    path = user_file(tmp_path, sort, layers)
    names: dict[str, Any] = {}
    exec(path.read_text(), names)
    mine = compressed(names["Mine"]()).eval()
    save_file(mine.state_dict(), tmp_path / "mine.safetensors")

    out = tmp_path / "mine.edgernn"
    report = export(f"{path}:build", "host", "w4a8", out)
    assert [c.result for c in verify(out).checks if " c w4a8 " in c.what] == [
        "same bits, outputs and state"
    ]
    (found,) = profile([out], 0.05, lambda line: None)
    assert next(row for row in found.host if row.backend == "c").p50_us > 0

    (net,) = find_model(f"{path}:build").steps().values()
    x = noise((50, 1, 1, CHANNELS))
    with torch.no_grad():
        wanted = mine(torch.from_numpy(x[:, 0]))
        torch.testing.assert_close(net(torch.from_numpy(x[:, 0]).transpose(0, 1))[0], wanted[:, 0])
    session = Session(out)
    got = np.concatenate([session.step(frame) for frame in x]).reshape(50, LABELS)
    wide = wanted[:, 0].numpy()
    assert np.sqrt(np.mean((got - wide) ** 2)) < 0.05 * np.sqrt(np.mean(wide**2))

    assert_stored(mine, net)
    kernels = [note for note in report.notes if re.search(r"blocks, 2\d% stored", note)]
    assert len(kernels) == 2 * layers, report.notes


@pytest.mark.cc
def test_the_commands_take_such_a_file(tmp_path: Path) -> None:
    path = user_file(tmp_path, "GRU")
    names: dict[str, Any] = {}
    exec(path.read_text(), names)
    save_file(compressed(names["Mine"]()).state_dict(), tmp_path / "mine.safetensors")
    out = tmp_path / "out.edgernn"
    for words in (
        f"export {path}:build -t host --number-type w4a8 -o {out}",
        f"verify {out}",
        f"profile {out} --seconds 0.1",
    ):
        done = CliRunner().invoke(group, words.split(), prog_name="edgernn")
        assert done.exit_code == 0, done.output


def test_a_module_of_another_layout_is_refused_with_the_mend(tmp_path: Path) -> None:
    path = user_file(tmp_path, "GRU")
    with pytest.raises(UnsupportedOp, match=r"rnn \(GRU\) has batch_first=False, .* frames=0\)"):
        export(f"{path}:unconverted", "host", "w4a8", tmp_path / "out.edgernn")


def assert_stored(mine: nn.Module, net: Any) -> None:
    """The compiler's integers, times their scales, are the trained weights; zeros among them."""
    source = TorchSource("mine", net, noise((100, 1, 1, CHANNELS)))
    backend: Any = find_backend("c")
    frames = [{"x": frame} for frame in source.frames["x"]]
    typed, _ = backend.typed(source.graph(), "w4a8", frames)
    stored = [typed.constants[n.inputs[1]] for n in typed.nodes if n.op == "qlinear"]
    found = [m.weight.detach().numpy() for m in matrices(mine)]
    assert len(stored) == len(found)
    for weight in found:
        whole = integer_weights(weight.astype(np.float64), 4, 32)
        assert any(np.array_equal(whole.rows, rows) for rows in stored)
        made = whole.rows * whole.gains_by_column() * whole.scale[:, None]
        np.testing.assert_allclose(made, weight, rtol=2e-6, atol=1e-9)
        assert np.array_equal(whole.rows == 0, weight == 0)
