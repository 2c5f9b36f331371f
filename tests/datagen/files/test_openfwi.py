from pathlib import Path

import numpy as np
import pytest

from datagen.errors import InputError
from datagen.files.openfwi import find_pairs, find_split

LANL = "/projects/piml_inversion/FWIOpenData"


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, np.zeros((2, 2), np.float32))
    return folder


def names(pairs, folder):
    return [tuple(str(path.relative_to(folder)) for path in pair) for pair in pairs]


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("FlatVel_A", [(f"data/data{n}.npy", f"model/model{n}.npy") for n in (1, 2, 10)]),  # as on the web
        ("CurveVel_B", [(f"data{n}.npy", f"model{n}.npy") for n in (1, 2, 10)]),
        ("FlatFault_A", [(f"seis{n}_1_{m}.npy", f"vel{n}_1_{m}.npy") for n in (2, 3) for m in (0, 2, 10)]),
        ("CurveFault_B", [(f"seis_{n}_1_0.npy", f"vel_{n}_1_0.npy") for n in (6, 7, 8)]),
        ("Style_A", [(f"data/data{n}.npy", f"model/model{n}.npy") for n in (9, 121)]),
        ("tutorial", [(f"fva_data{n}.npy", f"fva_model{n}.npy") for n in (1, 2, 3)]),
    ],
)
def test_the_files_of_all_families_are_paired_in_the_order_of_their_numbers(tmp_path, family, expected):
    folder = touch(tmp_path / family, *(name for pair in reversed(expected) for name in pair))
    assert names(find_pairs(folder), folder) == expected


def test_several_families_are_taken_together(tmp_path):
    touch(
        tmp_path, *(f"{family}/{kind}/{kind}1.npy" for family in ("FlatVel_A", "Style_B") for kind in ("data", "model"))
    )
    assert len(find_pairs(tmp_path)) == 2


@pytest.mark.parametrize(("there", "missing"), [("data", "model"), ("model", "data")])
def test_a_missing_partner_is_named(tmp_path, there, missing):
    touch(tmp_path, "data/data1.npy", "model/model1.npy", f"{there}/{there}2.npy")
    with pytest.raises(InputError, match=rf"{missing}/{missing}2\.npy: missing, it belongs to .*{there}2\.npy"):
        find_pairs(tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="no OpenFWI files in it"):
        find_pairs(touch(tmp_path, "velocity.npy"))


def split_file(path: Path, *pairs: tuple[str, str]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{shots}\t{models}\n" for shots, models in pairs))


def lanl(family: str, number: int) -> tuple[str, str]:
    return f"{LANL}/{family}/data/data{number}.npy", f"{LANL}/{family}/model/model{number}.npy"


@pytest.mark.parametrize("layout", ["data/data{}.npy model/model{}.npy", "data{}.npy model{}.npy"])
@pytest.mark.parametrize("called", ["FlatVel_A", "flatvel-a"])
def test_openfwis_split_files_are_followed_with_paths_of_another_machine(tmp_path, layout, called):
    folder = touch(tmp_path / called, *(name for n in range(1, 6) for name in layout.format(n, n).split()))
    lists = tmp_path / "split_files"
    split_file(lists / "flatvel_a_train.txt", *(lanl("FlatVel_A", n) for n in (1, 2, 3)))
    split_file(lists / "flatvel_a_val.txt", *(lanl("FlatVel_A", n) for n in (4, 5)))
    split_file(lists / "style_a_train.txt", lanl("Style_A", 1))
    train, test = find_split(folder, lists)
    assert names(train, folder) == [tuple(layout.format(n, n).split()) for n in (1, 2, 3)]
    assert names(test, folder) == [tuple(layout.format(n, n).split()) for n in (4, 5)]


def test_split_files_may_lie_in_the_folder_itself(tmp_path):
    folder = touch(tmp_path, *(f"fva_{kind}{n}.npy" for kind in ("data", "model") for n in (1, 2)))
    split_file(folder / "tutorial_train.txt", ("./fva_data1.npy", "./fva_model1.npy"))
    split_file(folder / "tutorial_val.txt", ("./fva_data2.npy", "./fva_model2.npy"))
    train, test = find_split(folder)
    assert (len(train), len(test)) == (1, 1)


def test_without_split_files_there_is_no_split(tmp_path):
    assert find_split(touch(tmp_path, "data1.npy", "model1.npy")) is None


def test_damaged_split_files_are_named(tmp_path):
    folder = touch(tmp_path, "data1.npy", "model1.npy")
    train, test = folder / "a_train.txt", folder / "a_val.txt"
    split_file(train, ("data1.npy", "model1.npy"))
    with pytest.raises(InputError, match=r"a_val\.txt: cannot be read"):
        find_split(folder)
    split_file(test, ("data9.npy", "model9.npy"))
    with pytest.raises(InputError, match=r"data9\.npy: missing, it is named in .*a_val\.txt, line 1"):
        find_split(folder)
    split_file(test, ("data1.npy", "model1.npy"))
    with pytest.raises(InputError, match=r"data1\.npy: in the split files both"):
        find_split(folder)
    test.write_text("data1.npy\n")
    with pytest.raises(InputError, match=r"a_val\.txt, line 1: got 'data1\.npy'; expected the paths of shots"):
        find_split(folder)
    test.write_text("\n")
    with pytest.raises(InputError, match=r"a_val\.txt: empty"):
        find_split(folder)


def test_split_files_of_other_families_are_refused(tmp_path):
    folder = touch(tmp_path / "CurveVel_A", "data1.npy", "model1.npy")
    split_file(tmp_path / "lists/style_a_train.txt", lanl("Style_A", 1))
    split_file(tmp_path / "lists/style_b_train.txt", lanl("Style_B", 1))
    with pytest.raises(InputError, match=r"no split files for CurveVel_A, as curvevel_a_train\.txt"):
        find_split(folder, tmp_path / "lists")
