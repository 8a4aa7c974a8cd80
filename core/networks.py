"""Networks for onnxruntime: a graph without weights, which is small, and weights from wherever they lie."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.errors import ModelError, reason

Weights = Mapping[str, NDArray[np.float32]]
Shapes = Mapping[str, Sequence[int | str]]
OPSET, FUSED = 20, "com.microsoft"  # FUSED: operators of onnxruntime
IR_VERSION = 10  # of the file, for onnxruntime since 1.18


def packaged(package: str, file: str, advice: str) -> Path:
    """A file inside an installed package, which is not imported.

    Raises:
        ModelError: it is not there; ends with the advice.
    """
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise ModelError(f"{file} of the package {package} is not installed; {advice}")
    return path


def open_network(graph: Path, weights: Weights, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """A session of a graph that `graph_of` made, with these weights, which it copies.

    Raises:
        ModelError: they are not those of the graph.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what it says comes as an error
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        return onnxruntime.InferenceSession(graph.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes share no other
        raise ModelError(
            f"the weights are not those of {graph.name} ({reason(error)}); install their package again"
        ) from error


def graph_of(
    name: str, nodes: Sequence[Any], weights: Shapes, constants: Mapping[str, Any], given: Shapes, made: Shapes
) -> bytes:
    """The file of a graph, by the package onnx, which only whoever changes a graph needs.

    nodes: of `onnx.helper.make_node`. weights: those that `open_network` gets. given, made: inputs and outputs, float32; an
    input called "mask" is int32.
    """
    from onnx import TensorProto, helper, numpy_helper

    def described(shapes: Shapes) -> list[Any]:
        kinds = {"mask": TensorProto.INT32}
        return [helper.make_tensor_value_info(key, kinds.get(key, TensorProto.FLOAT), size) for key, size in shapes.items()]

    held = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, name, described(given), described(made), held)
    for key, shape in weights.items():
        kept = graph.initializer.add(name=key, dims=shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
        kept.external_data.add(key="location", value="elsewhere")
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets).SerializeToString()
