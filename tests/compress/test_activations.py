"""Gates in few bits: by a recipe, trained, found again, and compiled to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.compress.activations import Activations
from edgernn.errors import ModelError, ShapeError
from edgernn.graph.capture import capture
from edgernn.graph.reference import Reference
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.model import find_model
from edgernn.sources import TorchSource
from edgernn.streaming import Sequential, Streaming
from edgernn.train.run import train_model

from ..compiled import assert_same_bits, compiled, noise, onnx_program, streamed

MINE = Path(__file__).with_name("keep.py")
RECIPE = f"""
model = "{MINE}:build"
[train]
steps = 300
batch_size = 64
learning_rate = 0.01
warmup_steps = 10
validate_every = 300
checkpoint_every = 200
ema_decay = 0.9
[compress.activations]
bits = 4
noise = 0.3
"""
CELLS: dict[str, Callable[[], Streaming]] = {
    "rnn": lambda: RNN(6, 20),
    "gru": lambda: GRU(6, 20),
    "lstm": lambda: LSTM(6, 20, proj_size=8),
}


def test_a_network_with_few_levels_learns_and_is_found_again(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE)
    trained = train_model(f"{MINE}:build", tmp_path, tmp_path / "out", recipe=recipe, quiet=True)
    assert trained.history[-1]["val_accuracy"] > 0.8
    network = find_model(str(tmp_path / "out")).steps()["keep"]
    assert isinstance(network, Sequential)
    functions: Any = network.layers["rnn"].functions
    assert (functions.bits, functions.noise) == (4, 0.3)
    x = torch.randn(2, 12, 6)
    assert torch.equal(network(x), trained.network(x))


def test_a_network_without_cells_is_refused() -> None:
    with pytest.raises(ModelError, match="has no RNN, GRU or LSTM"):
        Activations().apply(Sequential(a=Linear(3, 3)))
    with pytest.raises(ShapeError, match="activations: 9 bits"):
        Activations(bits=9)


@pytest.mark.cc
@pytest.mark.parametrize("name", CELLS)
def test_levels_survive_onnx_c_and_quantization(name: str) -> None:
    torch.manual_seed(0)
    network = Sequential(cell=CELLS[name](), head=Linear(8 if name == "lstm" else 20, 3)).eval()
    Activations(bits=5).apply(network)
    x = noise((60, 1, 1, 6))
    step = capture(network, torch.from_numpy(x[0]), "net")
    frames = [{"x": frame} for frame in x]
    with torch.no_grad():
        want = network(torch.from_numpy(x.reshape(1, -1, 6)))[0].numpy()
    size = np.sqrt((want**2).mean())
    backend: Any = find_backend("c")
    onnx, _ = streamed(onnx_program(step), frames)
    # a value on the border of two levels may fall to either side, rarely
    assert np.sqrt(np.mean((np.stack(onnx).reshape(want.shape) - want) ** 2)) < 0.01 * size
    for number_type, bound in (("fp32", 0.01), ("w8a8", 0.1)):
        typed, _ = backend.typed(step, number_type, frames)
        assert {"round", "qround"} & {node.op for node in typed.nodes}
        got, states = streamed(compiled(step, typed, number_type), frames)
        assert np.sqrt(np.mean((np.stack(got).reshape(want.shape) - want) ** 2)) < bound * size
        if number_type == "w8a8":
            exact = streamed(Reference(typed), frames)
            for mine, theirs in zip(got, exact[0], strict=True):
                assert_same_bits(mine, theirs)
            for mine, theirs in zip(states, exact[1], strict=True):
                for leaf in theirs:
                    assert_same_bits(mine[leaf], theirs[leaf], leaf)


def test_the_law_of_fine_levels_does_not_hang_on_the_last_place() -> None:
    torch.manual_seed(0)
    network = Sequential(conv=Conv1d(40, 60, 5), cell=GRU(60, 160), head=Linear(160, 12)).eval()
    Activations(bits=8).apply(network)
    for seed in range(12):  # in float32 some of these fail
        check = TorchSource("net", network, 3 * noise((24, 1, 1, 40), seed)).law()
        assert check.result == "holds"
    assert all(p.dtype == torch.float32 for p in network.parameters())
