"""The velocity that a bundle predicts, and the wave equation in it.

prediction [B, C, Z, X] ─► velocity [B, Z, X] in m/s, limited to what the grid carries ─┬─► shots [B, S, T, R]
                                                                                        └─► RTM image [B, Z, X]
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compressors.bundles.contents import Contents
from compressors.outputs import OUTPUTS
from datagen.config import Data
from datagen.errors import InputError

if TYPE_CHECKING:  # Devito, which predicting does without
    from datagen.waves.modelling import WaveEngine

Array = NDArray[Any]


class Images(Protocol):
    """Makes images of shots, as the `Imager` of a bundle does."""

    @property
    def contents(self) -> Contents: ...

    def __call__(self, shots_BSTR: NDArray[np.floating[Any]]) -> NDArray[np.float32]: ...

    def at_once(self, most: int) -> int: ...


def velocity_channel(bundle: str | Path, contents: Contents) -> int:
    """Where in a bundle's prediction the velocity is.  Raises InputError: nowhere."""
    names = [picture.name for picture in OUTPUTS[contents.target].pictures]
    if "velocity" not in names:
        able = [target for target, each in OUTPUTS.items() if any(shown.name == "velocity" for shown in each.pictures)]
        raise InputError(
            f"{bundle}: its target is {contents.target}, it predicts no velocity; --migrate and --explain need a "
            f"bundle whose target is {' or '.join(able)}, as of a training with --set target={able[0]}"
        )
    return names.index("velocity")


class PredictedVelocity:
    """Makes velocities of shots with `imager`, and solves the wave equation in them on the bundle's survey.

    `engine`: of that survey, if there is one already.
    Raises InputError: the bundle predicts no velocity, or Devito or a C compiler is missing.
    """

    def __init__(self, bundle: str | Path, imager: Images, engine: "WaveEngine | None" = None) -> None:
        self._channel = velocity_channel(bundle, imager.contents)
        self.imager, self.engine = imager, engine or open_engine(imager.contents.data)

    def __call__(self, shots_BSTR: Array) -> Array:
        """Velocities [B, Z, X] in m/s, limited to those that grid and time step carry."""
        return np.clip(self.imager(shots_BSTR)[:, self._channel], *self.engine.scheme.carried)


class Migrated:
    """RTM images of shots in the velocity that a bundle predicts; used like the bundle's `Imager`.

    The velocity is smoothed, and the image tapered, as for the labels of the training (`data.migration`).
    """

    def __init__(self, velocity: PredictedVelocity) -> None:
        self._velocity = velocity
        self.contents = replace(velocity.imager.contents, target="rtm")  # that is what comes out

    def __call__(self, shots_BSTR: Array) -> NDArray[np.float32]:
        """Images [B, 1, Z, X] of shots [B, S, T, R]."""
        image_BZX = self._velocity.engine.migrate(self._velocity(shots_BSTR), shots_BSTR)
        return np.asarray(image_BZX[:, None], np.float32)

    def at_once(self, most: int) -> int:
        return self._velocity.imager.at_once(most)


def open_engine(data: Data) -> "WaveEngine":
    """Raises InputError: Devito or a C compiler is missing."""
    try:
        from datagen.waves.modelling import WaveEngine  # noqa: PLC0415  Devito
    except ImportError as error:
        raise InputError(
            f"--migrate and --explain solve the wave equation with Devito, which cannot be imported here ({error}); "
            "install it (pip install devito) and a C compiler, or leave these options out"
        ) from None
    return WaveEngine(replace(data, geology=replace(data.geology, family="layered")))  # style wants its picture
