from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from datagen.config import Data, Family, Geology, Grid, Salt
from datagen.errors import InputError
from datagen.ground.ranges import check_geology, velocity_range
from datagen.preset import read_data
from datagen.velocity import draw_velocity
from datagen.waves.scheme import derive_scheme
from datagen.waves.survey import check_survey as check_with_scheme

MakeData = Callable[..., Data]
NO_SALT = Salt(probability=0.0)
PRESETS = Path(__file__).parents[3] / "presets"


def check_survey(data: Data) -> None:
    check_with_scheme(data, derive_scheme(data))


def of_family(make_data: MakeData, family: Family, **changes: Any) -> Data:
    grid = Grid(nz=64, nx=64, spacing=10.0)
    return make_data(grid=grid, geology=Geology(family=family, **changes), salt=NO_SALT)


def is_flat(velocity_ZX: np.ndarray) -> bool:
    return bool((velocity_ZX == velocity_ZX[:, :1]).all())


def test_flat_models_have_constant_rows_and_curved_ones_do_not(make_data: MakeData) -> None:
    flat, curved = of_family(make_data, "flat"), of_family(make_data, "curved", fold_amplitude=(0.0, 0.0))
    for index in range(20):
        assert is_flat(draw_velocity(flat, index))
        assert not is_flat(draw_velocity(curved, index))


def test_curved_models_have_no_fault_and_faulted_ones_always_have_one(make_data: MakeData) -> None:
    throws: dict[str, Any] = dict(faults=(0, 0), fault_throw=(0.1, 0.1))
    for index in range(20):
        bent, broken, both = (
            draw_velocity(of_family(make_data, family, **throws), index)
            for family in ("curved", "flat_fault", "curved_fault")
        )
        assert not is_flat(broken)
        assert (both != bent).any()
        np.testing.assert_array_equal(
            bent, draw_velocity(of_family(make_data, "curved", **throws | {"faults": (3, 3)}), index)
        )


@pytest.mark.parametrize("family", get_args(Family))
def test_200_models_of_every_family_stay_in_the_range_of_velocities(make_data: MakeData, family: str, tmp_path) -> None:
    np.save(tmp_path / "style.npy", np.random.default_rng(1).random((60, 80)))
    geology = Geology(
        family=family,
        thin_beds=(0, 3),
        water_depth=(0, 100),
        water_velocity=(1480, 1540),
        style_image=str(tmp_path / "style.npy"),
    )
    data = make_data(
        grid=Grid(nz=40, nx=40, spacing=10.0), geology=geology, salt=Salt(inclusions=(0, 2), rugosity=(0, 20))
    )
    slowest, fastest = velocity_range(data)
    for index in range(200):
        velocity_ZX = draw_velocity(data, index)
        assert np.isfinite(velocity_ZX).all()
        assert velocity_ZX.min() >= slowest
        assert velocity_ZX.max() <= fastest


def test_the_range_counts_what_can_be_in_a_model_and_nothing_else(make_data: MakeData) -> None:
    sea = Geology(water_depth=(0.0, 50.0), water_velocity=(1480.0, 1540.0))
    assert velocity_range(make_data(salt=NO_SALT)) == (1500, 3500)
    assert velocity_range(make_data()) == (1500, 4500)
    assert velocity_range(make_data(geology=sea)) == (1480, 4500)
    assert velocity_range(make_data(geology=replace(sea, water_depth=(0.0, 0.0)))) == (1500, 4500)
    assert velocity_range(make_data(geology=replace(sea, marine=0.0))) == (1500, 4500)
    anhydrite = Salt(inclusions=(0, 2), inclusion_velocity=(3000.0, 6000.0))
    assert velocity_range(make_data(salt=anhydrite)) == (1500, 6000)
    assert velocity_range(make_data(salt=replace(anhydrite, probability=0.0))) == (1500, 3500)
    deep = Geology(velocity=(4600.0, 5000.0))
    assert velocity_range(make_data(geology=deep)) == (4500, 5000)


def test_the_survey_is_made_for_water_and_inclusions_too(make_data: MakeData) -> None:
    sea = make_data(geology=Geology(water_depth=(0.0, 50.0), water_velocity=(1480.0, 1540.0)))
    with pytest.raises(InputError, match=r"data\.survey\.frequency.*1480 m/s"):
        check_survey(sea)
    check_survey(replace(sea, survey=replace(sea.survey, frequency=14.8)))
    assert derive_scheme(sea).weights != derive_scheme(make_data()).weights
    dirty = make_data(salt=Salt(inclusions=(0, 2), inclusion_velocity=(3000.0, 6000.0)))
    assert derive_scheme(dirty).step == pytest.approx(derive_scheme(make_data()).step * 4500 / 6000)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"water_depth": (0.0, 100.0)}, r"data\.geology\.water_depth.*at most 80 m"),
        ({"thin_beds": (0, 1), "thin_bed_thickness": (3.0, 9.0)}, r"data\.geology\.thin_bed_thickness"),
        ({"family": "style"}, r"data\.geology\.style_image"),
    ],
)
def test_a_geology_that_does_not_fit_is_refused_before_anything_is_drawn(
    make_data: MakeData, changes: dict[str, Any], field: str
) -> None:
    data = make_data(geology=Geology(**changes))
    for check in (check_geology, check_survey):
        with pytest.raises(InputError, match=field):
            check(data)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("taller", [500.0, 100.0], r"geology\.taller: got .*first value must not be above the second"),
        ("taller", [-10.0, 100.0], r"geology\.taller\.0: got '-10.0'; .*greater than or equal to 0"),
        ("taller", [0.0, 30_000.0], r"geology\.taller\.1: got '30000.0'; .*less than or equal to 20000"),
        ("marine", 1.5, r"geology\.marine: got '1.5'; .*less than or equal to 1"),
    ],
)
def test_a_section_or_a_share_that_cannot_be_is_refused(path: str, value: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_data(PRESETS / "openfwi_wide.yml", {f"data.geology.{path}": value})


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'layered', 'flat', 'curved'"):
        Geology(family="folded")  # type: ignore[arg-type]
