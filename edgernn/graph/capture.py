"""Capture: a Streaming module's step, once, as a step graph of plain ops.

Nothing after this file sees the torch module again, except verification.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch import Tensor, nn

from edgernn.errors import UnsupportedOp
from edgernn.graph.step_graph import StatePair, StepGraph, read_step_graph, write_metadata
from edgernn.state import NEW, State, from_leaves, named_leaves
from edgernn.streaming import Streaming

OPSET = 20
FUSED = ("gru", "lstm", "rnn_tanh", "rnn_relu")  # what exporters get wrong or refuse


class _Step(nn.Module):
    """A step with its state as flat arguments, which keep their names in every exporter."""

    def __init__(self, module: Streaming, like: State) -> None:
        super().__init__()
        self.module, self.like = module, like

    def forward(self, x: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        names = named_leaves(self.like)
        state = from_leaves(self.like, dict(zip(names, leaves, strict=True)))
        y, after = self.module.step(x, state)
        return (y, *(leaf.clone() for leaf in named_leaves(after).values()))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's chatter belongs to us, not to the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def capture(module: Streaming, example: Tensor, name: str) -> StepGraph:
    """The step graph of `module` for a chunk shaped as `example` (1, n*block, ...).

    Raises: UnsupportedOp if the step holds what no exporter gets right.
    """
    module = module.eval()
    state = module.initial_state(1)
    leaves = named_leaves(state)
    step = _Step(module, state)
    with torch.no_grad(), _quiet():
        program = torch.export.export(step, (example, *leaves.values()))
        fused = [n.name for n in program.graph.nodes if _is_fused(n)]
        if fused:
            raise UnsupportedOp(
                f"{name}: {', '.join(fused)} would be exported wrong; "
                "use edgernn.cells, which step in plain ops"
            )
        converted = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=["x", *leaves],
            output_names=["y", *(NEW + leaf for leaf in leaves)],
            verbose=False,
        )
    assert converted is not None
    model = onnx.ModelProto.FromString(converted.model_proto.SerializeToString())
    model.graph.name = name
    _forget_origin(model)
    buffers = program.graph_signature.inputs_to_buffers.values()
    keep_float = {buffer.removeprefix("module.") for buffer in buffers}
    _strip_prefix(model, "module.")
    pairs = [
        StatePair(
            leaf,
            NEW + leaf,
            tuple(tensor.shape),
            str(tensor.dtype).removeprefix("torch."),
            tensor.detach().numpy() if tensor.any() else None,
        )
        for leaf, tensor in leaves.items()
    ]
    names = {tensor.name for tensor in model.graph.initializer}
    write_metadata(model, pairs, module.timing, keep_float & names)
    return read_step_graph(model)


def _is_fused(node: torch.fx.Node) -> bool:
    return node.op == "call_function" and str(node.target).split(".")[1:2] in [[f] for f in FUSED]


def _strip_prefix(model: onnx.ModelProto, prefix: str) -> None:
    for tensor in model.graph.initializer:
        tensor.name = tensor.name.removeprefix(prefix)
    for node in model.graph.node:
        node.input[:] = [name.removeprefix(prefix) for name in node.input]


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop stack traces and paths of the machine, so that equal models give equal bytes."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    model.producer_name, model.producer_version, model.doc_string = "edgernn", "", ""
