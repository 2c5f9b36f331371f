"""Images that are wrong in known ways: migrated in wrong velocities, or moved in depth."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from bench_explain import with_errors
from lib.misplaced import depth_errors, moved
from numpy.typing import NDArray
from torch import Tensor

from datagen.shards.manifest import load_manifest, open_array
from datagen.targets import RtmImage
from datagen.waves.migration import smooth_velocity
from datagen.waves.modelling import WaveEngine

Array = NDArray[Any]

SHIFTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)  # [cells]
STRETCHES = (0.005, 0.01, 0.02, 0.05)
SMOOTHED = (5, 10, 20)  # sigma [cells], before the engine smooths
FACTORS = (1.01, 1.02, 1.05, 1.1)
ERRORS = (0.01, 0.02, 0.05, 0.1)  # one standard deviation, share of the velocity
COUNT = 3 + sum(map(len, (SHIFTS, STRETCHES, SMOOTHED, FACTORS, ERRORS)))


@dataclass(frozen=True, kw_only=True)
class Case:
    """Images of all models with one fault."""

    fault: str
    size: str
    image_MZX: Tensor  # normalised as the labels
    depth_error: float | None = None  # [cells] mean of its size below the taper, where it is known


class Cases:
    """Makes them of shots `[M, S, T, R]` and their true velocities `[M, Z, X]` in m/s."""

    def __init__(self, engine: WaveEngine, images: RtmImage, shots_MSTR: Array, true_MZX: Array) -> None:
        self.engine, self.images, self.shots_MSTR, self.true_MZX = engine, images, shots_MSTR, true_MZX
        settings, grid = engine.data.migration, engine.data.grid
        self.below = round(settings.taper / grid.spacing)  # rows above have no whole image yet
        self.smoothing = settings.smoothing / grid.spacing
        self.depth_Z = np.arange(grid.nz)

    def __call__(self, dataset_Z: Array) -> Iterator[Case]:
        """One after the other; `dataset_Z` is the average velocity of the data set at each depth [m/s]."""
        true_image_MZX = self.engine.migrate(self.true_MZX, self.shots_MSTR)
        yield self.case("none, true velocity", "", true_image_MZX, np.zeros(1))
        for cells in SHIFTS:
            yield self.moved("moved down", in_cells(cells), true_image_MZX, self.depth_Z + cells)
        for share in STRETCHES:
            yield self.moved("stretched", f"{100 * share:g} %", true_image_MZX, self.depth_Z * (1 + share))
        for sigma in SMOOTHED:
            yield self.migrated("slowness smoothed", in_cells(sigma), smooth_velocity(self.true_MZX, sigma))
        for share in ERRORS:
            torch.manual_seed(1)  # the errors of bench_given_velocity.py
            wrong_MZX = with_errors(self.true_MZX, torch.full((len(self.true_MZX),), share))
            yield self.migrated("smooth random errors", f"{100 * share:g} %", wrong_MZX)
        for factor in FACTORS:
            yield self.migrated("velocity times", f"{factor:g}", factor * self.true_MZX)
        own_MZX = self.true_MZX.mean(2, keepdims=True) + np.zeros_like(self.true_MZX)
        yield self.migrated("average v(z)", "of the model", own_MZX)
        yield self.migrated("average v(z)", "of the data set", dataset_Z[:, None] + np.zeros_like(self.true_MZX))

    def migrated(self, fault: str, size: str, velocity_MZX: Array) -> Case:
        """In a wrong velocity [m/s]; the engine takes no other than its grid and time step carry."""
        carried_MZX = np.clip(velocity_MZX, *self.engine.scheme.carried)
        true_MZX, wrong_MZX = (smooth_velocity(each, self.smoothing) for each in (self.true_MZX, carried_MZX))
        error_MZX = depth_errors(true_MZX, wrong_MZX)[:, self.below :]
        return self.case(fault, size, self.engine.migrate(carried_MZX, self.shots_MSTR), error_MZX)

    def moved(self, fault: str, size: str, image_MZX: Array, to_Z: Array) -> Case:
        return self.case(fault, size, moved(image_MZX, to_Z), (to_Z - self.depth_Z)[self.below :])

    def case(self, fault: str, size: str, image_MZX: Array, error: Array) -> Case:
        label_MZX = self.images.label(torch.from_numpy(image_MZX)).float()
        return Case(fault=fault, size=size, image_MZX=label_MZX, depth_error=float(np.abs(error).mean()))


def in_cells(number: float) -> str:
    return f"{number:g} cell{'s' if number > 1 else ''}"


def average_velocity(folder: str) -> Array:
    """Of the training split at each depth [m/s], `[Z]`."""
    manifest = load_manifest(folder)
    models = [open_array(folder, manifest.data, record, "model") for record in manifest.of_split("train")]
    return np.asarray(np.concatenate([np.asarray(each_N1ZX).mean((1, 3)) for each_N1ZX in models]).mean(0))
