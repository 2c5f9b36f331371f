"""The velocity that a bundle predicts, and the wave equation in it.

prediction [B, C, Z, X] ─► velocity [B, Z, X] in m/s ─┬─► shots [B, S, T, R] that it would give
                                                      └─► RTM image [B, Z, X] of the shots recorded
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


def velocity_channel(contents: Contents) -> int | None:
    """Where in a bundle's prediction the velocity is, if it predicts one."""
    names = [picture.name for picture in OUTPUTS[contents.target].pictures]
    return names.index("velocity") if "velocity" in names else None


class PredictedVelocity:
    """Makes velocities of shots with `imager`, and solves the wave equation in them on the bundle's survey.

    `engine`: of that survey, if there is one already.
    Raises InputError: the bundle predicts no velocity, or a C compiler is missing.  ModuleNotFoundError: Devito is.
    """

    def __init__(self, bundle: str | Path, imager: Images, engine: "WaveEngine | None" = None) -> None:
        channel = velocity_channel(imager.contents)
        if channel is None:
            raise InputError(_no_velocity(bundle, imager.contents))
        self._channel = channel
        self.imager, self.engine = imager, engine or open_engine(imager.contents.data)

    def __call__(self, shots_BSTR: Array) -> Array:
        """Velocities [B, Z, X] in m/s."""
        return self.imager(shots_BSTR)[:, self._channel]

    def shoot(self, velocity_BZX: Array) -> Array:
        """The shots [B, S, T, R] that velocities would give."""
        return self.engine.shoot(self._carried(velocity_BZX))

    def migrate(self, velocity_BZX: Array, shots_BSTR: Array) -> Array:
        """RTM images [B, Z, X] of shots in velocities, with the smoothing and the taper of the training's labels."""
        return self.engine.migrate(self._carried(velocity_BZX), shots_BSTR)

    def _carried(self, velocity_BZX: Array) -> Array:
        """Limited to the velocities that grid and time step carry: a network may go beyond."""
        return np.clip(velocity_BZX, *self.engine.scheme.carried)


class Migrated:
    """RTM images of shots in the velocity that a bundle predicts; used like the bundle's `Imager`."""

    def __init__(self, velocity: PredictedVelocity) -> None:
        self._velocity = velocity
        self.contents = replace(velocity.imager.contents, target="rtm")  # that is what comes out

    def __call__(self, shots_BSTR: Array) -> NDArray[np.float32]:
        """Images [B, 1, Z, X] of shots [B, S, T, R]."""
        return np.asarray(self._velocity.migrate(self._velocity(shots_BSTR), shots_BSTR)[:, None], np.float32)

    def at_once(self, most: int) -> int:
        return self._velocity.imager.at_once(most)


def _no_velocity(bundle: str | Path, contents: Contents) -> str:
    able = [target for target, each in OUTPUTS.items() if any(shown.name == "velocity" for shown in each.pictures)]
    return (
        f"{bundle}: its target is {contents.target}, it predicts no velocity; --migrate and --explain need a bundle "
        f"whose target is {' or '.join(able)}, as of a training with --set target={able[0]}"
    )


def open_engine(data: Data) -> "WaveEngine":
    """Raises InputError: a C compiler is missing; ModuleNotFoundError: Devito is."""
    from datagen.waves.modelling import WaveEngine  # noqa: PLC0415  predicting does without Devito

    return WaveEngine(replace(data, geology=replace(data.geology, family="layered")))  # style wants its picture
