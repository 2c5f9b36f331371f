"""A bundle runs where nothing but NumPy and ONNX Runtime is installed."""

import importlib.util
import os
import re
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from compressors.graphs.runner import Imager

ROOT = Path(__file__).parents[2]
BARE = ("numpy", "onnxruntime")


def environment(folder: Path, packages: Sequence[str]) -> Path:
    """Python of a fresh virtual environment that sees `packages` of this one and nothing else."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in packages:
        spec = importlib.util.find_spec(name)
        assert spec is not None, name
        assert spec.origin is not None, name
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (site / origin.name).symlink_to(origin)
        libraries = origin.with_name(f"{name}.libs")  # shared libraries of a wheel
        if libraries.exists():
            (site / libraries.name).symlink_to(libraries)
    return folder / "bin" / "python"


def run(python: Path, code: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([python, "-c", code], cwd=cwd, env={**clean, **variables}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.platform == "win32":
        pytest.skip("packages are shared by links")
    python = environment(tmp_path_factory.mktemp("bare") / "venv", BARE)
    done = run(python, "import numpy, onnxruntime", Path.cwd())
    if done.returncode:
        pytest.skip(f"this onnxruntime needs more than NumPy to be imported: {done.stderr.splitlines()[-1]}")
    return python


def test_the_environment_is_clean(bare, tmp_path):
    for name in ("torch", "nni", "devito", "pydantic", "datagen"):
        assert "ModuleNotFoundError" in run(bare, f"import {name}", tmp_path).stderr


def test_the_lines_of_the_model_card_image_shots_without_torch(bare, written, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (written / "README.md").read_text(), re.DOTALL)
    shots = 0.1 * np.random.default_rng(1).standard_normal((3, 2, 40, 12)).astype(np.float32)
    np.save(tmp_path / "shots.npy", shots)
    (tmp_path / "model.onnx").write_bytes((written / "model.onnx").read_bytes())
    done = run(bare, f"{code}\nnumpy.save('image.npy', image)", tmp_path)
    assert done.returncode == 0, done.stderr
    assert np.allclose(np.load(tmp_path / "image.npy"), Imager(written)(shots), atol=1e-5)
