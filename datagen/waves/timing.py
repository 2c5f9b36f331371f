"""Time steps of a survey: length and number, when traces and wavefields are saved, and true time.

survey.dispersion_correction     time step                                        recorded
true                             the longest stable one, whatever the interval    as the wavelet's band needs
false                            survey.interval                                  every step
"""

from functools import cached_property
from math import ceil, floor, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data
from datagen.waves.dispersion import Band, BandedMatrix, from_scheme, to_scheme
from datagen.waves.scheme import Scheme
from datagen.waves.wavelet import BAND, ricker

HIGHEST_FREQUENCY = 2.8  # of an image, in peak frequencies: as a product of two fields it has a narrower band

Array = NDArray[Any]


class Clock:
    """The time steps of every run of one survey; converts series to true time and back."""

    def __init__(self, data: Data, scheme: Scheme) -> None:
        survey = data.survey
        self.data, self.scheme = data, scheme
        self.step = scheme.step  # [s]
        self.image_every = max(1, floor(1 / (2 * HIGHEST_FREQUENCY * survey.frequency * self.step)))
        self.steps, self.record_every = survey.samples, 1
        if survey.dispersion_correction:
            duration = (survey.samples - 1) * survey.interval + self._band.half_length
            self.steps = ceil(duration / self.step) + 1
            self.record_every = max(1, floor(1 / (4 * BAND * survey.frequency * self.step)))
        self.wavelet_T = self._emitted()

    @property
    def imaged_steps(self) -> int:
        """Fewest steps, at least `steps`, whose last is a snapshot."""
        return ceil((self.steps - 1) / self.image_every) * self.image_every + 1

    def _emitted(self) -> NDArray[np.float64]:
        """What the source emits at each of `imaged_steps`: in true time the survey's Ricker wavelet."""
        time_T = self._time(self.imaged_steps)
        wavelet_T = ricker(self.data.survey.frequency, self.step, self.imaged_steps)
        if not self.data.survey.dispersion_correction:
            return wavelet_T
        to_scheme_TT = to_scheme(time_T, time_T, self.step, self._band, "float64")
        return np.asarray((to_scheme_TT @ wavelet_T[None, :, None])[0, :, 0])

    def gather(self, recorded_BNR: Array) -> Array:
        """Recordings at every `record_every` steps, as the samples of the survey [B, T, R]."""
        if not self.data.survey.dispersion_correction:
            return recorded_BNR[:, : self.data.survey.samples]
        return self._from_scheme @ recorded_BNR

    def slope(self, gather_BTR: Array) -> Array:
        """∂/∂t [1/s] of the samples of a survey at each of `imaged_steps`, in the scheme's time [B, step, R].

        Exact in all of the wavelet's band, even where a difference of neighbouring samples is not the slope.
        """
        return self._slope @ gather_BTR

    @cached_property
    def _band(self) -> Band:
        """All of the wavelet, and nothing that would alias with it."""
        survey, passed = self.data.survey, BAND * self.data.survey.frequency
        return Band(passed, min(3 * passed, 1 / survey.interval - passed, 0.9 / (pi * self.step)))

    @cached_property
    def _from_scheme(self) -> BandedMatrix:
        recorded_N = self._time(self.steps)[:: self.record_every]
        return from_scheme(self._samples_T, recorded_N, self.step, self._band, self.data.survey.precision)

    @cached_property
    def _slope(self) -> BandedMatrix:
        survey, steps_N = self.data.survey, self._time(self.imaged_steps)
        corrected = self.step if survey.dispersion_correction else 0.0
        return to_scheme(steps_N, self._samples_T, corrected, self._band, survey.precision, slope=True)

    @property
    def _samples_T(self) -> Array:
        return np.arange(self.data.survey.samples) * self.data.survey.interval

    def _time(self, steps: int) -> Array:
        return np.arange(steps) * self.step
