"""Embeddings trained on the grid that the compiler stores their tables on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgernn.cells.gru import GRU
from edgernn.compress.grid import Grid
from edgernn.compress.matrices import chosen, matrices, with_tables
from edgernn.compress.parametrized import attached, bake
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.export.c.source import number_typed
from edgernn.graph.capture import capture
from edgernn.graph.fixed_point import rows
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential

TOKENS = 9
NAME = "embed.embedding.weight"


def network(embedding: int = 64) -> Sequential:
    torch.manual_seed(0)
    return Sequential(embed=Embedding(TOKENS, embedding), rnn=GRU(embedding, 8), out=Linear(8, 3))


def quantized(net: nn.Module, **how: Any) -> Quantizer:
    method = Quantizer(Quantize(**how))
    method.attach(net)
    return method


def test_embeddings_are_quantized_and_nothing_else_is_done_to_them() -> None:
    net = network()
    assert [m.name for m in with_tables(net) if m.looked_up] == [NAME]
    assert NAME not in [m.name for m in matrices(net)]
    assert [m.name for m in chosen(with_tables(net), ["embedding"], "here")] == [NAME]


def test_a_table_is_rounded_where_it_is_named() -> None:
    types = Quantizer(Quantize("w4a8", but={"embedding": "w8a8"})).number_types(network())
    assert types[NAME] == "w8a8"
    assert types["out.linear.weight"] == "w4a8"
    assert [*Quantizer(Quantize("w4a8", only=["embedding"])).number_types(network())] == [NAME]
    assert NAME not in Quantizer(Quantize("w4a8")).number_types(network())


@pytest.mark.parametrize(("number_type", "bits"), [("w8a8", 8), ("w4a8", 4), ("w2a8", 4)])
def test_a_table_is_rounded_in_the_bits_that_it_will_have(number_type: str, bits: int) -> None:
    net = network()
    how = {"but": {"embedding": number_type}, "ternary": number_type == "w2a8"}
    method = quantized(net, number_type=number_type, **how)
    found = {m.name: attached(m, Grid).bits for m in method.rounded}
    assert found[NAME] == bits
    assert found["out.linear.weight"] == int(number_type[1])


def test_reads_of_a_table_s_rows_are_not_rounded_twice() -> None:
    net = network()
    how = {"but": {"embedding": "w4a8"}, "activations": 8}
    assert len(quantized(net, number_type="w4a8", **how).reads) == 2
    y = net(torch.arange(TOKENS)[None])
    y.sum().backward()
    table = next(m for m in with_tables(net) if m.looked_up)
    assert table.original.grad is not None
    assert table.original.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("trained_for", "learned"),
    [("w8a8", False), ("w4a8", True), ("w4a8-row", False), ("w4a8", False)],
)
def test_what_was_trained_is_what_is_looked_up(trained_for: str, learned: bool) -> None:
    net = Sequential(embed=Embedding(TOKENS, 64))
    method = quantized(net, number_type=trained_for, only=["embedding"], learned=learned)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    wanted = torch.randn(1, TOKENS, 64, generator=torch.Generator().manual_seed(1))
    for step in range(20):
        method.before_step(net, step)
        loss = (net(torch.arange(TOKENS)[None]) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    method.finish(net)
    trained = net(torch.arange(TOKENS)[None])[0].detach().numpy()
    step_graph = capture(bake(net).eval(), torch.zeros(1, 1, dtype=torch.int64), "net")
    frames = [{step_graph.inputs[0].name: np.array([[t]])} for t in range(TOKENS)]
    graph, _ = number_typed(step_graph, "mixed", frames)
    (node,) = (n for n in graph.nodes if n.op == "qgather")
    table, scale, *gain = (graph.constants[n] for n in node.inputs if n in graph.constants)
    stored = rows(table, np.arange(TOKENS), *gain) * scale[:, None].astype(np.float64)
    assert node.attrs["bits"] == (8 if trained_for == "w8a8" else 4)
    assert np.abs(stored - trained).max() <= 2e-6 * np.abs(trained).max()
