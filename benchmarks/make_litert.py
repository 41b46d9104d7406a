"""Convert the measured steps for LiteRT: `python -m benchmarks.make_litert CACHE [WORKLOAD ...]`.

Run it with the Python of an environment made from requirements-litert.txt, from the repository's
root. Writes CACHE/WORKLOAD-FORM-KIND.tflite.

    FORM  cell          plain operations, as edgernn steps
          fused         torch's own GRU or LSTM
          joined        an LSTM whose two products are one, over its input and its last output
    KIND  fp32
          int8          dynamic range: weights int8 by row, activations quantized as they come
          int8-large    the same for large matrices only: the front end's stay in fp32
          int4          weights int4 by row
          int4-groups   weights int4 in groups of 32
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import workloads
from edgernn.cells.gru import GRU, GRUState
from edgernn.cells.lstm import LSTM, LSTMState
from edgernn.state import State, from_leaves, named_leaves
from edgernn.streaming import Sequential, Streaming

LARGE = 12_000  # above the mel filters' 10,880 elements, below the first convolution's 12,800
KINDS = {  # name -> recipe of ai-edge-quantizer, least elements of a matrix
    "int8": ("dynamic_wi8_afp32", 0),
    "int8-large": ("dynamic_wi8_afp32", LARGE),
    "int4": ("dynamic_wi4c_afp32", 0),
    "int4-groups": ("dynamic_wi4b32_afp32", 0),
}


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


class FusedLSTM(LSTM):
    """An LSTM stepped by torch's own operator."""

    def __init__(self, cell: LSTM) -> None:
        Streaming.__init__(self)
        self.rnn, self.thresholds = cell.rnn, cell.thresholds

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, (h, c) = self.rnn(x, (state.h.unsqueeze(0), state.c.unsqueeze(0)))
        return y, LSTMState(h.squeeze(0), c.squeeze(0))


class JoinedLSTM(FusedLSTM):
    """An LSTM with one matrix over input and last output."""

    def __init__(self, cell: LSTM) -> None:
        super().__init__(cell)
        rnn: Any = cell.rnn
        self.weight = nn.Parameter(torch.cat([rnn.weight_ih_l0, rnn.weight_hh_l0], 1))
        self.bias = nn.Parameter(rnn.bias_ih_l0 + rnn.bias_hh_l0)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        gates = F.linear(torch.cat([x[:, 0], state.h], 1), self.weight, self.bias)
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        if self.rnn.proj_size:
            weight: Any = self.rnn.weight_hr_l0
            h = F.linear(h, weight)
        return h.unsqueeze(1), LSTMState(h, c)


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
    """The network as it is, and with other cells of the same weights in the place of ours."""
    assert isinstance(module, Sequential)
    found: dict[str, Streaming] = {"cell": module}
    swaps: dict[str, dict[type, type]] = {
        "fused": {GRU: FusedGRU, LSTM: FusedLSTM},
        "joined": {LSTM: JoinedLSTM},
    }
    for form, swap in swaps.items():
        layers = {
            name: swap[type(layer)](layer) if type(layer) in swap else layer
            for name, layer in module.layers.items()
        }
        if any(type(layer) in swap for layer in module.layers.values()):
            found[form] = Sequential(**layers).eval()
    return found


def convert(name: str, cache: Path) -> None:
    """All files of one workload."""
    litert_torch: Any = importlib.import_module("litert_torch")
    for form, module in forms(workloads.module(name)).items():
        x = torch.from_numpy(workloads.frames(name, 1)[0])
        example = (x, *named_leaves(module.initial_state(1)).values())
        path = cache / f"{name}-{form}-fp32.tflite"
        litert_torch.convert(Flat(module).eval(), example).export(str(path))
        for kind in KINDS:
            if kind != "int8-large" or name == "spotter":
                try:
                    quantize(path, cache / f"{name}-{form}-{kind}.tflite", *KINDS[kind])
                except ValueError as cause:  # groups of 32 do not divide every matrix
                    print(f"{name} {form} {kind}: refused by the quantizer: {cause}")


def quantize(source: Path, made: Path, recipe: str, least: int) -> None:
    """Dynamic range; weights of fewer than `least` elements stay as they are."""
    quantizer: Any = importlib.import_module("ai_edge_quantizer.quantizer")
    rows = getattr(importlib.import_module("ai_edge_quantizer.recipe"), recipe)()
    for row in rows:
        row["op_config"]["min_weight_elements"] = least
    work = quantizer.Quantizer(str(source))
    work.load_quantization_recipe(rows)
    # LiteRT 2.3 refuses a BATCH_MATMUL whose constant is its first operand, once it is int8
    kind: Any = importlib.import_module("ai_edge_quantizer.qtyping").TFLOperationName
    work.update_quantization_recipe(".*", kind.BATCH_MATMUL, algorithm_key="no_quantize")
    work.quantize().export_model(str(made), overwrite=True)


def main() -> None:
    """Convert everything, or the workloads named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("cache", type=Path)
    parser.add_argument("workloads", nargs="*", default=list(workloads.TITLES))
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    for name in options.workloads:
        convert(name, options.cache)
        print(f"{name}: converted into {options.cache}", flush=True)


if __name__ == "__main__":
    main()
