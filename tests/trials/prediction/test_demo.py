"""`seisnas demo` as a user runs it, and that what it prints is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.image import imread

from compressors.bundles.contents import read_contents
from trials.prediction.demo import BUNDLE, RECORD, ssim
from trials.training import metrics

ROOT = Path(__file__).parents[3]
CODE = (
    "import sys, trials.cli\n"
    "try: trials.cli.main()\n"
    "except SystemExit as end: assert not end.code, end.code\n"
    "print('imported:', {'torch', 'nni', 'devito'} & set(sys.modules))"
)


def run_demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CODE, "demo", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_demo_images_the_record_about_as_well_as_its_bundle_does_the_test_split(tmp_path: Path) -> None:
    (tmp_path / "openfwi").mkdir()  # the user's own folder is another matter
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r"(velocity|RTM image): SSIM ([\d.]+)", done.stdout))
    means = read_contents(BUNDLE).scores
    assert abs(float(found["RTM image"]) - means["ssim"]) < 0.02
    assert abs(float(found["velocity"]) - means["velocity_ssim"]) < 0.01
    assert "a blank image has 0.169" in done.stdout
    assert "next: seisnas predict openfwi" in done.stdout
    assert "imported: set()" in done.stdout
    picture = imread(tmp_path / "demo.png")
    assert picture.shape[1] > picture.shape[0] > 800
    assert np.ptp(picture[..., :3]) > 0.9


def test_a_picture_of_another_kind_is_refused(tmp_path: Path) -> None:
    done = run_demo(tmp_path, "-o", "demo.jpg")
    assert "allowed: .png" in done.stderr
    assert not (tmp_path / "demo.jpg").exists()


def test_its_ssim_is_the_one_of_all_scores() -> None:
    draw = np.random.default_rng(0)
    one_ZX, other_ZX = draw.uniform(-1, 1, (2, 30, 40)).astype(np.float32)
    tensors = [torch.from_numpy(each)[None, None] for each in (one_ZX, other_ZX)]
    assert abs(ssim(one_ZX, other_ZX) - float(metrics.ssim(*tensors))) < 1e-6


def test_the_record_is_small() -> None:
    assert sum(file.stat().st_size for file in RECORD.glob("*.npy")) < 300_000
