"""What the geology of a configuration allows, known before any model is drawn.

family          folds and dip     faults
layered         as given          as given
flat            none              none
curved          at least some     none
flat_fault      none              at least one
curved_fault    at least some     at least one
style           velocities are those of an image

After the families of OpenFWI: Deng et al. 2022, NeurIPS Datasets and Benchmarks (arXiv 2111.02926).
"""

from dataclasses import replace
from functools import lru_cache

from datagen.config import Data, Geology, Grid, Number
from datagen.errors import InputError
from datagen.ground.style import load_image

CURVED = 0.02  # least fold amplitude of the curved families, share of the width
DEEPEST_WATER = 0.5  # share of the section: the rest is to be imaged


@lru_cache(maxsize=16)
def narrowed(geology: Geology) -> Geology:
    """The ranges of `geology` within the limits of its family."""
    if geology.family in ("layered", "style"):
        return geology
    curved, faulted = "curved" in geology.family, "fault" in geology.family
    return replace(
        geology,
        dip=geology.dip if curved else (0.0, 0.0),
        fold_amplitude=_at_least(CURVED, geology.fold_amplitude) if curved else (0.0, 0.0),
        faults=_at_least(1, geology.faults) if faulted else (0, 0),
    )


def _at_least(least: Number, pair: tuple[Number, Number]) -> tuple[Number, Number]:
    return max(pair[0], least), max(pair[1], least)


def velocity_range(data: Data) -> tuple[float, float]:
    """Lowest and highest velocity [m/s] that a model of `data` can have anywhere."""
    for source in (data.velocity_file, data.imported):
        if source is not None and source.velocity is not None:
            return source.velocity
    geology, salt = data.geology, data.salt
    ranges = [geology.velocity]
    if geology.water_depth[1] > 0 and geology.marine > 0:
        ranges.append(geology.water_velocity)
    if salt.probability > 0:
        ranges.append((salt.velocity, salt.velocity))
        if salt.inclusions[1] > 0:
            ranges.append(salt.inclusion_velocity)
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def check_geology(data: Data) -> None:
    """Checks what involves several fields.

    Raises InputError: water deeper than half the section, thin beds thinner than a cell, or family style without
    a usable image.
    """
    if data.velocity_file or data.imported:  # geology is not drawn
        return
    grid, geology = data.grid, data.geology
    _check_water(grid, geology)
    if geology.thin_beds[1] > 0 and geology.thin_bed_thickness[1] < grid.spacing:
        raise InputError(
            f"data.geology.thin_bed_thickness: beds of at most {geology.thin_bed_thickness[1]:g} m fall between the "
            f"nodes of data.grid.spacing, {grid.spacing:g} m; allow for thicker beds or set data.geology.thin_beds to "
            "[0, 0]"
        )
    if geology.family == "style":
        load_image(geology)


def _check_water(grid: Grid, geology: Geology) -> None:
    depth, deepest = grid.nz * grid.spacing, geology.water_depth[1]
    if deepest > DEEPEST_WATER * depth:
        raise InputError(
            f"data.geology.water_depth: up to {deepest:g} m of water in a section {depth:g} m deep; "
            f"set it to at most {DEEPEST_WATER * depth:g} m or raise data.grid.nz"
        )
