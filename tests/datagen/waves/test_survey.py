import dataclasses

import numpy as np
import pytest

from datagen.config import Data, Geology, Grid, Salt, Split, Survey
from datagen.errors import InputError
from datagen.waves import survey as survey_checks
from datagen.waves.scheme import derive_scheme
from datagen.waves.stencil import courant_limit, fitted_weights, taylor_weights
from datagen.waves.wavelet import ricker


def quickstart(grid: Grid | None = None, geology: Geology | None = None, **survey) -> Data:
    settings = {"shots": 5, "receivers": 64, "frequency": 15.0, "interval": 0.001, "samples": 800} | survey
    return Data(
        folder="unused",
        grid=grid or Grid(nz=64, nx=64, spacing=10.0),
        geology=geology or Geology(),
        survey=Survey(**settings),
        split=Split(train=1, validation=1, test=1),
    )


def check_survey(data: Data) -> None:
    survey_checks.check_survey(data, derive_scheme(data))


def check_velocity(data: Data, velocity_MZX: np.ndarray) -> None:
    survey_checks.check_velocity(data, derive_scheme(data), velocity_MZX)


def test_the_wavelet_starts_at_rest_and_peaks_at_plus_one_at_one_and_a_half_periods():
    wavelet = ricker(15.0, 0.001, 800)
    assert wavelet.shape == (800,)
    assert wavelet.argmax() == 100  # 1.5 / 15 Hz
    assert wavelet.max() == pytest.approx(1.0)
    assert abs(wavelet[0]) < 2e-8
    assert abs(wavelet.sum()) < 1e-6


def test_the_wavelets_spectrum_peaks_at_its_frequency():
    spectrum = np.abs(np.fft.rfft(ricker(15.0, 0.001, 10_000)))
    assert np.fft.rfftfreq(10_000, 0.001)[spectrum.argmax()] == pytest.approx(15.0, abs=0.1)


def test_the_quickstart_is_allowed_at_exactly_ten_points_a_wavelength():
    check_survey(quickstart())


@pytest.mark.parametrize(
    ("survey", "field"),
    [
        ({"shots": 65}, "data.survey.shots"),
        ({"receivers": 65}, "data.survey.receivers"),
        ({"source_depth": 630.1}, "data.survey.source_depth"),
        ({"receiver_depth": 640.0}, "data.survey.receiver_depth"),
        ({"source_depth": 0.0, "free_surface": True}, "data.survey.source_depth"),
        ({"source_positions": (0.0, 10.0)}, "data.survey.source_positions.*shots is 5"),
        ({"shots": 1, "source_positions": (630.5,)}, "data.survey.source_positions"),
        ({"receivers": 2, "receiver_positions": (3.0, 700.0)}, "data.survey.receiver_positions"),
        ({"interval": 0.0013, "dispersion_correction": False}, "data.survey.interval"),
        ({"interval": 0.009}, "data.survey.interval"),
        ({"frequency": 15.1}, "data.survey.frequency"),
        ({"space_order": 4}, "data.survey.frequency"),
    ],
)
def test_a_survey_that_does_not_fit_the_grid_names_the_setting_to_change(survey, field):
    with pytest.raises(InputError, match=field):
        check_survey(quickstart(**survey))


def test_sources_and_receivers_may_be_anywhere_in_the_grid():
    check_survey(quickstart(shots=2, source_positions=(0.0, 630.0), source_depth=14.2, receiver_depth=0.0))


def test_the_limits_named_in_the_messages_are_allowed():
    with pytest.raises(InputError, match=r"set data.survey.interval to at most 0.00123 s"):
        check_survey(quickstart(interval=0.002, dispersion_correction=False))
    check_survey(quickstart(interval=0.00123, dispersion_correction=False))
    with pytest.raises(InputError, match=r"set data.survey.interval to at most 0.00865 s"):
        check_survey(quickstart(interval=0.01))
    check_survey(quickstart(interval=0.00865))
    with pytest.raises(InputError, match=r"to at most 9.37 Hz or data.grid.spacing to at most 4.68 m"):
        check_survey(quickstart(frequency=20.0, space_order=4))
    check_survey(quickstart(frequency=9.37, space_order=4))


@pytest.mark.parametrize("space_order", [6, 8])
def test_the_time_step_is_stable_for_every_velocity_of_the_configuration(space_order):
    data = quickstart(space_order=space_order)
    assert derive_scheme(data).step * 4500 / 10 == pytest.approx(0.95 * courant_limit(fitted_weights(space_order, 10)))
    assert derive_scheme(quickstart(dispersion_correction=False)).step == 0.001
    slowest, fastest = derive_scheme(data).carried
    assert (slowest, fastest) == pytest.approx((1500, 4500 / 0.95))
    check_velocity(data, np.full((1, 64, 64), fastest))
    with pytest.raises(InputError, match=r"data.geology.velocity and data.salt.velocity"):
        check_velocity(data, np.full((1, 64, 64), 1.01 * fastest))


def test_the_stencil_is_fitted_to_the_slowest_velocity_or_taylors():
    data = quickstart(geology=Geology(velocity=(3000.0, 3500.0)))
    assert derive_scheme(data).weights == fitted_weights(8, 20.0)
    assert derive_scheme(quickstart(dispersion_correction=False)).weights == taylor_weights(8)


def test_the_fastest_velocity_is_the_sediments_when_there_is_no_salt():
    data = quickstart(interval=0.0013, dispersion_correction=False)
    check_survey(dataclasses.replace(data, salt=Salt(probability=0.0)))


def test_velocities_that_cannot_be_modelled_are_refused():
    data = quickstart()
    good = np.full((2, 64, 64), 2000.0, np.float32)
    check_velocity(data, good)
    for value, message in ((np.nan, "finite"), (0.0, "above 0"), (-1.0, "above 0"), (np.inf, "finite")):
        bad = good.copy()
        bad[1, 3, 5] = value
        with pytest.raises(InputError, match=rf"model 1 at row 3, column 5.*{message}"):
            check_velocity(data, bad)
    with pytest.raises(InputError, match=r"expected \(models, 64, 64\)"):
        check_velocity(data, good[:, :, 1:])
    with pytest.raises(InputError, match="no model"):
        check_velocity(data, good[:0])
    with pytest.raises(InputError, match=r"6000 m/s is above 4737 m/s"):
        check_velocity(data, good * 3)
    with pytest.raises(InputError, match=r"data.survey.interval.*unstable at 6000 m/s"):
        check_velocity(quickstart(dispersion_correction=False), good * 3)
    with pytest.raises(InputError, match=r"data.survey.frequency.*1000 m/s"):
        check_velocity(data, good / 2)
