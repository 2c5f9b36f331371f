"""Weights of a graph in 8 bits, for a small file; ONNX Runtime makes floats of them once, when it loads the graph.

    w = step · q           q (int8) ─ Cast ─ Mul by step ─► where w was,      a step for each output channel

This only writes down weights that have this form already, which bundles/packed.py gives them.
"""

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from compressors.bundles.packed import FEW, along_channels, steps_of

EXACT = 1e-3  # of a step: what rounding of floats leaves


def store_in_8_bits(model: ModelProto) -> None:
    """Rewrites the weights of convolutions, in place; those that are not whole numbers of steps stay as they are.

    What the graph says of itself for its readers, shapes and names of nodes, goes.
    """
    kept, short, nodes = [], [], []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        steps = along_channels(steps_of(weights), weights) if _suits(weights) else np.ones(1)
        whole = np.rint(weights / steps)
        if not _suits(weights) or np.abs(weights / steps - whole).max() > EXACT:
            kept.append(tensor)
            continue
        names = [f"{tensor.name}.{part}" for part in ("int8", "step", "float")]
        short += [numpy_helper.from_array(whole.astype(np.int8), names[0]), numpy_helper.from_array(steps, names[1])]
        nodes.append(helper.make_node("Cast", [names[0]], [names[2]], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", names[1:], [tensor.name]))
    nodes += model.graph.node
    for node in nodes:
        node.ClearField("name")
    del model.graph.initializer[:], model.graph.node[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept + short)
    model.graph.node.extend(nodes)


def _suits(weights: np.ndarray) -> bool:
    return weights.ndim == 4 and weights.dtype == np.float32 and weights.size >= FEW
