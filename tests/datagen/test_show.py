from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from datagen.config import Data
from datagen.errors import InputError
from datagen.generate import generate
from datagen.show import contact_sheet, own_sheet

MakeData = Callable[..., Data]


def test_a_contact_sheet_has_a_row_a_model_and_no_more_than_there_are(
    make_data: MakeData, echo_engine: Any, tmp_path: Path
) -> None:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    for count, rows in ((2, 2), (50, 5)):
        contact_sheet(data, "test", count, tmp_path / "sheets" / "sheet.png")
        picture = imread(tmp_path / "sheets" / "sheet.png")
        assert picture.shape[0] == 300 * rows + 100
        assert np.ptp(picture) > 0.9


def test_first_breaks_are_a_red_line_where_there_are_any(make_data: MakeData, echo_engine: Any, tmp_path: Path) -> None:
    red = {}
    for first_breaks in (False, True):
        data = make_data(f"set{first_breaks}", first_breaks=first_breaks)
        data = replace(data, survey=replace(data.survey, samples=200))
        generate(data, workers=1, engine=echo_engine)
        contact_sheet(data, "test", 1, tmp_path / "sheet.png")
        picture = imread(tmp_path / "sheet.png")
        red[first_breaks] = ((picture[..., 0] > 0.9) & (picture[..., 1:3] < 0.2).all(axis=-1)).sum()
    assert red[False] == 0
    assert red[True] > 100


def test_a_data_set_of_other_settings_is_not_drawn(make_data: MakeData, echo_engine: Any, tmp_path: Path) -> None:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    with pytest.raises(InputError, match=r"data\.seed"):
        contact_sheet(replace(data, seed=8), "train", 2, tmp_path / "sheet.png")


def test_a_data_set_has_a_sheet_of_its_own_which_is_drawn_again_for_new_models_only(
    make_data: MakeData, echo_engine: Any
) -> None:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    sheet = own_sheet(data, new=True)
    assert sheet.parent == Path(data.folder)
    sheet.write_bytes(b"drawn before")
    assert own_sheet(data, new=False).read_bytes() == b"drawn before"
    assert np.ptp(imread(own_sheet(data, new=True))) > 0.9
