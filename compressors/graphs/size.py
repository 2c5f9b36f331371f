"""Memory and work of a graph, from the shapes of its values: no weight is read and nothing is run.

    bytes    Σ over the outputs of all nodes: no order of running them holds more at once
    work     Σ multiply-adds of convolutions and products, and values read and written by all others

Each node runs once (check.py), so these bound a run.  ONNX's own inference gives the shapes, after discarding those
that the file claims; a graph that leaves one open is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from onnx import ModelProto, NodeProto, ValueInfoProto, helper, shape_inference

from compressors.graphs.check import BYTES, MOST_AXES
from datagen.errors import InputError
from datagen.memory_limit import SPARE, at_most

MOST_BYTES = 4 << 30  # for one model; the largest network here, a U-Net of 17 M, takes 73 MB
MOST_WORK = 2 * 10**11  # for one model, seconds of one core; that U-Net takes 2.4e9
FEW = 64  # most values of a tensor that can be a shape

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Size:
    """Memory and work of one run of a graph."""

    bytes: int
    work: int  # multiply-adds


def without_weights(model: ModelProto) -> ModelProto:
    """The same graph with its weights as inputs, and without its claimed shapes."""
    bare = ModelProto()
    bare.ir_version = model.ir_version
    bare.opset_import.extend(model.opset_import)
    graph = bare.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    for output in model.graph.output:
        graph.output.append(helper.make_tensor_value_info(output.name, output.type.tensor_type.elem_type, None))
    for tensor in model.graph.initializer:
        if prod(tensor.dims) > FEW:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        else:
            graph.initializer.append(tensor)
    return bare


def measure_size(bare: ModelProto, batch: int, file: Path) -> Size:
    """What the graph `bare`, from `without_weights`, takes for `batch` models together.

    Raises
    ------
    InputError
        Naming `file`: it takes more than MOST_BYTES or MOST_WORK for each model, or a shape does not follow from it.
    """
    sized = ModelProto()
    sized.CopyFrom(bare)
    first = sized.graph.input[0].type.tensor_type
    if not first.shape.dim:
        raise InputError(f"{file}: its input has no shape; export the bundle again")
    first.shape.dim[0].dim_value = batch
    try:
        with at_most(SPARE // 2):
            inferred = shape_inference.infer_shapes(sized, strict_mode=True, data_prop=True).graph
    except Exception as error:  # the only common base of ONNX's exceptions
        raise InputError(f"{file}: its shapes do not fit together: {error}") from None
    values = [*inferred.input, *inferred.output, *inferred.value_info]
    shapes = {value.name: _shape(value, file) for value in values}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in inferred.initializer}
    widths = {value.name: BYTES[value.type.tensor_type.elem_type] for value in values}
    taken = work = 0
    for node in inferred.node:
        for name in filter(None, [*node.input, *node.output]):
            if name not in shapes:
                raise InputError(f"{file}: the size of {name[:80]!r} does not follow from the graph")
        taken += sum(prod(shapes[name]) * widths[name] for name in node.output if name)
        work += _work(node, shapes)
    if taken > batch * MOST_BYTES or work > batch * MOST_WORK:
        raise InputError(
            f"{file}: takes {taken / batch:.2g} bytes and {work / batch:.2g} multiply-adds per model; allowed are "
            f"{MOST_BYTES:.2g} and {MOST_WORK:.2g} (compressors/graphs/size.py)"
        )
    return Size(bytes=taken, work=work)


def _shape(value: ValueInfoProto, file: Path) -> tuple[int, ...]:
    tensor = value.type.tensor_type
    known = tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim)
    shape = tuple(dim.dim_value for dim in tensor.shape.dim)
    if not known or min(shape, default=0) < 0:
        raise InputError(f"{file}: the size of {value.name[:80]!r} does not follow from the graph")
    if tensor.elem_type not in BYTES or len(shape) > MOST_AXES:
        raise InputError(f"{file}: {value.name[:80]!r} is not a tensor of numbers with up to {MOST_AXES} axes")
    return shape


def _work(node: NodeProto, shapes: Shapes) -> int:
    inputs = [shapes[name] for name in node.input if name]
    written = sum(prod(shapes[name]) for name in node.output if name)
    match node.op_type:
        case "Conv":
            return written * prod(inputs[1][1:])
        case "ConvTranspose":
            return prod(inputs[0]) * prod(inputs[1][1:])
        case "MatMul" | "Gemm":
            return written * max(inputs[0], default=1)
        case "AveragePool" | "MaxPool":
            sizes = [int(size) for each in node.attribute if each.name == "kernel_shape" for size in each.ints]
            return written * prod(sizes)
        case _:
            return written + sum(map(prod, inputs))
