"""Every cell, layer and front end, found by its file, obeys the streaming law."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from edgernn.state import State, from_leaves, named_leaves
from edgernn.streaming import Example, Streaming
from edgernn.testing import check_streaming, example_input

FOLDERS = ("cells", "layers", "frontend")


def modules() -> list[ModuleType]:
    names = ["edgernn.streaming"]
    for folder in FOLDERS:
        package = importlib.import_module(f"edgernn.{folder}")
        names += [f"edgernn.{folder}.{m.name}" for m in pkgutil.iter_modules(package.__path__)]
    return [importlib.import_module(name) for name in names]


def examples() -> list[tuple[str, Example]]:
    return [
        (f"{module.__name__.removeprefix('edgernn.')}-{name}", example)
        for module in modules()
        for name, example in module.EXAMPLES.items()
    ]


every_example = pytest.mark.parametrize(
    "example", [pytest.param(example, id=name) for name, example in examples()]
)


def build(example: Example) -> tuple[Streaming, Tensor]:
    torch.manual_seed(0)
    layer = example.build()
    return layer, example_input(layer, example)


ONE_EVERYWHERE = {"aten.layer_norm.default"}  # one op of ONNX, which all importers get right


class Flat(nn.Module):
    """A step over named leaves, the form in which it is captured."""

    def __init__(self, layer: Streaming) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, leaves: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        state = from_leaves(self.layer.initial_state(x.shape[0]), leaves)
        y, after = self.layer.step(x, state)
        return y, named_leaves(after)


def is_depthwise(node: torch.fx.Node) -> bool:
    """A convolution of each channel alone: plain, for no product of matrices says it."""
    weight = node.args[1].meta["val"] if str(node.target).startswith("aten.conv1d") else None
    return weight is not None and weight.shape[1] == 1 and node.args[-1] == weight.shape[0]


def used_leaves(layer: Streaming, x: Tensor) -> tuple[State, dict[str, Tensor]]:
    """A state that some frames have passed through."""
    _, state = layer.step(x[:1], layer.initial_state(1))
    return state, named_leaves(state)


@every_example
def test_obeys_the_law(example: Example) -> None:
    check_streaming(*build(example))


@every_example
def test_obeys_the_law_at_batch_one_and_in_double(example: Example) -> None:
    layer, x = build(example)
    x, tensors = x[:1], [*layer.parameters(), *layer.buffers()]
    if not any(t.is_floating_point() for t in tensors):
        check_streaming(layer, x)
        return
    layer, x = layer.double(), x.double() if x.is_floating_point() else x
    check_streaming(layer, x, atol=1e-12)


@every_example
def test_exports_to_plain_ops_with_equal_values(example: Example) -> None:
    """Three blocks at once; one alone goes through every backend in test_backends.py."""
    layer, x = build(example)
    layer.eval()
    with torch.no_grad():
        _, leaves = used_leaves(layer, x)
        chunk = x[:1, : 3 * layer.timing.block]
        program = torch.export.export(Flat(layer), (chunk, leaves))
        nodes = [n for n in program.graph.nodes if n.op == "call_function"]
        ops = {str(n.target) for n in nodes if not is_depthwise(n)} - ONE_EVERYWHERE
        fused = ("gru", "lstm", "rnn", "conv", "norm", "fft", "gather", "index")
        assert not [op for op in ops if any(word in op for word in fused)]
        y, after = program.module()(chunk, leaves)
        want, want_after = Flat(layer)(chunk, leaves)
    torch.testing.assert_close(y, want, atol=1e-5, rtol=1e-5)
    assert list(after) == list(want_after)
    for name, leaf in after.items():
        torch.testing.assert_close(leaf, want_after[name], atol=1e-5, rtol=1e-5, msg=name)


@every_example
def test_weights_survive_a_state_dict(example: Example) -> None:
    layer, x = build(example)
    torch.manual_seed(1)
    twin = example.build()
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(twin.eval()(x), layer.eval()(x))


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.__name__)
def test_every_public_layer_has_an_example(module: ModuleType) -> None:
    own = {
        name
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, Streaming)
        and value.__module__ == module.__name__
        and name not in ("Streaming", "Sequential")  # the protocol, and what `residual` is made of
    }
    built = {type(example.build()).__name__ for example in module.EXAMPLES.values()}
    assert own == built


def test_every_folder_is_searched() -> None:
    found = {name.split("-")[0].split(".")[0] for name, _ in examples()}
    assert found == {"streaming", *FOLDERS}
