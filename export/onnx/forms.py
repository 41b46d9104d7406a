"""What ONNX Runtime's own quantizers make of a step. All of them leave states in float32."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgernn.backend import Array
from edgernn.compilers import cpu_flags
from edgernn.errors import DataError, UnsupportedOp
from edgernn.export.onnx.program import OnnxProgram
from edgernn.graph.step_graph import StepGraph, state_rows
from edgernn.quiet import first_line, quiet

PRODUCT = ".product"  # of a Gemm that is written as a product and a sum
GROUP = 32  # columns that share a scale in 4 bits
PRODUCTS = ["MatMul", "Gemm", "Conv"]  # what QDQ quantizes


def made(
    graph: StepGraph, number_type: str, frames: Iterable[Mapping[str, Array]]
) -> onnx.ModelProto:
    """The step's model with weights of fewer bits. Raises: DataError, UnsupportedOp."""
    make = {"int8-dynamic": dynamic, "int8": static, "int4": packed}[number_type]
    try:
        model = make(graph, frames)
    except DataError:
        raise
    except Exception as cause:  # its quantizers raise many unrelated classes
        raise UnsupportedOp(
            f"{graph.name}: ONNX Runtime cannot make {number_type} of it: {first_line(cause)}"
        ) from cause
    del model.metadata_props[:]
    model.metadata_props.extend(graph.model.metadata_props)
    return model


def dynamic(
    graph: StepGraph,
    frames: Iterable[Mapping[str, Array]] = (),
    *,
    by_row: bool = True,
    kept: Sequence[str] | None = None,
) -> onnx.ModelProto:
    """Weights of 8 bits; what products read is rounded as it comes.

    by_row: a scale a row, or one a matrix. kept: nodes that stay float, by default the front end's.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, quiet():
        source, out = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(with_matmul(folded(graph.model)), source)  # of Gemms it may name a weight twice
        quantize_dynamic(
            source,
            out,
            weight_type=QuantType.QInt8,
            per_channel=by_row,
            reduce_range=saturates(),
            nodes_to_exclude=_both(_kept(graph) if kept is None else kept),
        )
        return onnx.load(out)


def static(graph: StepGraph, frames: Iterable[Mapping[str, Array]]) -> onnx.ModelProto:
    """Weights of 8 bits by row, what products read by the range seen on real input; QDQ."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    fed = _fed(graph, frames)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Inputs and states of one step after the other."""

        def get_next(self) -> Any:
            return next(fed, None)

    with tempfile.TemporaryDirectory() as folder, quiet():
        source, out = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(subtracting(with_matmul(folded(graph.model))), source)
        quantize_static(
            source,
            out,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=PRODUCTS,
            per_channel=True,
            reduce_range=saturates(),
            activation_type=QuantType.QUInt8,  # which its kernels on x86 ask for
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_both(_kept(graph)),
            extra_options={
                "WeightSymmetric": True,
                "OpTypesToExcludeOutputQuantization": PRODUCTS,  # a sum is not rounded again
            },
        )
        return unrounded(onnx.load(out))


def packed(graph: StepGraph, frames: Iterable[Mapping[str, Array]] = ()) -> onnx.ModelProto:
    """Weights of 4 bits in groups of 32; accuracy level 4 lets products be taken in int8."""
    return weights_in_groups(graph, 4, GROUP)


def weights_in_groups(
    graph: StepGraph, bits: int, group: int, kept: Sequence[str] | None = None
) -> onnx.ModelProto:
    """Products as MatMulNBits. kept: as in `dynamic`; by default products of one row too."""
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    plain = with_matmul(folded(graph.model))
    kept = [*_kept(graph), *_of_one_row(plain)] if kept is None else kept
    with quiet():
        work = MatMulNBitsQuantizer(
            plain,
            bits=bits,
            block_size=group,
            is_symmetric=True,
            accuracy_level=4,
            nodes_to_exclude=_both(kept),
        )
        work.process()
    model: onnx.ModelProto = work.model.model
    return model


def _both(names: Iterable[str]) -> list[str]:
    """Nodes as they are called before and behind `with_matmul`."""
    return [f"{name}{end}" for name in names for end in ("", PRODUCT)]


def _kept(graph: StepGraph) -> list[str]:
    """Products of the front end's tables, which are kept float."""
    return [
        node.name
        for node in graph.model.graph.node
        if node.op_type in PRODUCTS and graph.keep_float & set(node.input)
    ]


def _of_one_row(model: onnx.ModelProto) -> list[str]:
    """Products that give one value, such as a yes or no: bits of theirs save nothing."""
    single = {one.name for one in model.graph.initializer if one.dims[1:] == [1]}
    nodes = model.graph.node
    return [n.name for n in nodes if n.op_type == "MatMul" and n.input[1] in single]


def _fed(graph: StepGraph, frames: Iterable[Mapping[str, Array]]) -> Iterator[dict[str, Array]]:
    """Inputs and states of each step of a stream. Raises: DataError if there is none."""
    row = {**graph.row([]), "states": state_rows(graph.states)}
    program = OnnxProgram(graph.model.SerializeToString(), row)
    none = True
    for frame in frames:
        none = False
        given = {name: np.asarray(value) for name, value in frame.items()}
        yield {**given, **program.state()}
        program.step(given)
    if none:
        raise DataError(f"{graph.name}: int8 is calibrated on real input, and there is none")


def saturates() -> bool:
    """Whether its products of 8 by 8 bits overflow 16 bits: on x86 without VNNI.

    Its documentation then asks for weights of 7 bits.
    """
    flags = cpu_flags()
    return bool(flags) and not flags & {"avx512_vnni", "avx_vnni"}


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights that are turned or reshaped as they are read lie so: quantizers want constants."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {one.name: numpy_helper.to_array(one) for one in made.graph.initializer}
    nodes = []
    for node in made.graph.node:
        if node.op_type not in ("Transpose", "Reshape") or not set(node.input) <= set(constants):
            nodes.append(node)
            continue
        given = [constants[name] for name in node.input]
        if node.op_type == "Reshape":
            array = given[0].reshape(given[1])
        else:
            (axes,) = [one.ints for one in node.attribute if one.name == "perm"] or [None]
            array = given[0].transpose(axes)
        constants[node.output[0]] = np.ascontiguousarray(array)
        made.graph.initializer.append(
            numpy_helper.from_array(constants[node.output[0]], node.output[0])
        )
    return _of_nodes(made, nodes)


def with_matmul(model: onnx.ModelProto) -> onnx.ModelProto:
    """Each Gemm as MatMul and Add: weights are packed for MatMul only."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {one.name: one for one in made.graph.initializer}
    nodes = []
    for node in made.graph.node:
        if node.op_type != "Gemm" or node.input[1] not in constants:
            nodes.append(node)
            continue
        x, weight, *bias = node.input
        turned = f"{weight}.t"
        if turned not in constants:
            array = numpy_helper.to_array(constants[weight])
            array = np.ascontiguousarray(array.T if _turned(node) else array)
            constants[turned] = numpy_helper.from_array(array, turned)
            made.graph.initializer.append(constants[turned])
        out = f"{node.output[0]}{PRODUCT}" if bias else node.output[0]
        nodes.append(helper.make_node("MatMul", [x, turned], [out], name=f"{node.name}{PRODUCT}"))
        if bias:
            nodes.append(helper.make_node("Add", [out, bias[0]], [node.output[0]]))
    return _of_nodes(made, nodes)


def subtracting(model: onnx.ModelProto) -> onnx.ModelProto:
    """Biases of products as what is subtracted, which gives the same.

    ONNX Runtime joins a product and a sum to a Gemm before it looks for integers; a Gemm whose
    result is not rounded it then computes in floats, its weights made floats anew in each step.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {one.name: one for one in made.graph.initializer}
    products = {node.output[0] for node in made.graph.node if node.op_type == "MatMul"}
    for node in made.graph.node:
        if node.op_type != "Add" or not products & set(node.input):
            continue
        product, bias = sorted(node.input, key=lambda name: name in constants)
        if bias not in constants:
            continue
        less = f"{bias}.less"
        if less not in constants:
            array = -numpy_helper.to_array(constants[bias])
            constants[less] = numpy_helper.from_array(array, less)
            made.graph.initializer.append(constants[less])
        node.op_type = "Sub"
        node.input[:] = [product, less]
    return _of_nodes(made, made.graph.node)


def unrounded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Only products read what was rounded for them; all else reads the value itself.

    The quantizer lets every reader see the rounded one: a GRU's state, of which the new one is
    made, would lose its low bits again in each step.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    rounds = {n.output[0]: n.input[0] for n in made.graph.node if n.op_type == "QuantizeLinear"}
    plain = {
        n.output[0]: rounds[n.input[0]]
        for n in made.graph.node
        if n.op_type == "DequantizeLinear" and n.input[0] in rounds
    }
    for node in made.graph.node:
        if node.op_type not in PRODUCTS:
            node.input[:] = [plain.get(name, name) for name in node.input]
    return made


def _of_nodes(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> onnx.ModelProto:
    """The model of these nodes alone, and of the constants that they read."""
    nodes = [*nodes]
    read = {name for node in nodes for name in node.input}
    read |= {port.name for port in model.graph.output}
    kept = [one for one in model.graph.initializer if one.name in read]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(kept)
    return model


def _turned(gemm: onnx.NodeProto) -> bool:
    return any(a.name == "transB" and a.i for a in gemm.attribute)
