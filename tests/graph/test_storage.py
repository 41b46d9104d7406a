"""Which values share a number type where something is held."""

from __future__ import annotations

import torch

from edgernn.cells.gru import GRU
from edgernn.graph.capture import capture
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import simplify
from edgernn.graph.passes.storage import Storage
from edgernn.layers.hold import Hold
from edgernn.layers.linear import Linear
from edgernn.streaming import Delay, Sequential, Streaming


def storage(layer: Streaming) -> Storage:
    return Storage(simplify(to_graph(capture(layer, torch.zeros(1, 1, 8), "held")))[0])


def test_what_only_products_read_is_held_in_the_type_in_which_it_comes() -> None:
    found = storage(
        Sequential(past=Delay(2, 8), hold=Hold(8, 0.1), head=Linear(8, 3), more=Linear(3, 3))
    )
    names = ("x", "past.past", "new_past.past", "hold.held", "new_hold.held")
    assert len({found.root(name) for name in names}) == 1
    assert found.of("x") == "int8"


def test_a_state_that_is_computed_keeps_its_bits_beside_what_is_held_of_it() -> None:
    found = storage(GRU(8, 8, threshold=0.1))
    assert found.root("held_h") == found.root("new_held_h")
    assert found.root("held_h") != found.root("h")
    assert (found.of("h"), found.of("held_h")) == ("int16", "int8")
    assert found.root("x") == found.root("held_x")
    assert found.of("held_x") == "int8"


def test_what_is_also_an_output_is_held_as_it_is() -> None:
    found = storage(Sequential(head=Linear(8, 8), hold=Hold(8, 0.1)))
    assert found.of("hold.held") == "float32"
    assert found.root("hold.held") != found.root("linear")


class Twice(Streaming):
    """One input held for a product and passed on as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.hold, self.head = Hold(8, 0.1), Linear(8, 8)

    def initial_state(self, batch: int) -> object:
        return self.hold.initial_state(batch)

    def step(self, x: torch.Tensor, state: object) -> tuple[torch.Tensor, object]:
        held, after = self.hold.step(x, state)
        return torch.exp(x) + self.head.step(held, ())[0], after


def test_an_input_with_another_reader_is_converted_where_it_is_held() -> None:
    found = storage(Twice())
    assert (found.of("x"), found.of("held")) == ("float32", "int8")
