"""One velocity model: sediments, a salt body in them and water above, a function of (configuration, seed, index) alone.

SeedSequence(seed, spawn_key=(index,)) ──┬──► sediments_ZX, or an image's
                                         ├──► salt mask_ZX, inclusions ──► velocity_ZX
                                         └──► sea floor_X

or, with `data.velocity_file`, a section of that file (files/sections.py).
"""

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data
from datagen.files.sections import cut_section
from datagen.ground.ranges import narrowed
from datagen.ground.salt import draw_inclusions, draw_salt
from datagen.ground.sediments import draw_sediments
from datagen.ground.style import draw_style
from datagen.ground.water import draw_water


def draw_velocity(data: Data, index: int) -> NDArray[np.float32]:
    """P velocity of sample `index`, float32 `[z, x]` in m/s, within `geology.velocity_range(data)`.

    Every part, and each of its parts, has its own random stream: switching one off, or changing it, does not affect
    the draws of the others.  A new part takes the next stream.  Raises InputError as `load_image` and `cut_section`.
    """
    if data.velocity_file is not None:
        return cut_section(data, data.velocity_file, index)
    seed = np.random.SeedSequence(entropy=data.seed, spawn_key=(index,))
    for_sediments, for_salt, for_water, for_inclusions = map(np.random.default_rng, seed.spawn(4))
    grid, geology = data.grid, narrowed(data.geology)
    floor_X, water = draw_water(grid, geology, for_water)
    if geology.family == "style":
        velocity_ZX = draw_style(grid, geology, for_sediments).astype(np.float32)
    else:
        velocity_ZX = draw_sediments(grid, geology, for_sediments, surface=floor_X.mean()).astype(np.float32)
    salt_ZX = draw_salt(grid, data.salt, for_salt, sea_floor=floor_X.max())
    velocity_ZX[salt_ZX] = data.salt.velocity
    for inclusion_ZX, velocity in draw_inclusions(grid, data.salt, salt_ZX, for_inclusions):
        velocity_ZX[inclusion_ZX] = velocity
    velocity_ZX[np.arange(grid.nz)[:, None] * grid.spacing < floor_X] = water
    return velocity_ZX
