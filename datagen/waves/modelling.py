"""Velocity models to shots, and to RTM images, with one survey.

    velocity ──► shots  u(receivers, t)                         `shoot`
        │          │
        └──────────┴──► image                                   `migrate` (migration.py)

Shots are the pressure, in units of the wavelet's peak, of 1/v² ∂²u/∂t² = ∇²u + f(t) δ(x − xₛ), constant
density, waves leaving through all four sides.  Sample k is at k Δt, f is `wavelet.ricker`: a positive peak at
`wavelet.peak_time`, so a positive main peak of the direct wave.
"""

from functools import cache, cached_property, partial
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data
from datagen.errors import InputError
from datagen.waves.kernel import OperatorKind
from datagen.waves.migration import Migrator
from datagen.waves.operators import find_compiler, share_building
from datagen.waves.propagator import Propagator, batches, kernel_spec
from datagen.waves.scheme import Scheme, derive_scheme
from datagen.waves.survey import check_survey, check_velocity
from datagen.waves.timing import Clock

Array = NDArray[Any]


class WaveEngine:
    """Operators and buffers of one survey, made on first use and used for every model after.

    Any number of models per call; multiples of `batch` waste nothing.  A model's result has the same bits whichever
    models share the call.  Arithmetic, shots and images are of `survey.precision`.

    Raises InputError if the survey does not fit the grid or there is no C compiler.
    """

    def __init__(self, data: Data, *, scheme: Scheme | None = None, batch: int = 8) -> None:
        """`scheme`: that of `data`, if already known."""
        self.data, self.scheme = data, scheme or derive_scheme(data)
        check_survey(data, self.scheme)
        find_compiler()
        self.spec = kernel_spec(data, batch)
        self.clock = Clock(data, self.scheme)
        self._share_building = cache(partial(share_building, self.spec, get_args(OperatorKind)))

    @cached_property
    def _forward(self) -> Propagator:
        return Propagator(self.spec, "forward", self.data, self.clock)

    @cached_property
    def _migrator(self) -> Migrator:
        return Migrator(self.data, self.spec, self.clock)

    def shoot(self, velocity_MZX: Array) -> Array:
        """Shots [M, S, T, R] of velocity models [M, Z, X] in m/s.

        Raises InputError: wrong shape, not finite or positive, too fast or slow for the grid and time step.
        """
        check_velocity(self.data, self.scheme, velocity_MZX)
        return self._shoot(np.asarray(velocity_MZX))

    def _shoot(self, velocity_MZX: Array) -> Array:
        survey, forward = self.data.survey, self._forward
        models = len(velocity_MZX)
        shots_MSTR = np.empty((models, survey.shots, survey.samples, survey.receivers), self.spec.dtype)
        for model_B, shot_B in batches(models, survey.shots, self.spec.batch):
            forward.set_velocity(velocity_MZX[model_B])
            forward.set_sources(shot_B)
            forward.run()
            shots_MSTR[model_B, shot_B] = self.clock.gather(forward.recorded(len(model_B)))
        assert np.isfinite(shots_MSTR).all(), "shots are not finite"
        return shots_MSTR

    def migrate(self, velocity_MZX: Array, shots_MSTR: Array) -> Array:
        """RTM images [M, Z, X] of shots [M, S, T, R] in velocity models [M, Z, X] in m/s, smoothed here.

        Raises InputError: as `shoot`, or shots that do not have the survey's shape, or are not finite.
        """
        check_velocity(self.data, self.scheme, velocity_MZX)
        survey = self.data.survey
        expected = (len(velocity_MZX), survey.shots, survey.samples, survey.receivers)
        if shots_MSTR.shape != expected:
            raise InputError(f"shots: shape {shots_MSTR.shape}, expected {expected} as data.survey")
        if not np.isfinite(shots_MSTR).all():
            raise InputError("shots: not all values are finite")
        return self._migrator.migrate(np.asarray(velocity_MZX), shots_MSTR)

    def shoot_and_migrate(self, velocity_MZX: Array) -> tuple[Array, Array]:
        """Shots [M, S, T, R] and RTM images [M, Z, X] of velocity models [M, Z, X] in m/s.

        Raises InputError as `shoot`.
        """
        check_velocity(self.data, self.scheme, velocity_MZX)
        self._share_building()  # workers that start together each compile one operator
        velocity_MZX = np.asarray(velocity_MZX)
        shots_MSTR = self._shoot(velocity_MZX)
        return shots_MSTR, self._migrator.migrate(velocity_MZX, shots_MSTR)
