"""Images in a migration velocity that the user has, instead of the one that the network estimates.

shots ───────────────────┐
                         ▼
velocity given ─► migration in it ─► image cells ─► image           a fast stand-in for RTM in that velocity
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compressors.bundles.bundle import load_bundle
from compressors.bundles.contents import Contents
from datagen.config import VelocityFile
from datagen.errors import InputError
from datagen.files.velocity_files import open_models, to_metres_per_second, velocity_limits
from datagen.targets import make_target
from search_spaces.networks.migrating import MigratingNetwork

Array = NDArray[Any]


class GivenVelocity:
    """Used like the `Imager` of a bundle of both; what it gives is the velocity given, and the image in it.

    `velocity`: a file of one section on the bundle's grid, [m/s], or of one for each of the `samples` of shots, which
    then come in their order, pass after pass.

    Raises InputError: the bundle does not migrate, or the file holds other sizes, or no velocities.
    """

    def __init__(self, bundle: str | Path, velocity: Path, samples: int) -> None:
        loaded = load_bundle(bundle)
        if not isinstance(loaded.network, MigratingNetwork):
            raise InputError(
                f"{bundle}: its target is {loaded.contents.target}, it does not migrate; --migration-velocity needs a "
                "bundle whose target is both (docs/migration.md)"
            )
        self.contents: Contents = loaded.contents
        self._network = loaded.network
        self._velocity_NZX = _read(velocity, samples, self.contents)
        self._samples = samples
        self.rewind()

    def rewind(self) -> None:
        """The next shots are the first again."""
        self._next = 0

    def __call__(self, shots_BSTR: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Velocity and image [B, 2, Z, X] of shots [B, S, T, R]."""
        rows = (self._next + np.arange(len(shots_BSTR))) % len(self._velocity_NZX)
        self._next = (self._next + len(shots_BSTR)) % self._samples
        velocity_BZX = self._velocity_NZX[rows]
        statistics = self.contents.statistics
        normalised = torch.from_numpy(make_target("velocity", statistics).normalise(velocity_BZX)[:, None]).float()
        with torch.inference_mode():
            image_B1ZX = self._network.in_velocity(torch.from_numpy(np.asarray(shots_BSTR, np.float32)), normalised)
        image_B1ZX = make_target("rtm", statistics).denormalise(image_B1ZX)
        return np.concatenate([velocity_BZX[:, None], image_B1ZX.numpy()], axis=1).astype(np.float32)

    def at_once(self, most: int) -> int:
        return most


def _read(file: Path, samples: int, contents: Contents) -> Array:
    """Sections [N, Z, X] in m/s; N is 1 or `samples`."""
    described = VelocityFile(path=str(file), spacing=(contents.data.grid.spacing,))
    models_NZX = open_models(described).array
    velocity_limits(str(file), models_NZX, "nzx", described.unit)
    found, wanted = models_NZX.shape, (contents.shape.nz, contents.shape.nx)
    if found[1:] != wanted or found[0] not in (1, samples):
        raise InputError(
            f"--migration-velocity {file}: holds {found[0]} sections of {found[1]} x {found[2]} cells; allowed: one, "
            f"or one for each of the {samples} samples of shots, of {wanted[0]} x {wanted[1]} cells of "
            f"{contents.data.grid.spacing:g} m as the bundle's grid"
        )
    return np.stack([to_metres_per_second(section_ZX, described) for section_ZX in models_NZX])
