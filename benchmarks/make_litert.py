"""Convert the measured steps for LiteRT: `python -m benchmarks.make_litert CACHE`.

Run it with the Python of an environment made from requirements-litert.txt, from the repository's
root. Writes CACHE/WORKLOAD-FORM-KIND.tflite: FORM `cell` (plain operations, as edgernn steps) or
`fused` (torch's own GRU), KIND `fp32`, `int8` (dynamic range: weights int8 by row, activations
quantized as they come) or `int8-large` (the same, but only the convolutions and the GRU: the
front end's small matrices stay in fp32).
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import workloads
from edgernn.cells.gru import GRU, GRUState
from edgernn.state import State, from_leaves, named_leaves
from edgernn.streaming import Sequential, Streaming

LARGE = 12_000  # above the mel filters' 10,880 elements, below the first convolution's 12,800


class FusedGRU(Streaming):
    """A GRU stepped by torch's own operator; the converter has its own way with it."""

    def __init__(self, cell: GRU) -> None:
        super().__init__()
        self.rnn = cell.rnn

    def initial_state(self, batch: int) -> State:
        return GRUState(self.new_zeros(batch, self.rnn.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, h = self.rnn(x, state.h.unsqueeze(0))
        return y, GRUState(h.squeeze(0))


class Flat(nn.Module):
    """A step with its states as plain arguments and results."""

    def __init__(self, module: Streaming) -> None:
        super().__init__()
        self.module, self.like = module, module.initial_state(1)

    def forward(self, x: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        names = named_leaves(self.like)
        y, after = self.module.step(
            x, from_leaves(self.like, dict(zip(names, leaves, strict=True)))
        )
        return (y, *(leaf.clone() for leaf in named_leaves(after).values()))


def forms(module: Streaming) -> dict[str, Streaming]:
    """The network as it is, and with torch's GRU in the place of ours."""
    assert isinstance(module, Sequential)
    layers = {
        name: FusedGRU(layer) if isinstance(layer, GRU) else layer
        for name, layer in module.layers.items()
    }
    return {"cell": module, "fused": Sequential(**layers).eval()}


def convert(name: str, cache: Path) -> None:
    """All files of one workload."""
    litert_torch: Any = importlib.import_module("litert_torch")
    for form, module in forms(workloads.module(name)).items():
        x = torch.from_numpy(workloads.frames(name, 1)[0])
        example = (x, *named_leaves(module.initial_state(1)).values())
        path = cache / f"{name}-{form}-fp32.tflite"
        litert_torch.convert(Flat(module).eval(), example).export(str(path))
        quantize(path, cache / f"{name}-{form}-int8.tflite", 0)
        if name == "kws":
            quantize(path, cache / f"{name}-{form}-int8-large.tflite", LARGE)


def quantize(source: Path, made: Path, least: int) -> None:
    """Dynamic range, int8; weights of fewer than `least` elements stay as they are."""
    quantizer: Any = importlib.import_module("ai_edge_quantizer.quantizer")
    recipe: Any = importlib.import_module("ai_edge_quantizer.recipe")
    rows = recipe.dynamic_wi8_afp32()
    for row in rows:
        row["op_config"]["min_weight_elements"] = least
    work = quantizer.Quantizer(str(source))
    work.load_quantization_recipe(rows)
    # LiteRT 2.3 refuses a BATCH_MATMUL whose constant is its first operand, once it is int8
    kind: Any = importlib.import_module("ai_edge_quantizer.qtyping").TFLOperationName
    work.update_quantization_recipe(".*", kind.BATCH_MATMUL, algorithm_key="no_quantize")
    work.quantize().export_model(str(made), overwrite=True)


def main() -> None:
    """Convert everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("cache", type=Path)
    cache: Path = parser.parse_args().cache
    cache.mkdir(parents=True, exist_ok=True)
    for name in workloads.TITLES:
        convert(name, cache)
        print(f"{name}: converted into {cache}")


if __name__ == "__main__":
    main()
