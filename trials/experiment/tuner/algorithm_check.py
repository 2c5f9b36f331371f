"""Checks the tuner and the assessor of an NNI configuration before NNI starts."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from nni import NoMoreTrialError

from datagen.errors import InputError
from trials.experiment.nni.manager import Manager
from trials.experiment.tuner.algorithms import BROKEN, WORKING, make_tuner
from trials.experiment.tuner.median_stop import StageMedianStop
from trials.experiment.tuner.suite_tuner import SuiteTuner

OURS = "className: trials.experiment.tuner.suite_tuner.SuiteTuner"
MOVED = {  # className of experiments before 0.2 → the present one
    "trials.experiment.suite_tuner.SuiteTuner": "trials.experiment.tuner.suite_tuner.SuiteTuner",
    "trials.experiment.median_stop.StageMedianStop": "trials.experiment.tuner.median_stop.StageMedianStop",
}
NOBODY = Manager("")  # nothing is asked of it here


def check_algorithms(config: Any) -> dict[str, int]:
    """Stage → trials, in the order in which they run, of an NNI ExperimentConfig.

    Raises InputError when NNI's dispatcher could not create the tuner or the assessor, or they are unsuitable.
    """
    tuner = config.tuner
    if tuner.name:
        why = f" (NNI's {tuner.name} does not work here: {BROKEN[tuner.name]})" if tuner.name in BROKEN else ""
        raise InputError(
            f"tuner.name: got {tuner.name}{why}; the stages need {OURS}, which takes classArgs.algorithms: "
            f"{{stage: one of {', '.join(WORKING)}}}"
        )
    _require_class(tuner, "tuner")
    arguments = tuner.class_args or {}
    if "budgets" not in arguments:
        raise InputError("tuner.classArgs.budgets: missing; for example {search: 3, tune: 4, compress: 4}")
    suite = SuiteTuner(**arguments, manager=NOBODY)
    branches = _branches(config.search_space)
    suite.update_search_space(config.search_space)
    budgets = {stage: arguments["budgets"][stage] for stage in branches}
    for stage, budget in budgets.items():
        _require_combinations(stage, branches[stage], budget)
    if config.assessor is not None:
        _check_assessor(config.assessor)
    return budgets


def _check_assessor(assessor: Any) -> None:
    if assessor.name:
        raise InputError(
            f"assessor.name: got {assessor.name}, which mixes the trials of all stages; "
            "use className: trials.experiment.tuner.median_stop.StageMedianStop, codeDirectory: ., or leave it out"
        )
    _require_class(assessor, "assessor")
    if assessor.class_name.endswith(".StageMedianStop"):
        StageMedianStop(**(assessor.class_args or {}), manager=NOBODY)


def _require_class(algorithm: Any, field: str) -> None:
    """Raises InputError unless the dispatcher will find the module of its className."""
    if algorithm.class_name in MOVED:
        raise InputError(f"{field}.className: {algorithm.class_name} is now {MOVED[algorithm.class_name]}; write that")
    module, _, name = str(algorithm.class_name).rpartition(".")
    where = Path(algorithm.code_directory or ".")
    path = [str(where), *sys.path]
    for part in module.split("."):
        spec = PathFinder.find_spec(part, path)
        if spec is None:
            raise InputError(f"{field}.className: got {algorithm.class_name}; no module {module or name} in {where}")
        path = list(spec.submodule_search_locations or [])


def _branches(space: Any) -> dict[str, dict[str, Any]]:
    """Stage → its flat search space."""
    try:
        branches = {branch["_name"]: branch for branch in space["stage"]["_value"]}
    except (KeyError, TypeError):
        raise InputError(
            "search space: it must have a choice `stage` whose branches are named search, tune, compress, "
            "as in search_spaces/suite.yml"
        ) from None
    return {
        stage: {path: span for path, span in branch.items() if path != "_name"} for stage, branch in branches.items()
    }


def _require_combinations(stage: str, space: dict[str, Any], budget: int) -> None:
    """A space of choices only has a limited number of combinations."""
    grid = make_tuner("GridSearch", space, budget)
    for number in range(budget):
        try:
            grid.generate_parameters(number)
        except NoMoreTrialError:
            raise InputError(
                f"tuner.classArgs.budgets.{stage}: got {budget}; the search space has only {number} combinations"
            ) from None
