"""One NNI experiment as files: what is asked for, how far it came, what its trials left.

    nni_config.yml                              the plan
    nni-experiments/quickstart.json             id, finished or not, digest of the plan it was started with
    nni-experiments/ID/environments/*/trials/   one run folder a trial; outlives NNI's manager and data base

Nothing here needs the manager to run.
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
from trials.experiment.record import ExperimentRecord
from trials.experiment.tuner.algorithm_check import check_algorithms

# What NNI raises at a configuration that it does not take.
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
    gpus: GpuKeys | None = None  # asked for on this machine; none when trials run on others

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
    """A trial that succeeded, from its run folder."""

    id: str
    stage: str
    parameters: dict[str, Any]  # as the tuner handed them out: `stage`, `winner`
    metrics: dict[str, Any]
    run: Path


def load_plan(path: Path) -> Plan:
    """Reads and checks `path`.  Raises InputError with NNI's or the tuner's own complaint."""
    silence_stdout()  # NNI talks to the terminal from the moment it is imported
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


def plan_of(record: ExperimentRecord) -> Plan:
    """The plan of an experiment that was started before, from what NNI has kept of it.

    Raises InputError when this version of SeisNAS cannot go on with it.
    """
    silence_stdout()
    try:
        config = ExperimentConfig(**record.config).canonical_copy()
        budgets = check_algorithms(config)
    except _REFUSALS as error:
        raise InputError(f"experiment {record.id}: cannot go on: {_said(error)}") from None
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
    """Its message; many of NNI's checks have none, so then the line that failed."""
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
        part.write_text(json.dumps(asdict(state), indent=2))


def trials_of(experiment: Path) -> list[FinishedTrial]:
    """The finished trials in the folder of an experiment, in the order in which they ended."""
    results = sorted(experiment.glob("environments/*/trials/*/result.json"), key=lambda file: file.stat().st_mtime_ns)
    return [_finished(file.parent) for file in results]


def _finished(run: Path) -> FinishedTrial:
    parameters = read_json(run / "provenance.json", nan=True)["parameters"]
    metrics = read_json(run / "result.json", nan=True)
    return FinishedTrial(run.name, parameters["stage"]["_name"], parameters, metrics, run)


def _digest(path: Path, config: ExperimentConfig) -> str:
    """Of the configuration, its search space and the presets that its trial command names."""
    presets = [Path(config.trial_code_directory, word) for word in config.trial_command.split() if ".yml" in word]
    settings = [read_yaml(file) for file in (path, *presets) if file.is_file()]
    text = json.dumps([config.search_space, *settings], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
