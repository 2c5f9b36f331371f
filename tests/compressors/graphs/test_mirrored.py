"""The mean with what a network makes of the mirrored shots: it sees no difference between left and right."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressors.bundles.contents import Contents, read_contents
from compressors.graphs.mirrored import Mirrored
from datagen.errors import InputError

SYMMETRIC, LOPSIDED = ((0.5, 0.5), (-2.0, -2.0)), ((1.0, 0.25), (0.0, 3.0))


class Sums:
    """Stands for an imager: each channel is a weighted sum of the shots."""

    def __init__(self, contents: Contents, weights_CS: Any) -> None:
        self.contents, self.weights_CS = contents, np.array(weights_CS, np.float32)

    def __call__(self, shots_BSTR: Any) -> Any:
        return np.einsum("bszx,cs->bczx", shots_BSTR, self.weights_CS)

    def at_once(self, most: int) -> int:
        return most - 1


@pytest.fixture
def contents(written: Path) -> Contents:
    return read_contents(written)


@pytest.fixture
def shots_BSTR() -> Any:
    return np.random.default_rng(0).standard_normal((3, 2, 40, 12)).astype(np.float32)


def test_it_is_the_mean_of_both_images_in_all_channels(contents: Contents, shots_BSTR: Any) -> None:
    imager = Sums(contents, LOPSIDED)
    expected_BCZX = (imager(shots_BSTR) + imager(shots_BSTR[:, ::-1, :, ::-1])[..., ::-1]) / 2
    found_BCZX = Mirrored(imager)(shots_BSTR)
    assert found_BCZX.dtype == np.float32
    np.testing.assert_allclose(found_BCZX, expected_BCZX, atol=1e-6)
    assert (np.abs(found_BCZX - imager(shots_BSTR)).max(axis=(0, 2, 3)) > 0.1).all()


def test_mirrored_shots_give_the_mirrored_image(contents: Contents, shots_BSTR: Any) -> None:
    image_shots = Mirrored(Sums(contents, LOPSIDED))
    image_BCZX, turned_BCZX = image_shots(shots_BSTR), image_shots(np.flip(shots_BSTR, (1, 3)))
    np.testing.assert_allclose(np.flip(turned_BCZX, 3), image_BCZX, atol=1e-6)


def test_a_symmetric_network_is_left_as_it_is(contents: Contents, shots_BSTR: Any) -> None:
    imager = Sums(contents, SYMMETRIC)
    np.testing.assert_allclose(Mirrored(imager)(shots_BSTR), imager(shots_BSTR), atol=1e-6)


def test_it_says_what_its_imager_says(contents: Contents) -> None:
    mirrored = Mirrored(Sums(contents, LOPSIDED))
    assert mirrored.contents is contents
    assert mirrored.at_once(8) == 7


@pytest.mark.parametrize(("last", "cells"), [(170.0, None), (160.0, None), (150.0, "2.0")])  # of 18 cells of 10 m
def test_a_survey_more_than_a_cell_off_its_own_mirror_image_is_refused(
    contents: Contents, last: float, cells: str | None
) -> None:
    survey = dataclasses.replace(contents.data.survey, source_positions=(0.0, last))
    imager = Sums(dataclasses.replace(contents, data=dataclasses.replace(contents.data, survey=survey)), LOPSIDED)
    if cells is None:
        assert Mirrored(imager).contents.data.survey == survey
    else:
        with pytest.raises(InputError, match=rf"--mirrored: .* of tiny would lie {cells} cells off; allowed: up to 1"):
            Mirrored(imager)
