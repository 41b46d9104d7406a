"""The ORT format, which builds of ONNX Runtime for phones load, and what such a build must hold."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import onnx

DEFAULT = "ai.onnx"  # how the default domain is called there


def ort_format(model: bytes) -> bytes:
    """A model as ONNX Runtime writes it, optimized for every CPU alike.

    Raises: BundleError if ONNX Runtime refuses the model.
    """
    import onnxruntime

    from edgernn.export.onnx.program import open_session

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.ort"
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(path)
        level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED  # no layout of one CPU's
        options.graph_optimization_level = level
        options.add_session_config_entry("session.save_model_format", "ORT")
        open_session(model, options)
        return path.read_bytes()


def operators(model: onnx.ModelProto) -> str:
    """Operators by domain and opset, as `--include_ops_by_config` of its build reads them."""
    found = defaultdict(set)
    for node in model.graph.node:
        found[node.domain].add(node.op_type)
    versions = {one.domain: one.version for one in model.opset_import}
    return "".join(
        f"{domain or DEFAULT};{versions.get(domain, 1)};{','.join(sorted(found[domain]))}\n"
        for domain in sorted(found)
    )
