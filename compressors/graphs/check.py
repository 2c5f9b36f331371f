"""Checks that this project could have written an ONNX graph, before ONNX Runtime sees it.

    file ─► limited size ─► nodes: known operators, each run once ─► tensors: in the file itself, whole, finite

A graph is a program: operators can name other files (external data), loop, call functions and other libraries.  What
passes here is a list of plain operators on plain numbers; size.py checks how large they get.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, numpy_helper

from compressors.bundles.seal import MOST_FILE
from datagen.errors import InputError
from datagen.memory_limit import SPARE, at_most

MOST_NODES = 20_000  # the largest of ours have 500
MOST_AXES = 8

# What torch's exporter writes for the networks here, and ONNX Runtime's quantization of them.
WRITTEN = """
    Abs Add And ArgMax Asinh AveragePool BatchNormalization Cast Clip Concat Conv ConvTranspose Cos DepthToSpace
    DequantizeLinear Div Equal Expand Floor Gather GatherElements LeakyRelu Less LessOrEqual Log MatMul MaxPool Mod
    Mul Neg Pad Pow QuantizeLinear ReduceMax ReduceMean ReduceSum Relu Reshape Resize Round Shape Sigmoid Sign Slice
    Softmax Sqrt Sub Tanh Transpose Unsqueeze Where
"""
# What other versions of it write for the same layers: each runs once, and its inputs' sizes give its output's.
ALIKE = """
    ArgMin Ceil Constant ConstantOfShape Elu Erf Exp Flatten Gelu Gemm GlobalAveragePool GlobalMaxPool
    Greater GreaterOrEqual HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization LogSoftmax Max Min
    Mish Not Or PRelu Reciprocal ReduceMin ReduceProd ReduceSumSquare ReduceL1 ReduceL2 Selu Sin Softplus
    Softsign SpaceToDepth Squeeze Sum Tile
"""
OPERATORS = frozenset((WRITTEN + ALIKE).split())

BYTES = {  # of one value
    TensorProto.FLOAT: 4,
    TensorProto.DOUBLE: 8,
    TensorProto.FLOAT16: 2,
    TensorProto.BOOL: 1,
    TensorProto.INT8: 1,
    TensorProto.UINT8: 1,
    TensorProto.INT16: 2,
    TensorProto.UINT16: 2,
    TensorProto.INT32: 4,
    TensorProto.UINT32: 4,
    TensorProto.INT64: 8,
    TensorProto.UINT64: 8,
}
PLAIN = {  # what an attribute may hold
    AttributeProto.FLOAT,
    AttributeProto.INT,
    AttributeProto.STRING,
    AttributeProto.TENSOR,
    AttributeProto.FLOATS,
    AttributeProto.INTS,
}


def read_graph(file: Path) -> tuple[ModelProto, bytes]:
    """The graph in `file`, parsed and as bytes.

    Raises
    ------
    InputError
        It is not an ONNX graph, has operators not in OPERATORS, functions, subgraphs, more than one input or output,
        or tensors that are in other files, sparse, not whole or not finite.
    """
    length = file.stat().st_size
    if length > MOST_FILE:
        raise InputError(f"{file}: {length} bytes; a graph may have at most {MOST_FILE}")
    content = file.read_bytes()
    try:
        with at_most(SPARE // 2 + length):  # nodes take much more memory than bytes
            model = ModelProto.FromString(content)
    except Exception as error:  # protobuf's class has no types
        reason = str(error) or type(error).__name__
        raise InputError(f"{file}: not an ONNX graph: {reason}; export the bundle again") from None
    problem = next(_problems(model), None)
    if problem:
        raise InputError(f"{file}: {problem}; this SeisNAS writes no such graph; if an older one did, export it again")
    return model, content


def _problems(model: ModelProto) -> Iterator[str]:
    graph = model.graph
    if model.functions or model.training_info:
        yield "it holds functions or training; only a graph is allowed"
    if graph.sparse_initializer:
        yield "it holds sparse tensors; only dense ones are allowed"
    if len(graph.input) != 1 or len(graph.output) != 1:
        yield f"it has {len(graph.input)} input(s) and {len(graph.output)} output(s); 1 of each is allowed"
    if not 0 < len(graph.node) <= MOST_NODES:
        yield f"it has {len(graph.node)} nodes; 1 to {MOST_NODES} are allowed"
    for node in graph.node:
        yield from _of_node(node)
    for tensor in graph.initializer:
        yield from _of_tensor(tensor)


def _of_node(node: NodeProto) -> Iterator[str]:
    operator = f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
    if operator not in OPERATORS:
        yield f"its operator {operator[:80]!r} is not allowed (compressors/graphs/check.py lists those that are)"
    for attribute in node.attribute:
        if attribute.type not in PLAIN or attribute.ref_attr_name or attribute.HasField("g") or attribute.graphs:
            yield f"attribute {attribute.name[:80]!r} of its {operator} is not a number, text or tensor"
        if not np.isfinite([attribute.f, *attribute.floats]).all():
            yield f"attribute {attribute.name[:80]!r} of its {operator} is not finite"
        if attribute.HasField("t"):
            yield from _of_tensor(attribute.t)


def _of_tensor(tensor: TensorProto) -> Iterator[str]:
    name = f"its tensor {tensor.name[:80]!r}"
    if tensor.external_data or tensor.data_location != TensorProto.DEFAULT:
        yield f"{name} is in another file (external data)"
    if tensor.data_type not in BYTES:
        yield f"{name} holds values of ONNX's type {tensor.data_type}, which are not plain numbers"
    if len(tensor.dims) > MOST_AXES:
        yield f"{name} has {len(tensor.dims)} axes; at most {MOST_AXES} are allowed"
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        yield f"{name} is damaged: {error}"
        return
    if list(values.shape) != list(tensor.dims):
        yield f"{name} is damaged: its values have shape {values.shape} for {list(tensor.dims)}"
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        yield f"{name} holds values that are not finite (NaN or Inf)"
