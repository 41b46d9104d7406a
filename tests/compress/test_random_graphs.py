"""Random graphs become nets that obey the law, stay sparse in training and compile as others."""

from __future__ import annotations

import copy
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.compress.graph_properties import graph_properties
from edgernn.compress.random_graphs import (
    CELLS,
    GraphRNN,
    LayeredGraph,
    barabasi_albert,
    erdos_renyi,
    layered,
    watts_strogatz,
)
from edgernn.errors import MissingExtra, ModelError, UnknownName
from edgernn.graph.capture import capture
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import fold_constants
from edgernn.state import named_leaves
from edgernn.testing import check_streaming
from edgernn.verify import compare

from ..compiled import compiled, noise, streamed

nx = pytest.importorskip("networkx")
STEPS = 20
FORMS = {"ours": {}, "thesis": {"skips": "cells", "reads": "last"}}


def wiring(seed: int = 0) -> LayeredGraph:
    return layered(watts_strogatz(14, neighbours=4, rewiring=1.0, seed=seed))


def net(cell: str = "gru", form: str = "ours", inputs: int = 5) -> GraphRNN:
    torch.manual_seed(0)
    options: dict[str, Any] = FORMS[form]
    return GraphRNN(inputs, wiring(), cell=cell, **options)


def test_a_layer_is_the_longest_path_that_leads_to_it() -> None:
    graph = nx.Graph([(0, 1), (1, 2), (0, 2), (2, 4), (0, 3)])
    found = layered(graph)
    assert found.layers == ((0,), (1, 3), (2,), (4,))  # 3 is a sink, so last of its layer
    assert found.sources_of(2) == (0, 1)
    assert found.mask((0, 1), 2).tolist() == [[True, True, False]]
    assert [found.sinks(k) for k in range(4)] == [0, 1, 0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_every_edge_is_one_entry_of_one_mask(seed: int) -> None:
    graph = wiring(seed)
    masks = [graph.mask(graph.sources_of(k), k) for k in range(1, len(graph.layers))]
    assert sum(int(mask.sum()) for mask in masks) == len(graph.edges)
    assert all(graph.sources_of(k)[-1] == k - 1 for k in range(1, len(graph.layers)))


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: erdos_renyi(16, probability=0.2, seed=seed),
        lambda seed: watts_strogatz(16, neighbours=3, rewiring=1.0, seed=seed),
        lambda seed: barabasi_albert(16, attached=2, seed=seed),
    ],
)
def test_a_graph_follows_from_its_seed_and_is_connected(draw: Any) -> None:
    one, again, other = draw(3), draw(3), draw(4)
    assert set(one.edges) == set(again.edges) != set(other.edges)
    assert nx.is_connected(one)


def test_a_graph_that_is_never_connected_is_refused() -> None:
    with pytest.raises(ModelError, match="none of 100 draws is connected; ask for more edges"):
        erdos_renyi(40, probability=0.01, seed=0)
    with pytest.raises(ModelError, match="random graph of 3 nodes"):
        barabasi_albert(3, attached=5, seed=0)


def test_without_networkx_the_error_names_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgernn\[compress\]'"):
        erdos_renyi(8, probability=0.5, seed=0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_net_wired_as_a_graph_obeys_the_law(cell: str, form: str) -> None:
    check_streaming(net(cell, form), torch.randn(3, 13, 5))


def test_its_state_is_named_by_layer_and_its_output_is_the_sinks() -> None:
    made = net("lstm")
    layers = range(len(made.graph.layers))
    leaves = named_leaves(made.initial_state(2))
    assert list(leaves) == [f"layer{k}.{leaf}" for k in layers for leaf in "hc"]
    sinks = sum(made.graph.sinks(k) for k in layers)
    assert made(torch.randn(2, 4, 5)).shape == (2, 4, sinks)


def test_no_unit_reads_another_without_an_edge() -> None:
    made = net("rnn_tanh")
    for k in range(1, len(made.graph.layers)):
        weight = made.get_submodule(f"layer{k}.rnn").weight_ih_l0
        assert torch.equal(weight != 0, made.graph.mask(made.graph.sources_of(k), k))


def test_it_moves_and_copies_as_any_module_does() -> None:
    made = net("gru").double()
    twin = copy.deepcopy(made)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    assert torch.equal(made(x), twin(x))
    fresh = net("gru").double()
    fresh.load_state_dict(twin.state_dict())
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert torch.equal(made(x), fresh(x))
    assert not torch.equal(made(x), twin(x))


@pytest.mark.parametrize("cell", CELLS)
def test_masked_weights_stay_zero_through_training(cell: str) -> None:
    made = net(cell)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.1, weight_decay=0.1)
    before = {n: p.detach().clone() for n, p in made.named_parameters()}
    for _ in range(3):
        optimizer.zero_grad()
        made(torch.randn(4, 6, 5)).square().sum().backward()
        optimizer.step()
    for k in range(1, len(made.graph.layers)):
        mask = made.graph.mask(made.graph.sources_of(k), k)
        weight = made.get_submodule(f"layer{k}.rnn").weight_ih_l0
        gates = len(weight) // len(mask)
        assert torch.equal(weight != 0, mask.repeat(gates, 1))
    assert all(not torch.equal(before[n], p) for n, p in made.named_parameters())


def test_each_pair_of_layers_apart_has_a_cell_of_its_own_in_the_form_of_the_thesis() -> None:
    made = net("gru", "thesis")
    graph = made.graph
    pairs = {(j, k) for k in range(len(graph.layers)) for j in graph.sources_of(k) if k - j > 1}
    assert {name for name in made.reading if name.startswith("skip")} == {
        f"skip{j}_{k}" for j, k in pairs
    }
    assert made.output_size == len(graph.layers[-1])


@pytest.mark.parametrize("option", [{"cell": "gruu"}, {"skips": "none"}, {"reads": "first"}])
def test_an_unknown_word_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(UnknownName, match="did you mean"):
        GraphRNN(5, wiring(), **option)


def test_masks_fold_into_constants_whose_zeros_are_exact() -> None:
    made = net("gru").eval()
    graph = fold_constants.run(to_graph(capture(made, torch.zeros(1, 1, 5), "wired"))).graph
    assert "where" not in {node.op for node in graph.nodes}
    for k in range(1, len(made.graph.layers)):
        weight = made.get_submodule(f"layer{k}.rnn").weight_ih_l0.detach().numpy()
        same = [c for c in graph.constants.values() if c.shape == weight.shape]
        assert any(np.array_equal(c, weight) for c in same)


@pytest.mark.cc
@pytest.mark.parametrize(
    ("cell", "form", "number_type"),
    [
        *((cell, "ours", "fp32") for cell in CELLS),
        ("lstm", "thesis", "fp32"),
        ("gru", "ours", "w8a8"),
    ],
)
def test_its_c_gives_the_numbers_of_torch(cell: str, form: str, number_type: str) -> None:
    made = net(cell, form).eval()
    stream = noise((STEPS, 1, 1, 5))
    frames = [{"x": frame} for frame in stream]
    step = capture(made, torch.from_numpy(stream[0]), "wired")
    typed, _ = find_backend("c").typed(step, number_type, frames)
    got, _ = streamed(compiled(step, typed, number_type), frames)
    with torch.no_grad():
        whole = made(torch.from_numpy(stream.reshape(1, STEPS, 5))).numpy()
    compare("wired", np.stack(got), whole.reshape(STEPS, 1, 1, -1), number_type)


def test_the_code_of_the_page_runs_as_printed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (root / "docs/sparsity-in-rnns.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    exec(code, {})
    assert [int(word) > 1 for word in capsys.readouterr().out.split()] == [True, True]


def test_properties_of_a_ring_are_those_of_a_ring() -> None:
    found = graph_properties(nx.cycle_graph(6))
    assert (found["nodes"], found["edges"], found["diameter"]) == (6, 6, 3)
    assert found["density"] == pytest.approx(0.2)
    assert found["average_shortest_path_length"] == pytest.approx(1.8)
    for name in ("eccentricity", "degree", "closeness", "nodes_betweenness", "edge_betweenness"):
        assert found[f"{name}_var"] == pytest.approx(0.0)  # every node is like every other
    assert (found["layers"], found["source_nodes"], found["sink_nodes"]) == (6, 1, 1)


def test_properties_of_a_star_tell_its_middle_from_its_rays() -> None:
    found = graph_properties(nx.star_graph(4))  # node 0 in the middle
    assert (found["layers"], found["source_nodes"], found["sink_nodes"]) == (2, 1, 4)
    assert found["degree_mean"] == pytest.approx((1 + 4 * 0.25) / 5)
    assert found["degree_var"] == pytest.approx(np.var([1, *[0.25] * 4], ddof=1))
