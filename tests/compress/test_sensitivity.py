"""Bits by measured sensitivity: nothing is left changed, the allowance holds, `mixed` stores it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgernn.cells.gru import GRU
from edgernn.compress.matrices import matrices
from edgernn.compress.parametrized import bake
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.compress.sensitivity import (
    TYPES,
    Trial,
    choose_bits,
    joint_rise,
    sensitivity,
    stored_bytes,
)
from edgernn.errors import ModelError
from edgernn.graph.capture import capture
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential

from ..compiled import noise
from .keep import Task, build

BATCHES = [
    {"x": torch.randn(16, 20, 6, generator=torch.Generator().manual_seed(k))} for k in (0, 1)
]


def network() -> Sequential:
    torch.manual_seed(0)
    return Sequential(rnn=GRU(6, 40), out=Linear(40, 12), last=Linear(12, 2))


def distance(net: nn.Module) -> Any:
    """A loss: how far the outputs are from those of the network as it is now."""
    with torch.no_grad():
        wanted = [net(batch["x"]) for batch in BATCHES]

    def loss(other: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        at = next(k for k, known in enumerate(BATCHES) if known is batch)
        return (other(batch["x"]) - wanted[at]).square().mean()

    return loss


def test_fewer_bits_cost_more_and_the_network_is_left_to_the_bit() -> None:
    net = network().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = sensitivity(net, distance(net), BATCHES)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert net.training
    assert [t.matrix for t in found[:: len(TYPES)]] == [m.name for m in matrices(net)]
    for matrix in matrices(net):
        rise = {t.number_type: t.rise for t in found if t.matrix == matrix.name}
        at_four, at_two = ([rise[f"w{k}a8"], rise[f"w{k}a8-row"]] for k in (4, 2))
        assert 0 < rise["w8a8"] < min(at_four) <= max(at_four) < min(at_two)
        nbytes = {t.number_type: t.stored_bytes for t in found if t.matrix == matrix.name}
        assert sorted(TYPES, key=nbytes.__getitem__) == list(TYPES)


def test_bytes_are_those_of_weights_gains_and_rows() -> None:
    assert stored_bytes((10, 64), "w8a8") == 10 * (64 + 8)
    assert stored_bytes((10, 70), "w4a8") == 10 * (35 + 3 + 8)
    assert stored_bytes((10, 70), "w2a8-row") == 10 * (18 + 8)


def trials(table: Mapping[str, tuple[float, float, float]], nbytes: int = 100) -> list[Trial]:
    """Rises at 2, 4 and 8 bits, by matrix; 8 bits take `nbytes`."""
    return [
        Trial(name, kind, rise, nbytes * bits // 8)
        for name, rises in table.items()
        for kind, bits, rise in zip(("w2a8-row", "w4a8-row", "w8a8"), (2, 4, 8), rises, strict=True)
    ]


def test_the_allowance_goes_where_it_saves_most() -> None:
    found = trials({"hard": (9.0, 1.0, 0.0), "easy": (0.3, 0.1, 0.0), "free": (-0.2, -0.1, 0.0)})
    assert choose_bits(found, 0.0) == {"free": "w2a8-row"}
    assert choose_bits(found, 0.2) == {"free": "w2a8-row", "easy": "w4a8-row"}
    assert choose_bits(found, 0.5) == {"free": "w2a8-row", "easy": "w2a8-row"}
    assert choose_bits(found, 1.4)["hard"] == "w4a8-row"
    assert set(choose_bits(found, 100.0).values()) == {"w2a8-row"}
    worse = trials({"free": (0.1, 0.1, 0.2)})  # what lessens the loss needs no allowance
    assert choose_bits(worse, 0.0) == {"free": "w2a8-row"}


def test_the_greedy_choice_keeps_the_allowance_and_is_near_the_best() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        table = {}
        for name in "abcde":
            rises = torch.rand(2, generator=generator).sort(descending=True)[0].tolist()
            table[name] = (rises[0], rises[1] / 4, 0.0)
        found, allowed = trials(table), 0.6
        by_key = {(t.matrix, t.number_type): t for t in found}
        kinds = ("w2a8-row", "w4a8-row", "w8a8")
        made = choose_bits(found, allowed)
        mine = [by_key[name, made.get(name, "w8a8")] for name in table]
        assert sum(t.rise for t in mine) <= allowed
        every = (
            [by_key[name, kind] for name, kind in zip(table, choice, strict=True)]
            for choice in product(kinds, repeat=len(table))
        )
        best = min(
            sum(t.stored_bytes for t in one) for one in every if sum(t.rise for t in one) <= allowed
        )
        assert sum(t.stored_bytes for t in mine) <= best + 50


def test_what_is_chosen_is_what_mixed_stores() -> None:
    from edgernn.export.c.source import number_typed

    net = network()
    loss = distance(net)
    found = sensitivity(net, loss, BATCHES)
    allowances = sorted(t.rise for t in found)
    allowed = next(a for a in allowances if len({*choose_bits(found, a).values()}) > 1)
    but = choose_bits(found, allowed)
    rise = joint_rise(net, loss, BATCHES, but)
    assert 0 < rise < 2 * allowed
    method = Quantizer(Quantize(number_type="w8a8", but=but))
    method.attach(net)
    step = capture(bake(net).eval(), torch.zeros(1, 1, 6), "net")
    graph, _ = number_typed(step, "mixed", [{"x": noise((1, 1, 6), t)} for t in range(30)])
    products = [node for node in graph.nodes if node.op == "qlinear"]
    bits = {graph.constants[n.inputs[1]].shape: n.attrs["bits"] for n in products}
    wanted = {m.shape: int(but.get(m.name, "w8a8")[1]) for m in matrices(net)}
    assert bits == wanted


def test_a_task_s_loss_may_be_measured(tmp_path: Any) -> None:
    from edgernn.train.recipe import Recipe

    task = Task(Recipe("keep", 1, batch_size=8), tmp_path)

    def loss(net: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        return task.loss(task.output(net, batch), batch)[0]

    found = sensitivity(build(), loss, map(task.batch, range(2)), only=("recurrent",), types=TYPES)
    assert {t.matrix for t in found} == {"rnn.rnn.weight_hh_l0"}


def test_missing_batches_and_trials_are_told() -> None:
    net = network()
    with pytest.raises(ModelError, match="needs at least one batch"):
        sensitivity(net, distance(net), [])
    with pytest.raises(ModelError, match="no weight matrix fits 'conv'"):
        sensitivity(net, distance(net), BATCHES, only=("conv",))
    with pytest.raises(ModelError, match="a was not tried in w8a8"):
        choose_bits([Trial("a", "w4a8", 0.1, 10)], 1.0)
