"""The wheel, with no packages but those that it asks for, images and picks, and says which extra the rest needs."""

import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from compressors.graphs.runner import Imager
from tests.install.bare_environment import ROOT, build, environment, needed, run

HEAVY = ("torch", "devito", "nni", "pytorch_lightning")
SLOW = ("numpy", "scipy", "matplotlib", "onnxruntime")  # help does without


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Folder of `python` and `seisnas` of the light installation."""
    if sys.platform == "win32":
        pytest.skip("packages are shared by links")
    folder = tmp_path_factory.mktemp("light")
    wheel = build(folder)
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        requirements = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist")
    try:
        packages = needed(requirements)
    except PackageNotFoundError as missing:
        pytest.skip(f"{missing} is not installed as a package here, so it cannot be lent to the empty environment")
    bin_ = environment(folder / "venv", packages)
    pip = [sys.executable, "-m", "pip", "--python", bin_ / "python", "--disable-pip-version-check"]
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        pytest.skip("there is no pip here to install the wheel with")
    for words in (["install", "--no-index", "--no-deps", "--no-compile", wheel], ["check"]):
        done = run(*pip, *words, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    return bin_


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder: presets, shots of the survey of the bundle openfwi, a gather."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "presets").symlink_to(ROOT / "presets")
    draw = np.random.default_rng(1)
    np.save(folder / "shots.npy", 0.1 * draw.standard_normal((5, 1000, 70)).astype(np.float32))
    gather_TR = 0.01 * draw.standard_normal((400, 24)).astype(np.float32)
    gather_TR[150:] += draw.standard_normal((250, 24)).astype(np.float32)
    np.savez(folder / "gather.npz", gathers=gather_TR[None], interval=0.0005)
    return folder


def test_nothing_heavy_is_there(programs, folder):
    for name in HEAVY:
        assert "ModuleNotFoundError" in run(programs / "python", "-c", f"import {name}", cwd=folder).stderr


def test_help_is_there_and_imports_nothing_slow(programs, folder):
    assert "Image recorded shots" in run(programs / "seisnas", "predict", "--help", cwd=folder).stdout
    code = "import sys; sys.argv = ['seisnas', 'predict', '--help']\nfrom trials.cli import main\n"
    code += f"try: main()\nfinally: print(sorted({{*{HEAVY + SLOW}}} & set(sys.modules)), file=sys.stderr)"
    for python in (programs / "python", sys.executable):  # here there would be torch to import
        assert subprocess.run([python, "-c", code], cwd=ROOT, capture_output=True, text=True).stderr == "[]\n"


def test_the_bundle_that_comes_with_the_program_images_shots(programs, folder):
    done = run(
        programs / "seisnas", "predict", "openfwi", "shots.npy", "-o", "image.npy", "-o", "image.png", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    both_B2ZX = Imager("openfwi")(np.load(folder / "shots.npy")[None])
    assert np.allclose(np.load(folder / "image_velocity.npy"), both_B2ZX[0, 0], rtol=1e-4)
    assert np.allclose(np.load(folder / "image.npy"), both_B2ZX[0, 1], atol=1e-4 * np.abs(both_B2ZX[0, 1]).max())
    assert (folder / "image.png").stat().st_size > 10_000


def test_the_demonstration_is_shown(programs, folder):
    done = run(programs / "seisnas", "demo", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "demo.png").stat().st_size > 10_000


@pytest.mark.parametrize("picker", ["--classical", "field"])
def test_a_gather_is_picked(programs, folder, picker):
    done = run(programs / "seisnas", "pick", picker, "gather.npz", "--confidence", "0", "-o", "picks.csv", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len((folder / "picks.csv").read_text().splitlines()) == 1 + 24


def test_a_recording_is_inspected(programs, folder):
    done = run(programs / "seisnas", "inspect", "gather.npz", "--bundle", "field", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "field" in done.stdout


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("predict openfwi shots.npy --migrate -o migrated.npy", "train"),
        ("predict openfwi shots.npy --migration-velocity image_velocity.npy -o given.npy", "train"),
        ("model openfwi model.npy", "train"),
        ("generate", "train"),
        ("tune", "train"),
        ("export runs/quickstart/tune", "train"),
        ("doctor", "train"),
        ("run", "nni"),
        ("status", "nni"),
    ],
)
def test_what_an_extra_brings_is_one_message(programs, folder, line, extra):
    done = run(programs / "seisnas", *line.split(), cwd=folder)
    assert done.returncode == 2
    (message,) = done.stderr.splitlines()
    assert f"pip install 'seisnas[{extra}]'" in message
    assert not list(folder.glob("*igrated*")) + list(folder.glob("given*"))


def test_all_but_search_on_supernets_and_pruning_trains_without_nni():
    code = (
        "import sys; sys.modules['nni'] = None; import trials.stages.execute, trials.pick_train, trials.adapting.adapt"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
