"""Sections in the style of a picture: the grey values of a random crop become velocities.

    image ── crop, mirror ──► grey g ∈ [0, 1] ── smooth ──► v = v₀ + k z + (v₁ − v₀ − k D) g

In the spirit of OpenFWI's Style family (Deng et al. 2022), which turns natural images into velocity maps; there a
network first gives them the style of Marmousi (Feng et al. 2021, arXiv 2103.04007), here only brightness counts.
"""

import hashlib
import warnings
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from datagen.config import Geology, Grid
from datagen.errors import InputError
from datagen.files.npy_files import map_npy
from datagen.files.regular_files import read_whole
from datagen.ground.layers import STEADY_SHARE

SMALLEST_CROP = 0.4  # share of the largest crop of the section's shape that fits the image
OUTLIERS = (1.0, 99.0)  # percentiles of grey that become slowest and fastest: a glint must not set the scale
WHERE = "data.geology.style_image"
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")  # no file reaches Pillow's other decoders
MOST_BYTES = 2**28
MOST_PIXELS = 50_000_000  # 0.2 GB as grey values


def draw_style(grid: Grid, geology: Geology, rng: np.random.Generator) -> NDArray[np.float64]:
    """Velocity of one random crop of the image: `[z, x]` in m/s, within `geology.velocity`.

    Raises InputError as `load_image`.
    """
    image = load_image(geology)
    share, left, top = rng.uniform(SMALLEST_CROP, 1.0), rng.random(), rng.random()
    scale = share * min(image.width / grid.nx, image.height / grid.nz)  # pixels per cell
    x, z = left * (image.width - scale * grid.nx), top * (image.height - scale * grid.nz)
    box = (x, z, x + scale * grid.nx, z + scale * grid.nz)
    grey_ZX = np.asarray(image.resize((grid.nx, grid.nz), Image.Resampling.BILINEAR, box=box), np.float64)
    grey_ZX = grey_ZX[:, ::-1] if rng.random() < 0.5 else grey_ZX
    grey_ZX = gaussian_filter(grey_ZX, rng.uniform(*geology.style_smoothing) / grid.spacing, mode="nearest")
    dark, bright = np.percentile(grey_ZX, OUTLIERS)
    grey_ZX = np.clip((grey_ZX - dark) / max(bright - dark, 1e-12), 0.0, 1.0)
    slowest, fastest = geology.velocity
    steady = min(rng.uniform(*geology.gradient) * grid.nz * grid.spacing, STEADY_SHARE * (fastest - slowest))
    rise_Z1 = steady * np.arange(grid.nz)[:, None] / grid.nz
    velocity_ZX: NDArray[np.float64] = slowest + rise_Z1 + (fastest - slowest - steady) * grey_ZX
    return np.clip(velocity_ZX, slowest, fastest)


def load_image(geology: Geology) -> Image.Image:
    """Grey values of the image of family `style`, read once.

    Raises InputError: none given, missing, neither image nor 2-D .npy, not finite, all one value, or not the file of
    `style_sha256`.
    """
    if not geology.style_image:
        raise InputError(f"{WHERE}: none given; family style needs an image file (PNG, JPEG, 2-D .npy)")
    return _load(geology.style_image, geology.style_sha256)


@lru_cache(maxsize=4)
def _load(path: str, sha256: str) -> Image.Image:
    if not Path(path).exists():
        raise InputError(f"{WHERE}: {path}: No such file; give an image file (PNG, JPEG, 2-D .npy)")
    try:
        content = read_whole(path, MOST_BYTES)
    except InputError as error:
        raise InputError(f"{WHERE}: {error}; give an image file (PNG, JPEG, 2-D .npy)") from None
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256.lower():
        raise InputError(f"data.geology.style_sha256: {path} has {found}, the recipe needs {sha256}; give that file")
    try:
        image = Image.fromarray(_small(path).astype(np.float32)) if path.endswith(".npy") else _decoded(content)
    except (ValueError, TypeError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{WHERE}: {path}: neither an image nor a 2-D array in an .npy file, truncated, or too large: {error}; "
            f"allowed: {', '.join(FORMATS)} of one picture and up to {MOST_PIXELS / 1e6:g} million pixels"
        ) from None
    grey = np.asarray(image)
    if not (np.isfinite(grey).all() and np.ptp(grey) > 0):
        raise InputError(f"{WHERE}: {path}: grey values must be finite and differ, got {grey.min()} to {grey.max()}")
    return image


def _small(path: str) -> NDArray[Any]:
    array = map_npy(Path(path))
    if array.size > MOST_PIXELS or array.dtype.kind not in "fiub":
        raise ValueError(f"{array.dtype} {list(array.shape)}")
    return array


def _decoded(content: bytes) -> Image.Image:
    """Grey values; the size in the header is checked before any pixel is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is lower
        image = Image.open(BytesIO(content), formats=FORMATS)
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width} by {image.height} pixels")
        if getattr(image, "n_frames", 1) > 1:
            raise ValueError("several pictures in one file")
        return image.convert("F")
