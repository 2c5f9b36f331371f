"""An ONNX graph in ONNX Runtime, checked before loading and limited while it runs.

file ─► operators and tensors (check.py) ─► sizes (size.py) ─► session ─► run, with a limit on memory
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from compressors.graphs.check import read_graph
from compressors.graphs.size import MOST_BYTES, measure_size, without_weights
from datagen.errors import InputError
from datagen.memory_limit import SPARE, at_most

PREPARED = 6  # copies of the weights that ONNX Runtime may make while preparing a graph
ROUNDED_UP = 3  # its arena asks for powers of two and has gaps


class GraphSession:
    """Maps an array to an array on the CPU; with `threads` 0 ONNX Runtime chooses their number.

    Raises
    ------
    InputError
        This project could not have written the graph, or it takes too much, or cannot be run.
    """

    def __init__(self, file: Path, threads: int = 0) -> None:
        self.file = file
        model, content = read_graph(file)
        self._bare = without_weights(model)
        del model  # as large as the weights
        self._taken: dict[int, int] = {}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # errors are raised instead
        options.add_session_config_entry("session.load_model_format", "ONNX")  # what was checked, not ORT's own format
        try:
            with at_most(SPARE + PREPARED * len(content) + ROUNDED_UP * self._bytes(1)):
                self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except InputError:
            raise
        except Exception as error:  # the only common base of ONNX Runtime's exceptions
            raise InputError(f"{file}: ONNX Runtime cannot run it: {error}") from None
        (given,), (made,) = self._session.get_inputs(), self._session.get_outputs()
        self._input = given.name
        self.ends = [list(given.shape[1:]), list(made.shape[1:])]  # without the batch

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raises InputError: it needs more memory than its shapes suggest, fails, or its result is not finite."""
        limit = SPARE + ROUNDED_UP * self._bytes(len(values))
        try:
            with at_most(limit):
                result: NDArray[np.float32] = self._session.run(None, {self._input: values})[0]
        except Exception as error:  # as above
            raise InputError(f"{self.file}: ONNX Runtime fails to run it: {error}") from None
        if not np.isfinite(result).all():
            raise InputError(f"{self.file}: its result is not finite (NaN or Inf); export the bundle again")
        return result

    def at_once(self, most: int) -> int:
        """How many models, up to `most`, fit into the memory allowed for one."""
        return max(1, min(most, MOST_BYTES // max(1, self._bytes(1))))

    def _bytes(self, batch: int) -> int:
        if batch not in self._taken:
            self._taken[batch] = measure_size(self._bare, batch, self.file).bytes
        return self._taken[batch]
