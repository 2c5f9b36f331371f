"""One velocity model: sediments with a salt body in them, a function of (configuration, seed, index) alone.

SeedSequence(seed, spawn_key=(index,)) ──┬──► sediments_ZX
                                         └──► salt mask_ZX ──► velocity_ZX

or, with `data.velocity_file`, a section of that file (sections.py).
"""

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data
from datagen.salt import draw_salt
from datagen.sections import cut_section
from datagen.sediments import draw_sediments


def draw_velocity(data: Data, index: int) -> NDArray[np.float32]:
    """P velocity of sample `index`, float32 `[z, x]` in m/s.

    Sediments and salt have a random stream each: other salt leaves the sediments as they were.
    Raises InputError as `cut_section`.
    """
    if data.velocity_file is not None:
        return cut_section(data, data.velocity_file, index)
    seed = np.random.SeedSequence(entropy=data.seed, spawn_key=(index,))
    for_sediments, for_salt = (np.random.default_rng(stream) for stream in seed.spawn(2))
    velocity_ZX = draw_sediments(data.grid, data.geology, for_sediments).astype(np.float32)
    velocity_ZX[draw_salt(data.grid, data.salt, for_salt)] = data.salt.velocity
    return velocity_ZX
