"""Int8: a bundle's ONNX graph with 8-bit convolutions, calibrated on training shots.

    x ≈ scale · (q − zero),     q = −128 … 127

One scale for each output channel of the weights; one per tensor for activations, from their range over the
calibration shots (ONNX Runtime's static quantization, as pairs of QuantizeLinear and DequantizeLinear).

Only convolutions are quantized: the matrix multiplications and sums of the front keep 32 bits, because raw shots span
too wide a range.  So do the first convolution and the last quarter: rounding there is noise in the image (with all in
8 bits the noise is three times as strong).
"""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import quantization

from compressors.graphs.check import read_graph
from compressors.graphs.onnx_graph import INPUT
from compressors.graphs.session import GraphSession

FLOAT_SHARE = 0.25  # of the convolutions, the last ones
BATCH = 8  # calibration shots per run


class Calibration(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Feeds the shots to ONNX Runtime, batch after batch."""

    def __init__(self, shots_BSTR: NDArray[np.float32]) -> None:
        self._batches = iter([shots_BSTR[start : start + BATCH] for start in range(0, len(shots_BSTR), BATCH)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch_BSTR = next(self._batches, None)
        return None if batch_BSTR is None else {INPUT: batch_BSTR}


def quantize(onnx_file: Path, shots_BSTR: NDArray[np.float32], output: Path) -> None:
    """Writes the int8 twin of the graph in `onnx_file`; `shots_BSTR` are raw shots of the training split.

    Raises InputError: this project could not have written the graph (`read_graph`).
    """
    read_graph(onnx_file)
    with tempfile.TemporaryDirectory() as folder:
        fused = Path(folder) / "fused.onnx"
        _fuse(onnx_file, fused)
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)  # it recommends what `_fuse` has already done
        try:
            quantization.quantize_static(
                fused,
                output,
                Calibration(shots_BSTR),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                nodes_to_exclude=_ends(fused),
                per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                calibrate_method=quantization.CalibrationMethod.MinMax,
            )
        finally:
            root.setLevel(level)


def run_graph(onnx_file: Path, shots_BSTR: NDArray[np.float32], threads: int = 1) -> NDArray[np.float32]:
    """Image `[B, 1, Z, X]` in physical units.  Raises InputError as `GraphSession`."""
    return GraphSession(onnx_file, threads)(shots_BSTR)


def _ends(onnx_file: Path) -> list[str]:
    """Names of the convolutions that are not quantized."""
    names = [node.name for node in onnx.load(onnx_file).graph.node if node.op_type == "Conv"]
    return [names[0], *names[-max(1, round(FLOAT_SHARE * len(names))) :]]


def _fuse(onnx_file: Path, output: Path) -> None:
    """Folds batch normalisations into the convolutions before them, which is impossible after quantization."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(output)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(
        onnx_file,
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["ConstantFolding"],  # it would store the tables of the front's stack
    )
