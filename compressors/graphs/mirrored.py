"""The mean of two looks at the same ground: from its left, and from its right.

shots ──┬──────────────────────────────► network ─► image ────────────────┐
        └─► shots, receivers reversed ─► network ─► image ─► turned back ─┴─► mean

A network errs differently on the two, and the mean of two errors is smaller.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressors.graphs.runner import Imager
from datagen.errors import InputError
from datagen.waves.positions import MIRROR_TOLERANCE, asymmetry


class Mirrored:
    """The mean of what `imager` makes of shots and of the mirrored shots, turned back; used like an `Imager`.

    It takes twice the time.  Raises InputError: the survey is not its own mirror image in x.
    """

    def __init__(self, imager: Imager) -> None:
        self.contents = imager.contents
        if (off := asymmetry(self.contents.data)) > MIRROR_TOLERANCE:
            raise InputError(
                f"--mirrored: the mirrored sources or receivers of {self.contents.name} would lie {off:.1f} cells off; "
                f"allowed: up to {MIRROR_TOLERANCE:g}; leave the option out"
            )
        self._imager = imager

    def __call__(self, shots_BSTR: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Images [B, C, Z, X] of shots [B, S, T, R], float32, in the units of the imager's."""
        image_BCZX = self._imager(shots_BSTR)
        turned_BCZX = self._imager(np.flip(shots_BSTR, (1, 3)))
        return np.float32(0.5) * (image_BCZX + np.flip(turned_BCZX, 3))

    def at_once(self, most: int) -> int:
        """How many models' shots, up to `most`, fit in one call without taking too much memory."""
        return self._imager.at_once(most)
