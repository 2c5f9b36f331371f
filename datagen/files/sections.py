"""2-D sections of velocity models in a file, on the grid of a data set.

    models [n, z, x]   n ≥ 3: the first models are for training, the next for validation, the last for test
                       n < 3: each model is cut in x            ┌ training ────────┬ valid. ┬ test ┐
    cube [z, y, x]     cut along its longer distance axis       └──────────────────┴────────┴──────┘
                       inline (x, z) and crossline (y, z) sections of each part

The parts are in proportion to the splits, and wide enough for a section: no two splits share a cell of the file,
neither by overlapping sections nor through the smoothing.
"""

from math import ceil, floor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from datagen.config import Data, Grid, Split, VelocityFile
from datagen.errors import InputError
from datagen.files.velocity_files import Models, open_models, to_metres_per_second

SMOOTHING = 0.5  # [cells of the grid] Gaussian sigma where the file is finer than the grid
TRUNCATE = 4.0  # [sigma] where the Gaussian ends


def cut_section(data: Data, file: VelocityFile, index: int) -> NDArray[np.float32]:
    """P velocity of sample `index`, float32 `[z, x]` in m/s: a random section of its split's part of the file.

    Sections start on nodes of the file; models of a stack follow one another.  Velocities lie between those of
    the file (within `clip`), whatever the spacing.

    Raises InputError: the file cannot be read, or is smaller than the sections asked for.
    """
    models = open_models(file)
    random = np.random.default_rng(np.random.SeedSequence(entropy=data.seed, spawn_key=(index,)))
    part, rank = _place(data.split, index)
    plane = _plane_of_cube(models, data, part, random) if models.cube else _plane_of_stack(models, data, part, rank)
    first, end = plane.columns
    column = int(random.integers(first, end - _nodes(data.grid.nx, data.grid, plane.cell) + 1))
    row = _top_row(models, data.grid, file, random)
    return _cut(plane, models.spacing[0], (row, column), data.grid, file)


class Plane(NamedTuple):
    """A vertical section of the file, in its own unit, of which the split may use `columns` (first, end)."""

    section_ZX: NDArray[Any]
    cell: float  # [m] between columns
    columns: tuple[int, int]


def _cut(plane: Plane, dz: float, node: tuple[int, int], grid: Grid, file: VelocityFile) -> NDArray[np.float32]:
    """The section that starts at `node` (row, column), read with the margin that the smoothing needs."""
    pieces, corner = [], []
    limits = ((0, len(plane.section_ZX)), plane.columns)
    for start, cells, cell, (first, end) in zip(node, (grid.nz, grid.nx), (dz, plane.cell), limits, strict=True):
        margin = ceil(TRUNCATE * SMOOTHING * grid.spacing / cell) + 1
        low = max(first, start - margin)
        pieces.append(slice(low, min(end, start + _nodes(cells, grid, cell) + margin)))
        corner.append((start - low) * cell)
    piece_ZX = to_metres_per_second(plane.section_ZX[tuple(pieces)], file)
    return resample(piece_ZX, (dz, plane.cell), (corner[0], corner[1]), grid).astype(np.float32)


def resample(
    model_ZX: NDArray[np.float64], spacing: tuple[float, float], corner: tuple[float, float], grid: Grid
) -> NDArray[np.float64]:
    """The part of `model_ZX` that starts `corner` (depth, distance) metres from its first node, on `grid`.

    Cells of the model are `spacing` (dz, dx) metres.  Along an axis on which it is finer than the grid, slowness
    is smoothed before (anti-aliasing that keeps travel times); then v is interpolated linearly.  Both are
    averages, so they add no new velocities, as splines or sinc would at a salt flank.  The model's last cells extend
    beyond its edges.
    """
    sigma = [SMOOTHING * grid.spacing / cell if grid.spacing > cell else 0.0 for cell in spacing]
    if any(sigma):  # slowness, because it adds up to travel times
        model_ZX = 1 / gaussian_filter(1 / model_ZX, sigma, mode="nearest", truncate=TRUNCATE)
    rows, columns = (
        (first + np.arange(cells) * grid.spacing) / cell
        for first, cells, cell in zip(corner, (grid.nz, grid.nx), spacing, strict=True)
    )
    places = np.meshgrid(rows, columns, indexing="ij")
    return np.asarray(map_coordinates(model_ZX, places, order=1, mode="nearest"))


def parts(cells: int, needed: int, split: Split) -> list[tuple[int, int]] | None:
    """(first, end) of three neighbouring parts for train, validation, test; None if they do not fit.

    In proportion to the split, but at least `needed` of the `cells` each.
    """
    if cells < 3 * needed:
        return None
    share = cells / split.total
    one = min(max(round(share * split.train), needed), cells - 2 * needed)
    two = min(max(round(share * (split.train + split.validation)), one + needed), cells - needed)
    return [(0, one), (one, two), (two, cells)]


def _nodes(cells: int, grid: Grid, cell: float) -> int:
    """Nodes of the file, `cell` metres apart, that `cells` nodes of the grid span."""
    return ceil((cells - 1) * grid.spacing / cell * (1 - 1e-9)) + 1


def _place(split: Split, index: int) -> tuple[int, int]:
    """(0, 1 or 2 for train, validation or test; number within it) of a sample."""
    for part, count in enumerate((split.train, split.validation)):
        if index < count:
            return part, index
        index -= count
    return 2, index


def _plane_of_stack(models: Models, data: Data, part: int, rank: int) -> Plane:
    stack_NZX, cell = models.array, models.spacing[2]
    count, _, nx = stack_NZX.shape
    by_model = parts(count, 1, data.split)
    if by_model is None:
        return Plane(stack_NZX[rank % count], cell, _columns(models, nx, cell, data)[part])
    if nx < _nodes(data.grid.nx, data.grid, cell):
        raise _too_narrow(models, (nx - 1) * cell, data.grid, "a section")
    first, end = by_model[part]
    return Plane(stack_NZX[first + rank % (end - first)], cell, (0, nx))


def _plane_of_cube(models: Models, data: Data, part: int, random: np.random.Generator) -> Plane:
    """Along the axis that is cut into parts, or, where the cube is wide enough, as often across it."""
    cube_ZYX = models.array
    (ny, nx), (dy, dx) = cube_ZYX.shape[1:], models.spacing[1:]
    if (ny - 1) * dy > (nx - 1) * dx:
        cube_ZYX, ny, nx, dy, dx = cube_ZYX.swapaxes(1, 2), nx, ny, dx, dy
    columns = _columns(models, nx, dx, data)[part]
    across = ny >= _nodes(data.grid.nx, data.grid, dy) and random.random() < 0.5
    if across:
        return Plane(cube_ZYX[:, :, random.integers(*columns)], dy, (0, ny))
    return Plane(cube_ZYX[:, random.integers(ny)], dx, columns)


def _columns(models: Models, cells: int, cell: float, data: Data) -> list[tuple[int, int]]:
    """(first, end) of the columns of each part."""
    found = parts(cells, _nodes(data.grid.nx, data.grid, cell), data.split)
    if found is None:
        sections = "three sections beside one another, for train, validation and test,"
        raise _too_narrow(models, (cells - 1) * cell, data.grid, sections)
    return found


def _too_narrow(models: Models, extent: float, grid: Grid, needed: str) -> InputError:
    return InputError(
        f"velocity {models.path}: {extent:g} m wide, {needed} of {(grid.nx - 1) * grid.spacing:g} m must fit; "
        "lower data.grid.nx, or check data.velocity_file.spacing and axes"
    )


def _top_row(models: Models, grid: Grid, file: VelocityFile, random: np.random.Generator) -> int:
    """Row of the file at which a section starts."""
    cell = models.spacing[0]
    last = models.depth - _nodes(grid.nz, grid, cell)
    lowest, highest = (floor(top / cell * (1 + 1e-9)) for top in file.top)
    if highest > last:
        raise InputError(
            f"velocity {models.path}: {(models.depth - 1) * cell:g} m deep, a section of "
            f"{(grid.nz - 1) * grid.spacing:g} m from {file.top[1]:g} m leaves it; lower data.velocity_file.top or "
            "data.grid.nz, or check data.velocity_file.spacing and axes"
        )
    return int(random.integers(lowest, highest + 1))
