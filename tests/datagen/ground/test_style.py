import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datagen.config import Geology, Grid
from datagen.errors import InputError
from datagen.ground.style import draw_style

GRID = Grid(nz=30, nx=40, spacing=10.0)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Grey rises from left to right; left and right differ, above and below do not."""
    path = tmp_path / "picture.png"
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (120, 1))).save(path)
    return path


def style(path: Path | str, **changes: Any) -> Geology:
    return Geology(family="style", style_image=str(path), **({"gradient": (0, 0)} | changes))


def draw(geology: Geology, seed: int) -> np.ndarray:
    return draw_style(GRID, geology, np.random.default_rng(seed))


def test_brightness_becomes_velocity_over_the_whole_range_in_crops_and_mirror_images(picture: Path) -> None:
    models = [draw(style(picture), seed) for seed in range(10)]
    slopes = {int(np.sign(model[15, -1] - model[15, 0])) for model in models}
    assert slopes == {-1, 1}
    for model in models:
        assert model.shape == (30, 40)
        assert model.min() == 1500
        assert model.max() == 3500
    assert len({model.tobytes() for model in models}) > 2


def test_velocity_grows_with_depth_by_the_gradient(picture: Path) -> None:
    velocity_ZX = draw(style(picture, gradient=(0.5, 0.5)), 1)
    np.testing.assert_allclose(np.diff(velocity_ZX, axis=0), 5.0, atol=1e-3)


def test_smoothing_makes_smooth(tmp_path: Path) -> None:
    path = tmp_path / "noise.npy"
    np.save(path, np.random.default_rng(0).random((300, 300)))
    rough, smooth = (draw(style(path, style_smoothing=(sigma, sigma)), 0) for sigma in (5.0, 60.0))
    assert np.abs(np.diff(smooth)).mean() < 0.5 * np.abs(np.diff(rough)).mean()


def test_an_image_that_cannot_be_used_is_named(tmp_path: Path, picture: Path) -> None:
    text, cube, grey = tmp_path / "text.png", tmp_path / "cube.npy", tmp_path / "grey.npy"
    text.write_text("not an image")
    np.save(cube, np.zeros((2, 3, 4)))
    np.save(grey, np.ones((20, 20)))
    for path, message in (
        ("", "none given"),
        (tmp_path / "none.png", "No such file"),
        (tmp_path, "Is a directory"),
        (text, "neither an image nor"),
        (cube, "neither an image nor"),
        (grey, "must be finite and differ"),
    ):
        with pytest.raises(InputError, match=rf"data\.geology\.style_image.*{message}"):
            draw(style(path), 0)


def test_another_file_than_the_recipes_is_refused(picture: Path) -> None:
    right = hashlib.sha256(picture.read_bytes()).hexdigest()
    draw(style(picture, style_sha256=right), 0)
    with pytest.raises(InputError, match=rf"data\.geology\.style_sha256.*has {right}"):
        draw(style(picture, style_sha256="0" * 64), 0)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "I;16", "1"])
def test_pictures_of_every_depth_are_taken(tmp_path: Path, mode: str) -> None:
    grey = np.linspace(0, 255, 100 * 100).reshape(100, 100).astype(np.uint8)
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    image.save(tmp_path / "picture.png")
    assert np.ptp(draw(style(tmp_path / "picture.png"), 0)) > 100
