"""`seisnas run` for real, on a tiny preset: data, NNI's trials, UNet, bundle and report."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compressors.bundles.bundle import load_bundle
from compressors.verify import compare_onnx
from search_spaces.genotype import Genotype
from tests.ports import free_port
from trials.experiment.nni import processes
from trials.experiment.plan import finished_trials, load_plan, read_state
from trials.results.summary import epochs_of
from trials.running.run_folder import RunFolder

ROOT = Path(__file__).parents[1]

PRESET = """
name: tiny
target: both
data:
  folder: {folder}/data
  seed: 5
  grid: {{nz: 24, nx: 24, spacing: 10.0}}
  survey: {{shots: 2, receivers: 24, frequency: 15.0, interval: 0.001, samples: 240}}
  split: {{train: 16, validation: 8, test: 8}}
  shard_size: 8
network: {{operations: small, max_parameters: 300000, front: {{kind: migrate}}}}
search: {{samples: 16, epochs: 1, warmup_epochs: 0, retrain_epochs: 1}}
tune: {{epochs: 1}}
compress: {{epochs: 1}}
baseline: {{width: 4, depth: 2}}
"""

NNI = """
experimentName: tiny
searchSpaceFile: {root}/search_spaces/suite.yml
trialCommand: python -m trials --preset {folder}/tiny.yml
trialCodeDirectory: {root}
trialConcurrency: 1
maxTrialNumber: 1000
tuner:
  className: trials.experiment.tuner.suite_tuner.SuiteTuner
  codeDirectory: {root}
  classArgs: {{budgets: {{search: 1, tune: 1, compress: 1}}, seed: 1}}
trainingService: {{platform: local}}
experimentWorkingDirectory: {folder}/nni-experiments
"""


def seisnas(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder / "home"), "COLUMNS": "100"}
    environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    command = [sys.executable, "-m", "trials.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=500)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder in which the chain ran, and what it printed."""
    folder = tmp_path_factory.mktemp("chain")
    (folder / "home").mkdir()
    (folder / "tiny.yml").write_text(PRESET.format(folder=folder))
    (folder / "nni.yml").write_text(NNI.format(folder=folder, root=ROOT))
    done = seisnas(folder, "run", "--config", "nni.yml", "--port", free_port())
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def experiment(finished):
    plan = load_plan(finished[0] / "nni.yml")
    return plan.folder / read_state(plan).experiment


def test_the_run_tells_where_to_watch_and_what_came_out(finished):
    _, output = finished
    assert re.search(r"watch it at http://127\.0\.0\.1:\d+", output)
    for name in ("UNet", "NasUnet, pruned", "report.html", "exports/tiny"):
        assert name in output


def test_every_stage_was_a_trial_of_nni_and_winners_went_forward(experiment):
    trials = finished_trials(experiment)
    assert [trial.stage for trial in trials] == ["search", "tune", "compress"]
    search, tune, compress = trials
    assert tune.parameters["winner"]["genotype"] == search.metrics["genotype"]
    assert compress.parameters["winner"]["run"] == str(tune.run)


def test_the_unet_beside_it_has_the_epochs_of_the_pruned_network(finished, experiment):
    _, tune, compress = finished_trials(experiment)
    unet = RunFolder(finished[0] / "runs" / "tiny" / "unet")
    assert epochs_of(unet) == epochs_of(RunFolder(tune.run)) + epochs_of(RunFolder(compress.run)) == 2


def test_no_process_is_left(experiment):
    assert processes.of_experiment(experiment.name) == []


def test_the_bundle_is_the_network_of_the_compress_trial(finished, experiment):
    bundle = load_bundle(finished[0] / "exports" / "tiny")
    compress = finished_trials(experiment)[-1]
    assert bundle.contents.network.genotype == Genotype.from_json(compress.metrics["genotype"])
    shots = np.random.default_rng(0).standard_normal((2, 2, 240, 24)).astype(np.float32)
    assert compare_onnx(bundle.folder, shots * bundle.contents.statistics.shot_scale) < 1e-4


def test_the_report_asks_nothing_of_the_network(finished):
    page = (finished[0] / "report.html").read_text()
    assert "NasUnet, pruned" in page
    assert not re.search(r"""(src|href)=["']?https?://""", page)


def test_a_finished_run_is_reported_and_not_repeated(finished, experiment):
    folder, _ = finished
    before = [trial.run for trial in finished_trials(experiment)]
    again = seisnas(folder, "run", "--config", "nni.yml", "--port", free_port())
    assert again.returncode == 0, again.stderr
    assert "NasUnet, pruned" in again.stdout
    assert [trial.run for trial in finished_trials(experiment)] == before


def test_predict_images_shots_with_the_bundle(finished):
    folder, _ = finished
    np.save(folder / "shots.npy", np.load(folder / "data" / "data1.npy")[0])
    done = seisnas(folder, "predict", "exports/tiny", "shots.npy", "-o", "image.npy", "-o", "image.png")
    assert done.returncode == 0, done.stderr
    assert np.load(folder / "image.npy").shape == (24, 24)
    assert (folder / "image.png").stat().st_size > 1000
