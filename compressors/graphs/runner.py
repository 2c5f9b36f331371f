"""A bundle's ONNX graph, ready to run: needs ONNX Runtime, onnx and numpy, no torch."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compressors.bundles.contents import ONNX, Contents, read_contents
from compressors.bundles.seal import inside
from compressors.graphs.session import Graph
from compressors.outputs import OUTPUTS
from datagen.errors import InputError


class Imager:
    """Maps raw shots `[B, S, T, R]` to images `[B, 1, Z, X]` in physical units, or to picks `[B, 2, R]`, on the CPU.

    With `threads` 0 ONNX Runtime chooses their number.

    Raises
    ------
    InputError
        The bundle is damaged (`read_contents`), or its graph is refused (`Graph`) or has other shapes.
    """

    def __init__(self, folder: str | Path, threads: int = 0) -> None:
        self.contents: Contents = read_contents(folder)
        self._graph = Graph(inside(Path(folder), ONNX), threads)
        self._check_shapes()

    def __call__(self, shots_BSTR: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raises InputError: the graph fails on them, or its result is not finite."""
        return self._graph(shots_BSTR)

    def at_once(self, most: int) -> int:
        """How many models' shots, up to `most`, fit in one call without taking too much memory."""
        return self._graph.at_once(most)

    def _check_shapes(self) -> None:
        shape, output = self.contents.shape, OUTPUTS[self.contents.target]
        expected = [[shape.shots, shape.samples, shape.receivers], output.size(shape)]
        found = self._graph.ends
        if found != expected:
            raise InputError(f"{self._graph.file}: maps {found}, but the bundle's survey and grid are {expected}")
