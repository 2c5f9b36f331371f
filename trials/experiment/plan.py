"""One NNI experiment as files: its plan, its progress, its trials' results.

    nni_config.yml                              the plan
    nni-experiments/quickstart.json             id, finished or not, digest of the plan it was started with
    nni-experiments/ID/environments/*/trials/   one run folder per trial; outlives NNI's manager and database

Nothing here needs a running manager.
"""

import hashlib
import json
import traceback
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nni.experiment.config import ExperimentConfig
from nni.experiment.config.utils import unset_base_path
from nni.runtime.log import silence_stdout

from datagen.errors import InputError
from datagen.files.reading import read_json, read_yaml
from datagen.files.whole_files import whole
from trials.experiment.machines.gpu_keys import GpuKeys
from trials.experiment.nni.nni_config import read_nni_config
from trials.experiment.nni.trial_command import load_trial_config
from trials.experiment.record import ExperimentRecord
from trials.experiment.tuner.algorithm_check import check_algorithms
from trials.settings.config import to_tree

# What NNI raises for an invalid configuration.
_REFUSALS = (AssertionError, AttributeError, KeyError, OSError, TypeError, ValueError)


@dataclass(frozen=True)
class Plan:
    """An nni_config.yml that NNI and SuiteTuner accept."""

    path: Path
    name: str
    folder: Path  # of all experiments
    budgets: dict[str, int]  # stage → trials, in the order in which they run
    digest: str  # of the settings that make up the experiment
    space: Any = None  # NNI's search space
    gpus: GpuKeys | None = None  # requested on this machine; None when trials run on others

    @property
    def state_file(self) -> Path:
        return self.folder / f"{self.name}.json"


@dataclass(frozen=True)
class PlanState:
    """How far the latest experiment of a plan came."""

    experiment: str  # NNI's id
    finished: bool  # every trial of the budget has succeeded
    digest: str


@dataclass(frozen=True)
class FinishedTrial:
    """A successful trial, from its run folder."""

    id: str
    stage: str
    parameters: dict[str, Any]  # as the tuner handed them out: `stage`, `winner`
    metrics: dict[str, Any]
    run: Path


def load_plan(path: Path) -> Plan:
    """Reads and checks `path`.  Raises InputError with NNI's or the tuner's own message."""
    silence_stdout()  # NNI prints to the terminal as soon as it is imported
    try:
        read_nni_config(path)
        config = ExperimentConfig.load(path).canonical_copy()
        budgets = check_algorithms(config)
    except _REFUSALS as error:
        raise InputError(f"{path}: not a usable NNI configuration: {_said(error)}") from None
    finally:
        unset_base_path()  # NNI forgets to when `load` fails
    if config.max_trial_number is not None and config.max_trial_number < sum(budgets.values()):
        raise InputError(f"{path}: maxTrialNumber: got {config.max_trial_number}; the budgets need more: {budgets}")
    return Plan(
        path=path,
        name=config.experiment_name or path.stem,
        folder=Path(config.experiment_working_directory),
        budgets=budgets,
        digest=_digest(path, config),
        space=config.search_space,
        gpus=GpuKeys.of(config),
    )


def restore_plan(record: ExperimentRecord) -> Plan:
    """The plan of an earlier experiment, from NNI's record.

    Raises InputError when this version of SeisNAS cannot continue it.
    """
    silence_stdout()
    try:
        config = ExperimentConfig(**record.config).canonical_copy()
        budgets = check_algorithms(config)
    except _REFUSALS as error:
        raise InputError(f"experiment {record.id}: cannot continue: {_said(error)}") from None
    plan = Plan(
        path=record.folder,
        name=record.name or record.id,
        folder=record.folder.parent,
        budgets=budgets,
        digest="",
        gpus=GpuKeys.of(config),
    )
    state = read_state(plan)
    return replace(plan, digest=state.digest) if state and state.experiment == record.id else plan


def _said(error: Exception) -> str:
    """Its message, or the failed line: many of NNI's checks have no message."""
    return str(error) or str(traceback.extract_tb(error.__traceback__)[-1].line).removeprefix("assert ")


def read_state(plan: Plan) -> PlanState | None:
    """The latest experiment of the plan; None when there is none or its folder was removed."""
    try:
        state = PlanState(**read_json(plan.state_file))
    except (InputError, TypeError):
        return None
    return state if (plan.folder / state.experiment / "db").is_dir() else None


def write_state(plan: Plan, experiment: str, *, finished: bool) -> None:
    state = PlanState(experiment=experiment, finished=finished, digest=plan.digest)
    with whole(plan.state_file) as part:
        part.write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")


def finished_trials(experiment: Path) -> list[FinishedTrial]:
    """The finished trials in the folder of an experiment, in the order they ended."""
    results = sorted(experiment.glob("environments/*/trials/*/result.json"), key=lambda file: file.stat().st_mtime_ns)
    return [_finished(file.parent) for file in results]


def _finished(run: Path) -> FinishedTrial:
    parameters = read_json(run / "provenance.json", nan=True)["parameters"]
    metrics = read_json(run / "result.json", nan=True)
    return FinishedTrial(run.name, parameters["stage"]["_name"], parameters, metrics, run)


def _digest(path: Path, config: ExperimentConfig) -> str:
    """Of NNI's configuration, its search space and the resolved configuration that its trials start from."""
    text = json.dumps([config.search_space, read_yaml(path), _resolved(path)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _resolved(path: Path) -> Any:
    """Every setting of the trials; what is wrong with them instead, which those who start trials report."""
    try:
        tree = to_tree(load_trial_config(path))
    except InputError as error:
        return str(error)
    del tree["baseline"]["epochs"]  # of no trial, and unknown to earlier experiments, which go on
    return tree
