import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from compressors.bundles.bundle import load_bundle
from datagen.errors import InputError
from trials.prediction.predict import predict


def shots(*count: int) -> np.ndarray:
    return 0.06 * np.random.default_rng(2).standard_normal((*count, 2, 60, 20)).astype(np.float32)


@pytest.fixture
def save(tmp_path: Path):
    def save_array(array: np.ndarray) -> Path:
        np.save(tmp_path / "shots.npy", array)
        return tmp_path / "shots.npy"

    return save_array


def by_torch(bundle: Path, shots_BSTR: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return load_bundle(bundle).deployed(torch.from_numpy(shots_BSTR)).numpy()


def test_several_batches_give_what_torch_gives(tiny_bundle, save, tmp_path):
    many = shots(19)
    assert predict(tiny_bundle, save(many), [tmp_path / "image.npy"]) == [tmp_path / "image.npy"]
    images = np.load(tmp_path / "image.npy")
    assert images.shape == (19, 1, 16, 20)
    expected = by_torch(tiny_bundle, many)
    assert np.abs(images - expected).max() < 1e-4 * np.abs(expected).max()


def test_one_model_gives_one_section(tiny_bundle, save, tmp_path):
    one = shots()
    predict(tiny_bundle, save(one), [tmp_path / "image.npy"])
    image = np.load(tmp_path / "image.npy")
    assert image.shape == (16, 20)
    assert np.allclose(image, by_torch(tiny_bundle, one[None])[0, 0], atol=1e-4)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int16])
def test_shots_of_any_number_type_are_taken(tiny_bundle, save, tmp_path, kind):
    given = (100 * shots(1)).astype(kind)
    predict(tiny_bundle, save(given), [tmp_path / "image.npy"])
    assert np.allclose(np.load(tmp_path / "image.npy"), by_torch(tiny_bundle, given.astype(np.float32)), atol=1e-3)


def test_a_picture_is_written_and_nothing_else_is_left(tiny_bundle, save, tmp_path):
    predict(tiny_bundle, save(shots(14)), [tmp_path / "a.png", tmp_path / "b.npy"])
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "b.npy", "shots.npy"]


def test_another_survey_is_refused_with_every_difference(tiny_bundle, save, tmp_path):
    file = save(np.zeros((4, 3, 60, 21), np.float32))
    with pytest.raises(InputError) as error:
        predict(tiny_bundle, file, [tmp_path / "image.npy"])
    assert "shots: 3 in the file, 2 in the bundle's survey" in str(error.value)
    assert "receivers: 21 in the file, 20 in" in str(error.value)
    assert "time samples" not in str(error.value)


def test_exchanged_axes_are_recognised(tiny_bundle, save, tmp_path):
    with pytest.raises(InputError, match=r"transpose to \(shot, time, receiver\)"):
        predict(tiny_bundle, save(shots(3).swapaxes(2, 3)), [tmp_path / "image.npy"])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((60, 20)),
        np.zeros((0, 2, 60, 20)),
        np.zeros((1, 1, 2, 60, 20)),
        np.zeros((2, 60, 20), complex),
    ],
)
def test_what_is_no_array_of_shots_is_refused(tiny_bundle, save, tmp_path, array):
    with pytest.raises(InputError, match=r"allowed"):
        predict(tiny_bundle, save(array), [tmp_path / "image.npy"])


def test_a_pickled_array_is_not_opened(tiny_bundle, tmp_path):
    np.save(tmp_path / "shots.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"not a \.npy array of numbers"):
        predict(tiny_bundle, tmp_path / "shots.npy", [tmp_path / "image.npy"])


def test_missing_and_truncated_files_are_refused(tiny_bundle, save, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        predict(tiny_bundle, tmp_path / "nowhere.npy", [tmp_path / "image.npy"])
    file = save(shots(3))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"not a \.npy"):
        predict(tiny_bundle, file, [tmp_path / "image.npy"])


def test_a_sample_that_is_not_a_number_names_its_model_and_leaves_the_old_result(tiny_bundle, save, tmp_path):
    (tmp_path / "image.npy").write_bytes(b"old")
    broken = shots(12)
    broken[10, 1, 5, 5] = np.nan
    with pytest.raises(InputError, match="model 10 holds samples that are not finite"):
        predict(tiny_bundle, save(broken), [tmp_path / "image.npy"])
    assert (tmp_path / "image.npy").read_bytes() == b"old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["image.npy", "shots.npy"]


def test_unknown_endings_and_folders_are_refused_before_any_work(tiny_bundle, tmp_path):
    with pytest.raises(InputError, match=r"unknown ending '\.jpg'"):
        predict(tiny_bundle, tmp_path / "nowhere.npy", [tmp_path / "image.jpg"])
    with pytest.raises(InputError, match="there is no folder"):
        predict(tiny_bundle, tmp_path / "nowhere.npy", [tmp_path / "sub" / "image.png"])


def test_strange_amplitudes_are_mentioned(tiny_bundle, save, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        predict(tiny_bundle, save(shots(2)), [tmp_path / "image.npy"])
        assert "amplitudes are" not in caplog.text
        predict(tiny_bundle, save(1e4 * shots(2)), [tmp_path / "image.npy"])
    assert "times those of the training data" in caplog.text


def test_predicting_needs_neither_nni_nor_devito_nor_torch(tiny_bundle, save, tmp_path):
    code = (
        "import sys; from trials.prediction.predict import predict; "
        "predict(sys.argv[1], sys.argv[2], [sys.argv[3]], mirrored=True);"
        "wrong = {'nni', 'devito', 'torch'} & set(sys.modules); assert not wrong, wrong"
    )
    arguments = [str(tiny_bundle), str(save(shots(2))), str(tmp_path / "image.png")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
