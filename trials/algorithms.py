"""The algorithms that draw the trials of a stage: those of NNI's tuners that work on today's Python and NumPy.

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
    "Hyperband": "it compares a text with a number and fails",
    "BOHB": "it compares a text with a number and fails",
    "Anneal": "it fails after two trials on NumPy 2",
    "GP": "it fails on NumPy 2",
    "Metis": "it fails on Python 3.11",
    "DNGO": "it needs the package pybnn, which does not import",
    "PPOTuner": "it needs tensorflow",
    "SMAC": "its package smac4nni does not build",
    "BatchTuner": "it takes a list of settings instead of a search space",
    "PBTTuner": "its trials hand weights to each other, ours do not",
}


def require_known(algorithm: str, field: str) -> None:
    """Raises InputError for an algorithm that does not exist or does not work."""
    if algorithm in WORKING:
        return
    why = BROKEN.get(algorithm)
    reason = f"NNI has it, but {why}" if why else "unknown"
    raise InputError(f"{field}: got {algorithm!r}: {reason}; usable are {', '.join(WORKING)}")


def tuner_of(algorithm: str, space: dict[str, Any], seed: list[int], budget: int) -> Tuner:
    """An NNI tuner over the flat `space` that maximises and always draws alike from the same `seed`.

    It models what came out from about a third of the `budget` of trials on, not before.
    """
    startup = min(20, max(4, budget // 3))  # NNI's own 20 would be all of a small budget
    tuner: Tuner
    if algorithm == "TPE":
        tuner = TpeTuner("maximize", seed=seed, tpe_args={"n_startup_jobs": startup})
    elif algorithm == "Random":
        tuner = RandomTuner(seed)
    elif algorithm == "GridSearch":
        tuner = GridSearchTuner()
    else:
        assert algorithm == "Evolution"
        tuner = Evolution(seed, startup)
    tuner.update_search_space(space)
    return tuner


class Evolution(EvolutionTuner):  # type: ignore[misc]  # nni has no types
    """NNI's evolution, seeded, and told of earlier trials; NNI's own is neither."""

    def __init__(self, seed: list[int], population: int) -> None:
        super().__init__("maximize", population)
        self._seed = np.random.SeedSequence(seed)

    def update_search_space(self, search_space: dict[str, Any]) -> None:
        super().update_search_space(search_space)
        self.random_state = np.random.RandomState(self._seed.generate_state(8))
        self.population = []
        for _ in range(self.population_size):
            self._random_generate_individual()

    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> Any:
        if not self.population:  # all of them are being tried
            self._random_generate_individual()
        random.seed(int(self.random_state.randint(2**31)))  # NNI mutates with Python's global generator
        return super().generate_parameters(parameter_id, **kwargs)

    def import_data(self, data: list[dict[str, Any]]) -> None:
        """Each earlier trial takes the place of an individual that was not tried yet."""
        for entry in data:
            settings = entry["parameter"]
            config = {path: self._indexed(path, settings[path]) for path in self.searchspace_json}
            untried = next((one for one in self.population if one.result is None), None)
            if untried is not None:
                self.population.remove(untried)
            self.population.append(Individual(config=config, result=entry["value"]))

    def _indexed(self, path: str, value: Any) -> Any:
        """NNI notes of a choice which one it was."""
        span = self.searchspace_json[path]
        return {"_index": span["_value"].index(value), "_value": value} if span["_type"] == "choice" else value
