"""How GPUs are shared out among trials, with inventories made up: no GPU was there to try it."""

from pathlib import Path
from typing import Any

import pynvml
import pytest
import yaml
from nni.experiment.config import ExperimentConfig

from datagen.errors import InputError
from trials.experiment.machines.gpus import Gpu, fitted, inventory

ROOT = Path(__file__).parents[4]


def gpus(count: int) -> list[Gpu]:
    return [Gpu(index, "Made up", 8 * 2**30) for index in range(count)]


@pytest.fixture(autouse=True)
def _all_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def plan(folder: Path, service: dict[str, Any] | None = None, **top: Any) -> Path:
    tree = yaml.safe_load((ROOT / "nni_config.yml").read_text()) | top
    tree["trainingService"] |= service or {}
    tree["searchSpaceFile"] = "suite.yml"
    (folder / "suite.yml").write_text((ROOT / "search_spaces" / "suite.yml").read_text())
    file = folder / "nni_config.yml"
    file.write_text(yaml.safe_dump(tree))
    return file


def shared(file: Path, count: int) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(fitted(file, file.parent, gpus(count)).read_text())
    return tree


def test_without_a_gpu_the_file_is_used_as_it_is(tmp_path: Path) -> None:
    file = plan(tmp_path, trialConcurrency=2)
    assert fitted(file, tmp_path, []) == file


def test_of_an_only_gpu_nni_is_told_nothing(tmp_path: Path) -> None:
    tree = shared(plan(tmp_path, trialConcurrency=4), 1)
    assert "trialGpuNumber" not in tree
    assert tree["trialConcurrency"] == 1


def test_each_trial_gets_one_of_several_gpus(tmp_path: Path) -> None:
    tree = shared(plan(tmp_path), 4)
    assert (tree["trialGpuNumber"], tree["trialConcurrency"]) == (1, 4)
    assert tree["trainingService"] == {"platform": "local", "useActiveGpu": True, "gpuIndices": [0, 1, 2, 3]}


@pytest.mark.parametrize(("count", "concurrency"), [(1, 3), (2, 6)])
def test_several_trials_share_a_gpu(tmp_path: Path, count: int, concurrency: int) -> None:
    assert shared(plan(tmp_path, {"maxTrialNumberPerGpu": 3}), count)["trialConcurrency"] == concurrency


@pytest.mark.parametrize(("wanted", "number", "concurrency"), [(2, 2, 2), (3, 3, 1), (4, None, 1)])
def test_a_trial_gets_as_many_gpus_as_the_file_says(
    tmp_path: Path, wanted: int, number: int | None, concurrency: int
) -> None:
    tree = shared(plan(tmp_path, trialGpuNumber=wanted), 4)
    assert (tree.get("trialGpuNumber"), tree["trialConcurrency"]) == (number, concurrency)


def test_only_gpus_that_are_named_and_visible_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = shared(plan(tmp_path, {"gpuIndices": [1, 3]}), 4)
    assert (tree["trialConcurrency"], tree["trainingService"]["gpuIndices"]) == (2, [1, 3])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    tree = shared(plan(tmp_path), 4)
    assert (tree["trialConcurrency"], tree["trainingService"]["gpuIndices"]) == (1, [2])
    with pytest.raises(InputError, match=r"gpuIndices: got \[1, 3\]; 1 GPU is usable here: \[2\]"):
        shared(plan(tmp_path, {"gpuIndices": [1, 3]}), 4)


def test_gpus_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trialGpuNumber: got 1; no GPU is usable here"):
        shared(plan(tmp_path, trialGpuNumber=1), 0)
    with pytest.raises(InputError, match="trialGpuNumber: got 3; 2 GPUs are usable here"):
        shared(plan(tmp_path, trialGpuNumber=3), 2)


def test_trials_can_be_kept_from_the_gpus(tmp_path: Path) -> None:
    file = plan(tmp_path, trialGpuNumber=0)
    assert fitted(file, tmp_path, gpus(2)) == file


def test_hosts_have_gpus_of_their_own(tmp_path: Path) -> None:
    file = plan(tmp_path, {"platform": "remote"})
    assert fitted(file, tmp_path, gpus(2)) == file


def test_nni_takes_the_copy_and_finds_the_same_files(tmp_path: Path) -> None:
    file, elsewhere = plan(tmp_path), tmp_path / "experiments"
    elsewhere.mkdir()
    mine, theirs = (ExperimentConfig.load(one).canonical_copy() for one in (file, fitted(file, elsewhere, gpus(2))))
    assert theirs.trial_gpu_number == 1
    assert (theirs.trial_code_directory, theirs.search_space) == (mine.trial_code_directory, mine.search_space)
    assert theirs.experiment_working_directory == mine.experiment_working_directory
    assert theirs.tuner.code_directory == mine.tuner.code_directory


def test_a_machine_without_a_driver_has_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr("trials.experiment.machines.gpus.pynvml.nvmlInit", fail)
    assert inventory() == []
