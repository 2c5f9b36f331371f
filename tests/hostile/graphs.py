"""ONNX graphs that a stranger may have put into a bundle for 2 shots of 40 samples at 18 receivers, 16 × 18 cells.

honest()                   shots ─► (·, 1440) ─► product with weights ─► (·, 1, 16, 18)
honest(first=[nodes])      the same behind `nodes`, which map `shots` to `given`
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

GIVEN, MADE = (2, 40, 18), (1, 16, 18)
BAD_NAME = "\x1b[31m" + "n" * 40_000


def constant(name: str, values: Any, dtype: Any = np.int64) -> NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(values, dtype)))


def node(operator: str, inputs: str, output: str = "given", **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def honest(first: Sequence[NodeProto] = (), *, made: tuple[int, ...] = MADE, **changes: Any) -> ModelProto:
    weights = np.full((1440, 288), 0.01, np.float32)
    nodes = [
        *(first or [node("Identity", "shots")]),
        constant("flat", [-1, 1440]),
        constant("image_shape", [-1, *made]),
        node("Reshape", "given flat", "rows"),
        node("MatMul", "rows weights", "columns"),
        node("Reshape", "columns image_shape", "image"),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("shots", TensorProto.FLOAT, ["batch", *GIVEN])],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *made])],
        [numpy_helper.from_array(weights, "weights")],
    )
    opsets = [helper.make_opsetid("", 20), *[helper.make_opsetid(name, 1) for name in changes.pop("domains", ())]]
    return helper.make_model(graph, ir_version=10, opset_imports=opsets, **changes)


def added(*nodes: NodeProto) -> ModelProto:
    """`nodes` make a number, `extra`, of shape [1] or of none, which is added to the shots."""
    return honest([*nodes, node("Add", "shots extra")])


def reduced(*nodes: NodeProto) -> ModelProto:
    """As `added`, of a large tensor of floats named `large`."""
    return added(*nodes, node("ReduceMax", "large", "extra", keepdims=0))


def external(location: str) -> ModelProto:
    model = honest()
    _to_external(model.graph.initializer[0], location)
    return model


def _to_external(tensor: TensorProto, location: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="length", value=str(4 * 1440 * 288))


def external_constant() -> ModelProto:
    large = constant("extra", np.zeros(1), np.float32)
    _to_external(large.attribute[0].t, "secret.bin")
    return added(large)


def external_in_branch() -> ModelProto:
    tensor = numpy_helper.from_array(np.zeros(1, np.float32), "inner")
    _to_external(tensor, "secret.bin")
    inner = helper.make_graph(
        [node("Identity", "inner", "out")], "b", [], [helper.make_tensor_value_info("out", 1, [1])], [tensor]
    )
    return added(constant("yes", True, bool), node("If", "yes", "extra", then_branch=inner, else_branch=inner))


def loop() -> ModelProto:
    values = [helper.make_tensor_value_info(name, kind, []) for name, kind in (("i", 7), ("go", 9), ("x", 1))]
    made = [helper.make_tensor_value_info(name, kind, []) for name, kind in (("on", 9), ("y", 1))]
    body = helper.make_graph([node("Identity", "go", "on"), node("Add", "x x", "y")], "body", values, made)
    return added(
        constant("steps", 2**62),
        constant("yes", True, bool),
        constant("zero", 0.0, np.float32),
        node("Loop", "steps yes zero", "extra", body=body),
    )


def scan() -> ModelProto:
    value = helper.make_tensor_value_info("x", 1, [])
    body = helper.make_graph([node("Identity", "x", "y")], "body", [value], [helper.make_tensor_value_info("y", 1, [])])
    return added(constant("ones", [1.0], np.float32), node("Scan", "ones", "extra", body=body, num_scan_inputs=1))


def function() -> ModelProto:
    body = helper.make_function(
        "local", "Twice", ["x"], ["y"], [node("Add", "x x", "y")], [helper.make_opsetid("", 20)]
    )
    return honest([node("Twice", "shots", domain="local")], functions=[body], domains=["local"])


def sparse() -> ModelProto:
    model = honest()
    values, indices = np.ones(1, np.float32), np.zeros(1, np.int64)
    model.graph.sparse_initializer.add(
        values=numpy_helper.from_array(values, "sparse"), indices=numpy_helper.from_array(indices), dims=[2**40]
    )
    return model


def sparse_constant() -> ModelProto:
    value = helper.make_sparse_tensor(
        numpy_helper.from_array(np.ones(1, np.float32)), numpy_helper.from_array(np.zeros(1, np.int64)), [2**33]
    )
    return reduced(helper.make_node("Constant", [], ["large"], sparse_value=value))


def with_weights(values: Any) -> ModelProto:
    model = honest()
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[3:5, 5] = values
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "weights"))
    return model


def changed(change: Callable[[Any], object], first: Sequence[NodeProto] = ()) -> ModelProto:
    model = honest(first)
    change(model.graph)
    return model


def many_large() -> ModelProto:
    """Each of 0.4 GB, which none may have alone; together 80 GB, all from constants, which are calculated at once."""
    nodes = [constant("one", [1.0], np.float32), constant("much", [10**8])]
    names = [f"large{number}" for number in range(200)]
    nodes += [node("Expand", "one much", name) for name in names]
    sums = [node("ReduceSum", name, f"sum_{name}", keepdims=0) for name in names]
    return added(*nodes, *sums, helper.make_node("Sum", [f"sum_{name}" for name in names], ["extra"]))


def wide_convolution() -> ModelProto:
    """Small tensors, 10¹³ multiply-adds."""
    return reduced(
        constant("one", [1.0], np.float32),
        constant("map", [1, 512, 256, 256]),
        constant("kernel", [512, 512, 7, 7]),
        node("Expand", "one map", "x"),
        node("Expand", "one kernel", "w"),
        helper.make_node("Conv", ["x", "w"], ["large"], pads=[3, 3, 3, 3]),
    )


def from_the_shots() -> ModelProto:
    """Its size is known when it runs."""
    return reduced(
        constant("huge", 1e10, np.float32),
        constant("one", [1]),
        node("ReduceMax", "shots", "peak", keepdims=0),
        node("Mul", "peak huge", "size"),
        node("Cast", "size", "whole", to=TensorProto.INT64),
        node("Reshape", "whole one", "shape"),
        node("ConstantOfShape", "shape", "large"),
    )


def scalar_shape(operator: str, *sizes: int) -> ModelProto:
    return reduced(
        constant("one", np.ones([1] * len(sizes)), np.float32),
        constant("shape", list(sizes)),
        node(operator, "shape" if operator == "ConstantOfShape" else "one shape", "large"),
    )


def short_tensor() -> ModelProto:
    model = honest()
    model.graph.initializer[0].dims[:] = [2**20, 2**20]
    return model


def texts() -> ModelProto:
    model = honest()
    model.graph.initializer.append(helper.make_tensor("texts", TensorProto.STRING, [1], [b"text"]))
    return model


def nested(levels: int) -> bytes:
    """Graphs in attributes of nodes of graphs in …"""
    inner = b""
    for number in range(3 * levels):
        tag = (b"\x32", b"\x2a", b"\x0a")[number % 3]  # g of an attribute, attribute of a node, node of a graph
        inner = tag + _length(len(inner)) + inner
    return b"\x3a" + _length(len(inner)) + inner


def _length(value: int) -> bytes:
    digits = []
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def node_bomb() -> bytes:
    """10⁷ empty nodes in 20 MB."""
    body = b"\x0a\x00" * 10**7
    return b"\x08\x0a\x3a" + _length(len(body)) + body


ONE = helper.make_tensor_value_info("other", TensorProto.FLOAT, [1])
Made = Callable[[], ModelProto | bytes]
HOSTILE: dict[str, tuple[Made, str]] = {
    # it reads other files
    "external data of the working directory": (lambda: external("secret.bin"), "external data"),
    "external data by an absolute path": (lambda: external("/etc/hostname"), "external data"),
    "external data of the folder above": (lambda: external("../secret.bin"), "external data"),
    "external data in memory": (lambda: external("*/_ORT_MEM_ADDR_/*"), "external data"),
    "external data of a constant": (external_constant, "external data"),
    "external data of a branch": (external_in_branch, "operator 'If'"),
    # programs
    "a loop of 2⁶² steps": (loop, "operator 'Loop'"),
    "a scan": (scan, "operator 'Scan'"),
    "a function": (function, "functions"),
    "an operator of ONNX Runtime": (
        lambda: honest([node("FusedGemm", "shots", domain="com.microsoft")], domains=["com.microsoft"]),
        "com.microsoft.FusedGemm",
    ),
    "an operator of a stranger": (lambda: honest([node("Evil", "shots", domain="x")], domains=["x"]), "x.Evil"),
    "an operator whose size depends on values": (lambda: added(node("NonZero", "shots", "extra")), "NonZero"),
    "a random one": (lambda: added(node("RandomNormalLike", "shots", "extra")), "RandomNormalLike"),
    # sizes
    "30 GB by ConstantOfShape": (lambda: scalar_shape("ConstantOfShape", 7_500_000_000), "bytes"),
    "30 GB by Expand": (lambda: scalar_shape("Expand", 7_500, 1_000_000), "bytes"),
    "30 GB by Tile": (lambda: scalar_shape("Tile", 7_500, 1_000_000), "bytes"),
    "30 GB by Pad": (
        lambda: reduced(constant("pads", [0] * 7 + [625_000_000]), node("Pad", "shots pads", "large")),
        "bytes",
    ),
    "30 GB by Resize": (
        lambda: reduced(
            constant("scales", [1.0, 1.0, 1000.0, 8000.0], np.float32),
            helper.make_node("Resize", ["shots", "", "scales"], ["large"]),
        ),
        "bytes",
    ),
    "30 GB by Range": (
        lambda: reduced(
            constant("from", 0),
            constant("to", 4_000_000_000),
            constant("by", 1),
            node("Range", "from to by", "whole"),
            node("Cast", "whole", "large", to=1),
        ),
        "operator 'Range'",
    ),
    "30 GB by the margins of a convolution": (
        lambda: reduced(
            constant("w", np.ones((1, 2, 1, 1)), np.float32),
            node("Conv", "shots w", "large", pads=[50_000, 50_000, 50_000, 50_000]),
        ),
        "bytes",
    ),
    "30 GB by the stride of a transposed one": (
        lambda: reduced(
            constant("w", np.ones((2, 1, 1, 1)), np.float32),
            node("ConvTranspose", "shots w", "large", strides=[9000, 9000]),
        ),
        "bytes",
    ),
    "30 GB by a product": (
        lambda: reduced(
            constant("one", [[1.0]], np.float32),
            constant("up", [90_000, 1]),
            constant("across", [1, 90_000]),
            node("Expand", "one up", "a"),
            node("Expand", "one across", "b"),
            node("MatMul", "a b", "large"),
        ),
        "bytes",
    ),
    "30 GB by Gather": (
        lambda: reduced(
            constant("zero", [0]),
            constant("many", [8_000_000]),
            node("Expand", "zero many", "indices"),
            node("Gather", "shots indices", "large", axis=0),
        ),
        "bytes",
    ),
    "2⁸⁰ values": (lambda: scalar_shape("Expand", 2**40, 2**40), "model.onnx"),
    "a negative size": (lambda: scalar_shape("ConstantOfShape", -5), "model.onnx"),
    "80 GB in small pieces": (many_large, "bytes"),
    "10¹³ multiply-adds": (wide_convolution, "multiply-adds"),
    "a size that the shots give": (from_the_shots, "does not follow from the graph"),
    # numbers
    "a weight that is NaN": (lambda: with_weights(np.nan), "not finite"),
    "a weight that is infinite": (lambda: with_weights(-np.inf), "not finite"),
    "a constant that is infinite": (lambda: added(constant("extra", [np.inf], np.float32)), "not finite"),
    "an attribute that is NaN": (lambda: honest([node("Elu", "shots", alpha=float("nan"))]), "not finite"),
    "weights too large for their image": (lambda: with_weights(3e38), "its result is not finite"),
    "the root of negative numbers": (
        lambda: honest([constant("less", -100.0, np.float32), node("Add", "shots less", "x"), node("Sqrt", "x")]),
        "its result is not finite",
    ),
    # files that are no such graph
    "an empty file": (lambda: b"", "0 input(s)"),
    "a text": (lambda: b"no graph at all, " * 100, "not an ONNX graph"),
    "half a graph": (lambda: honest().SerializeToString()[:5000], "not an ONNX graph"),
    "ONNX Runtime's own format": (lambda: b"\x18\0\0\0ORTM" + bytes(1000), "not an ONNX graph"),
    "10⁷ nodes in 20 MB": (node_bomb, "model.onnx"),
    "messages within messages": (lambda: nested(2000), "not an ONNX graph"),
    "a tensor without its values": (short_tensor, "damaged"),
    "texts": (texts, "not plain numbers"),
    "sparse tensors": (sparse, "sparse"),
    "a sparse constant": (sparse_constant, "not a number, text or tensor"),
    "two inputs": (lambda: changed(lambda graph: graph.input.append(ONE)), "2 input(s)"),
    "two outputs": (lambda: changed(lambda graph: graph.output.append(ONE)), "2 output(s)"),
    "an image of another size": (lambda: honest(made=(1, 18, 16)), "the bundle's survey and grid"),
    "an input of no shape": (
        lambda: changed(lambda graph: graph.input[0].type.tensor_type.ClearField("shape")),
        "model.onnx",
    ),
    "a circle of nodes": (lambda: honest([node("Add", "shots b", "a"), node("Add", "a a", "b"), node("Abs", "b")]), ""),
    "names of 40 kB": (lambda: honest([node(BAD_NAME, "shots")]), "operator"),
    "values of 40 kB": (lambda: honest([node("Abs", BAD_NAME)]), ""),
}


def write(made: ModelProto | bytes, file: Path) -> None:
    file.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
