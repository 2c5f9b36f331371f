"""The algorithms that draw the trials of a stage: those of NNI's tuners that work with current Python and NumPy.

TPE         models good and bad trials, draws where their ratio is best (Bergstra et al. 2011)
Random      the control
GridSearch  choices in turn; spans at their middle, then at quarters, eighths, …
Evolution   the better of two trials with one setting changed (Real et al. 2017)
"""

import random
from typing import Any

import numpy as np
from nni.algorithms.hpo.evolution_tuner import EvolutionTuner, Individual
from nni.algorithms.hpo.gridsearch_tuner import GridSearchTuner
from nni.algorithms.hpo.random_tuner import RandomTuner
from nni.algorithms.hpo.tpe_tuner import TpeTuner
from nni.tuner import Tuner

from datagen.errors import InputError

WORKING = ("TPE", "Random", "GridSearch", "Evolution")
BROKEN = {  # NNI's own names, found by trying each
    "Hyperband": "it compares a string with a number and fails",
    "BOHB": "it compares a string with a number and fails",
    "Anneal": "it fails after two trials on NumPy 2",
    "GP": "it fails on NumPy 2",
    "Metis": "it fails on Python 3.11 and later",
    "DNGO": "it needs the package pybnn, which does not import",
    "PPOTuner": "it needs tensorflow",
    "SMAC": "its package smac4nni does not build",
    "BatchTuner": "it takes a list of settings instead of a search space",
    "PBTTuner": "its trials exchange weights, ours do not",
}


def require_known(algorithm: str, field: str) -> None:
    """Raises InputError for an algorithm that does not exist or does not work."""
    if algorithm in WORKING:
        return
    why = BROKEN.get(algorithm)
    reason = f"NNI has it, but {why}" if why else "unknown"
    raise InputError(f"{field}: got {algorithm!r}: {reason}; usable are {', '.join(WORKING)}")


def make_tuner(algorithm: str, space: dict[str, Any], budget: int) -> Tuner:
    """An NNI tuner over the flat `space` that maximises; `reseed` it before every draw.

    It starts to model the results after about a third of the `budget` of trials.
    """
    startup = min(20, max(4, budget // 3))  # NNI's own 20 would be all of a small budget
    tuner: Tuner
    if algorithm == "TPE":
        tuner = TpeTuner("maximize", seed=0, tpe_args={"n_startup_jobs": startup})
    elif algorithm == "Random":
        tuner = RandomTuner(0)
    elif algorithm == "GridSearch":
        tuner = GridSearchTuner()
    else:
        assert algorithm == "Evolution"
        tuner = Evolution(startup)
    tuner.update_search_space(space)
    return tuner


def reseed(tuner: Tuner, seed: list[int]) -> None:
    """The next draw depends on the seed and the earlier results, not on the number of draws."""
    if isinstance(tuner, TpeTuner | RandomTuner):
        tuner.rng = np.random.default_rng(seed)
    elif isinstance(tuner, Evolution):
        tuner.random_state = np.random.RandomState(np.random.SeedSequence(seed).generate_state(8))


class Evolution(EvolutionTuner):  # type: ignore[misc]  # nni has no types
    """NNI's evolution with a seed and with earlier trials, which NNI's own lacks."""

    def __init__(self, population: int) -> None:
        super().__init__("maximize", population)

    def update_search_space(self, search_space: dict[str, Any]) -> None:
        super().update_search_space(search_space)
        reseed(self, [0])
        self.population = [Individual() for _ in range(self.population_size)]  # made when they are drawn

    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> Any:
        untried = self._untried()
        if untried is not None:
            self.population.remove(untried)
        if untried is not None or not self.population:  # empty while all of them are being tried
            self._random_generate_individual()
            self.population.insert(0, self.population.pop())  # NNI takes the first one without a result
        random.seed(int(self.random_state.randint(2**31)))  # NNI mutates with Python's global generator
        return super().generate_parameters(parameter_id, **kwargs)

    def _untried(self) -> Any:
        return next((one for one in self.population if one.result is None), None)

    def import_data(self, data: list[dict[str, Any]]) -> None:
        """Each earlier trial replaces an untried individual."""
        for entry in data:
            settings = entry["parameter"]
            config = {path: self._indexed(path, settings[path]) for path in self.searchspace_json}
            if (untried := self._untried()) is not None:
                self.population.remove(untried)
            self.population.append(Individual(config=config, result=entry["value"]))

    def _indexed(self, path: str, value: Any) -> Any:
        """NNI records the index of a choice."""
        span = self.searchspace_json[path]
        return {"_index": span["_value"].index(value), "_value": value} if span["_type"] == "choice" else value
