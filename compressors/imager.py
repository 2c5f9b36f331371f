"""A bundle's ONNX graph, ready to run: needs onnxruntime and numpy, no torch."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from compressors.contents import ONNX, Contents, read_contents
from compressors.outputs import OUTPUTS
from compressors.seal import inside
from datagen.errors import InputError


class Imager:
    """Maps raw shots `[B, S, T, R]` to images `[B, 1, Z, X]` in physical units, or to picks `[B, 2, R]`, on the CPU.

    `threads` 0 leaves their number to ONNX Runtime.

    Raises
    ------
    InputError
        The bundle is damaged (`read_contents`), or its graph cannot be run or is for other shapes.
    """

    def __init__(self, folder: str | Path, threads: int = 0) -> None:
        self.contents: Contents = read_contents(folder)
        file = inside(Path(folder), ONNX)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # what goes wrong is raised
        try:
            # From memory: such a graph cannot refer to other files.
            self._session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's classes have no common base but this one
            raise InputError(f"{file}: ONNX Runtime cannot run it: {error}") from None
        self._check_shapes(file)

    def __call__(self, shots_BSTR: NDArray[np.float32]) -> NDArray[np.float32]:
        image_B1ZX: NDArray[np.float32] = self._session.run(None, {self._input: shots_BSTR})[0]
        return image_B1ZX

    def _check_shapes(self, file: Path) -> None:
        shape, output = self.contents.shape, OUTPUTS[self.contents.target]
        expected = [[shape.shots, shape.samples, shape.receivers], output.size(shape)]
        ends = [*self._session.get_inputs(), *self._session.get_outputs()]
        found = [list(end.shape[1:]) for end in ends]
        if found != expected:
            raise InputError(f"{file}: maps {found}, but the bundle's survey and grid are {expected}")
        self._input = ends[0].name
