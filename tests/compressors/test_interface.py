"""`Imager` is one import, needs ONNX Runtime alone, and names what does not fit."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import compressors
from compressors import Imager
from compressors.graphs import runner
from datagen.errors import InputError


def test_the_documented_example_gives_what_it_shows(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "quickstart").symlink_to(written)
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(runner)
    assert result.attempted == 6
    assert result.failed == 0


def test_the_package_is_imported_without_onnxruntime() -> None:
    code = "import sys, compressors; sys.exit(bool({'onnxruntime', 'torch', 'numpy'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_images_are_made_without_torch_nni_and_devito(written: Path) -> None:
    code = (
        "import sys, numpy; from compressors import Imager; Imager(sys.argv[1])(numpy.zeros((1, 2, 40, 12)));"
        "sys.exit(bool({'torch', 'nni', 'devito', 'pytorch_lightning'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, str(written)], check=True)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_shots_of_another_float_type_give_the_same_image(written: Path, dtype: type) -> None:
    imager = Imager(written)
    shots_BSTR = np.random.default_rng(0).standard_normal((2, 2, 40, 12)).astype(np.float16)
    assert np.array_equal(imager(shots_BSTR.astype(dtype)), imager(shots_BSTR.astype(np.float32)))


@pytest.mark.parametrize("shape", [(2, 40, 12), (1, 3, 40, 12), (1, 2, 12, 40), ()])
def test_shots_of_another_shape_are_an_input_error(written: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"shots: got shape \[.*takes \[batch, 2, 40, 12\]"):
        Imager(written)(np.zeros(shape, np.float32))


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Images"):
        compressors.Images  # noqa: B018
