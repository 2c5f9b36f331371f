import numpy as np

from datagen.config import Geology, Grid
from datagen.ground.water import draw_water

GRID = Grid(nz=80, nx=100, spacing=10.0)


def test_the_sea_floor_stays_in_its_range_and_slopes_gently() -> None:
    geology = Geology(water_depth=(50.0, 300.0), water_velocity=(1480.0, 1540.0))
    relief = []
    for seed in range(100):
        floor_X, velocity = draw_water(GRID, geology, np.random.default_rng(seed))
        assert floor_X.min() >= 50
        assert floor_X.max() <= 300
        assert np.abs(np.diff(floor_X)).max() / GRID.spacing <= np.tan(np.deg2rad(5.0))
        assert 1480 <= velocity <= 1540
        relief.append(np.ptp(floor_X))
    assert max(relief) > 20


def test_on_land_there_is_no_water() -> None:
    floor_X, _ = draw_water(GRID, Geology(), np.random.default_rng(0))
    assert (floor_X == 0).all()
