"""Capture: a Streaming module's step, once, as a step graph of plain ops.

Nothing after this file sees the torch module again, except verification.
"""

from __future__ import annotations

import onnx
import torch
from torch import Tensor, nn

from edgernn.errors import EdgernnError, ModelError, UnsupportedOp
from edgernn.graph.decompositions import ready_at_once
from edgernn.graph.fold_batchnorm import fold_batchnorm
from edgernn.graph.rewriter import tried_where_due
from edgernn.graph.step_graph import StatePair, StepGraph, read_step_graph, write_metadata
from edgernn.graph.torchlib import read_once
from edgernn.quiet import first_line, quiet
from edgernn.state import NEW, State, from_leaves, named_leaves
from edgernn.streaming import Streaming

OPSET = 20
_PORT = "edgernn:"  # until the exporter is done, so that no other value has a port's name
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


def port_names(module: Streaming) -> tuple[str, str]:
    """The names of a step's input and output, which no state leaf bears."""
    leaves = named_leaves(module.initial_state(1))
    return "x_in" if "x" in leaves else "x", "y_out" if "y" in leaves else "y"


def need_finite(module: nn.Module, name: str) -> None:
    """Raises: ModelError for a parameter that holds NaN or infinity, with its name."""
    for parameter, value in module.named_parameters():
        if not (sound := value.detach().isfinite()).all():
            at = (~sound).nonzero()[0].tolist()
            raise ModelError(
                f"{name}: parameter {parameter} holds {value[tuple(at)].item()} at {at}, "
                f"{int((~sound).sum()):,} of its {value.numel():,} values are no numbers; "
                "its training diverged or its weights are damaged"
            )


def capture(module: Streaming, example: Tensor, name: str) -> StepGraph:
    """The step graph of `module` for a chunk shaped as `example` (1, n*block, ...).

    Raises: UnsupportedOp if the step holds what no exporter gets right, ModelError if a parameter
        is no finite number.
    """
    need_finite(module, name)
    module = fold_batchnorm(module)
    state = module.initial_state(1)
    leaves = named_leaves(state)
    x, y = port_names(module)
    given = [x, *leaves]
    made = [y, *(NEW + leaf for leaf in leaves)]
    try:
        own = [leaf.clone() for leaf in leaves.values()]  # one tensor twice would be one input
        program, model = _exported(_Step(module, state), (example, *own), given, made)
    except EdgernnError as cause:
        raise type(cause)(f"{name}: {cause}") from cause
    except Exception as cause:  # torch's exporters raise many unrelated classes
        raise UnsupportedOp(f"{name}: torch cannot export its step: {first_line(cause)}") from cause
    model.graph.name = name
    _forget_origin(model)
    buffers = set(program.graph_signature.inputs_to_buffers.values())
    keep_float = buffers | {buffer.removeprefix("module.") for buffer in buffers}
    _name_values(model, [*given, *made])
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


def _exported(
    step: _Step, example: tuple[Tensor, ...], given: list[str], made: list[str]
) -> tuple[torch.export.ExportedProgram, onnx.ModelProto]:
    """The step as an exported program, and as ONNX with marked names of inputs and outputs."""
    with torch.no_grad(), quiet(), read_once(), ready_at_once(), tried_where_due():
        program = torch.export.export(step, example)
        fused = [n.name for n in program.graph.nodes if _is_fused(n)]
        if fused:
            raise UnsupportedOp(
                f"{', '.join(fused)} would be exported wrong; "
                "use edgernn.cells, which step in plain ops; "
                "edgernn.from_torch.from_torch(layer) is one of the same weights"
            )
        converted = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=[_PORT + name for name in given],
            output_names=[_PORT + name for name in made],
            verbose=False,
            optimize=False,
        )
        assert converted is not None
        _optimize(converted, set(program.graph_signature.inputs_to_buffers.values()))
    return program, onnx.ModelProto.FromString(converted.model_proto.SerializeToString())


def _optimize(converted: torch.onnx.ONNXProgram, buffers: set[str]) -> None:
    """Fold constants, but not a buffer that is a matrix: what is made of it would lose its name."""
    graph = converted.model.graph
    held = {}
    for name, value in list(graph.initializers.items()):
        if name not in buffers or value.shape is None or len(value.shape) < 2:
            continue
        del graph.initializers[name]
        held[name], value.const_value = value.const_value, None
        graph.inputs.append(value)
    converted.optimize()
    graph = converted.model.graph
    for value in [value for value in graph.inputs if value.name in held]:
        graph.inputs.remove(value)
        value.const_value = held[str(value.name)]
        if value.uses():
            graph.register_initializer(value)


def _is_fused(node: torch.fx.Node) -> bool:
    return node.op == "call_function" and str(node.target).split(".")[1:2] in [[f] for f in FUSED]


def _name_values(model: onnx.ModelProto, ports: list[str]) -> None:
    """Ports under their own names; weights as in the module, where no port or value has that name.

    The exporter names values after operators (`add`), as a state leaf may be named too.
    """
    graph = model.graph
    values = {name for node in graph.node for name in node.output}
    swap = {_PORT + name: name for name in ports}
    swap |= {name: f"{name}:value" for name in values & set(ports)}
    taken = values | set(ports)
    for tensor in graph.initializer:
        short = tensor.name.removeprefix("module.")
        if tensor.name in ports or (short != tensor.name and short not in taken):
            swap[tensor.name] = short if short not in taken else f"{tensor.name}:value"
    for item in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        item.name = swap.get(item.name, item.name)
    for node in graph.node:
        node.input[:] = [swap.get(name, name) for name in node.input]
        node.output[:] = [swap.get(name, name) for name in node.output]


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
