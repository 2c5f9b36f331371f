"""The deployed network: raw shots in, an image in physical units out, as one ONNX file.

    image = factor · network(shots) + offset                     of the target, datagen/targets.py

Other outputs: outputs.py.  The network already scales the shots.

The file holds no table that follows from a few numbers: ONNX Runtime works those out once, when it loads the graph.  So
it does with weights in 8 bits:

    w = scale · q                                                q = −127 … 127, a scale for each output channel
"""

import copy
import warnings
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxscript import optimizer
from torch import Tensor, nn

from compressors.graphs.eight_bits import store_in_8_bits
from datagen.targets import RtmImage, VelocityModel
from search_spaces.shape import Shape

INPUT, OUTPUT = "shots", "image"
INT64 = 7  # in ONNX
FEW = 1024  # values of a table that may be stored


class Deployed(nn.Module):
    """Converts the output of `network`, a channel for each of `targets`, to their units."""

    def __init__(self, network: nn.Module, targets: Sequence[RtmImage | VelocityModel]) -> None:
        super().__init__()
        self.network, self.targets = network, targets

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        found_BCZX: Tensor = self.network(shots_BSTR)
        if len(self.targets) == 1:
            return self.targets[0].denormalise(found_BCZX)
        return torch.cat(
            [each.denormalise(found_BCZX[:, channel : channel + 1]) for channel, each in enumerate(self.targets)], 1
        )


def export_onnx(network: nn.Module, shape: Shape, file: Path, *, small: bool = False) -> None:
    """Writes `network` in evaluation mode as `file`; the batch may have any size, all other sizes are fixed.

    The graph contains its weights (no second file) and nothing about the machine it was written on.  `small`: weights
    that 8 bits can hold are stored so (eight_bits.py).
    """
    on_cpu = copy.deepcopy(network).cpu().eval()
    # Two samples: the exporter takes a size of one for a constant.
    example_BSTR = torch.randn(2, shape.shots, shape.samples, shape.receivers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            on_cpu,
            (example_BSTR,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            optimize=False,
            verbose=False,
        )
    assert program is not None
    optimizer.optimize_ir(program.model, should_fold=_leave_tables if small else _fold_weights)
    for node in list(program.model.graph.all_nodes()):
        node.metadata_props.clear()  # source lines with paths of this machine
        _keep_short_indices(node)
    program.save(file, external_data=False)
    if small:
        model = onnx.load(file)
        store_in_8_bits(model)
        onnx.save(model, file)


def _leave_tables(node: Any) -> bool | None:
    """Only short results are worked out before the graph is written."""
    shape = node.outputs[0].shape
    return None if shape is None or (shape.is_static() and prod(shape) <= FEW) else False


def _fold_weights(node: Any) -> bool | None:
    """And those of convolutions (search_spaces/cells/cells.py): int8 needs them unchanged, whatever their size."""
    shape = node.inputs[0].shape if node.op_type in ("Mul", "Slice", "Expand") else None
    return True if shape is not None and len(shape) == 4 else _leave_tables(node)


def _keep_short_indices(node: Any) -> None:
    """The exporter widens indices to 64 bits; the stack gathers a million, for which 32 bits are faster."""
    if node.op_type == "GatherElements":
        widened = node.inputs[1].producer()
        if widened is not None and widened.op_type == "Cast" and widened.attributes["to"].value == INT64:
            node.replace_input_with(1, widened.inputs[0])
            widened.graph.remove(widened, safe=True)
