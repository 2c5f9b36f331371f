"""A bundle's ONNX graph, ready to run: needs ONNX Runtime, onnx and numpy, no torch."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressors.bundles.contents import ONNX, Contents, read_contents
from compressors.bundles.ready_made import find_bundle
from compressors.bundles.seal import inside
from compressors.graphs.session import GraphSession
from compressors.outputs import OUTPUTS
from datagen.errors import InputError


class Imager:
    """A finished network as a function: raw shots in, image in physical units out, on the CPU.

    Runs the ONNX graph of a bundle; normalisation is inside it.  `imager.contents` is the bundle's record: its survey
    and grid (`shape`), the recipe of its data (`data`), its scores on the test split.

    Parameters
    ----------
    folder
        A bundle: a folder that `seisnas export` has written, or the name of a ready-made one.
    threads
        Of ONNX Runtime; 0 leaves their number to it.

    Raises
    ------
    InputError
        The bundle is damaged (`read_contents`), or its graph is refused (`GraphSession`) or for other shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from compressors import Imager
    >>> image_shots = Imager("exports/quickstart")
    >>> shape = image_shots.contents.shape
    >>> shots_BSTR = np.zeros((2, shape.shots, shape.samples, shape.receivers), np.float32)
    >>> image_shots(shots_BSTR).shape == (2, 1, shape.nz, shape.nx)
    True
    """

    def __init__(self, folder: str | Path, threads: int = 0) -> None:
        folder = find_bundle(folder)
        self.contents: Contents = read_contents(folder)
        self._graph = GraphSession(inside(folder, ONNX), threads)
        self._check_shapes()

    def __call__(self, shots_BSTR: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Images [B, C, Z, X] of shots [B, S, T, R], or picks [B, 2, R] of gathers [B, 1, T, R], float32.

        C is 1, or 2 for a bundle whose target is both: velocity, then RTM image.
        Shots are the pressure that was recorded, in the unit of the training data, in the order of the bundle's
        survey (`contents.data.survey`: metres and seconds).  An image is in the unit of its target: that of the RTM
        image, or m/s.  A pick is a time [s] and a confidence from 0 to 1.

        Raises
        ------
        InputError
            The shots have other sizes than the survey's, the graph fails on them, or what it gives is not finite.
        """
        expected, _ = self._graph.ends
        if list(np.shape(shots_BSTR)[1:]) != expected:
            found = list(np.shape(shots_BSTR))
            raise InputError(f"shots: got shape {found}; {self._graph.file} takes [batch, {str(expected)[1:]}")
        return self._graph(np.ascontiguousarray(shots_BSTR, np.float32))

    def at_once(self, most: int) -> int:
        """How many models' shots, up to `most`, fit in one call without taking too much memory."""
        return self._graph.at_once(most)

    def _check_shapes(self) -> None:
        shape, output = self.contents.shape, OUTPUTS[self.contents.target]
        expected = [[shape.shots, shape.samples, shape.receivers], output.size(shape)]
        found = self._graph.ends
        if found != expected:
            raise InputError(f"{self._graph.file}: maps {found}, but the bundle's survey and grid are {expected}")
