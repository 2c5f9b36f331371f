"""A search by Archai: cells evolve by several objectives at once, and their Pareto front is kept.

    objective        better      measured
    SSIM or hits     more        on the validation split, after `search.epochs` of training each
    parameters       fewer
    latency          less        of the deployed graph in ONNX Runtime, one thread [ms]

The whole front is in pareto.json and .png; the search's own result is the model on it of highest quality.  Archai
evaluates anew when a search starts again, and finds what was trained in the run's metrics.
"""

import hashlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archai.discrete_search.algos import (
    EvolutionParetoSearch,
    LocalSearch,
    RandomSearch,
    RegularizedEvolutionSearch,
)
from archai.discrete_search.api.archai_model import ArchaiModel
from archai.discrete_search.api.model_evaluator import ModelEvaluator
from archai.discrete_search.api.search_objectives import SearchObjectives
from overrides import overrides

from compressors.graphs.onnx_graph import export_onnx
from compressors.verify import graph_latency
from search_spaces.archai_space import CellSpace
from search_spaces.build import build, cell_fronts
from search_spaces.genotype import Genotype
from search_spaces.size import nasunet_parameters
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.stages.candidates import Candidate, trained_until
from trials.stages.search_front import write_front
from trials.training.fit import Phase
from trials.training.networks import geometry, with_genotype
from trials.training.tasks import make_task


class Measure(ModelEvaluator):  # type: ignore[misc]  # archai has no types
    """Archai asks for an object; ours are functions of a genotype."""

    def __init__(self, measure: Callable[[Genotype], float]) -> None:
        self.measure = measure

    @overrides
    def evaluate(self, arch: ArchaiModel, budget: float | None = None) -> float:
        return self.measure(Genotype.from_json(arch.archid))


def evolve(config: Config, run: RunFolder) -> Genotype:
    """The cells of highest quality on the front that `search.archai` finds."""
    _quiet()
    fronts = cell_fronts(config.network, *geometry(config))
    objectives = SearchObjectives()
    objectives.add_objective("quality", Measure(lambda cells: _quality(cells, config, run)), higher_is_better=True)
    objectives.add_objective(
        "parameters",
        Measure(lambda cells: nasunet_parameters(cells, fronts)),
        higher_is_better=False,
        compute_intensive=False,
    )
    objectives.add_objective("latency", Measure(lambda cells: onnx_latency_ms(cells, config)), higher_is_better=False)
    space = CellSpace(config.network, fronts, config.seed)
    found = _algorithm(config, space, objectives, run.path / "archai").search().get_pareto_frontier()
    names = {"quality": "quality", "parameters": "parameters", "latency": "latency_ms"}
    scores = found["evaluation_results"]
    front: list[dict[str, Any]] = [
        {"genotype": model.archid, **{name: float(scores[key][place]) for key, name in names.items()}}
        for place, model in enumerate(found["models"])
    ]
    front.sort(key=lambda row: -row["quality"])
    write_front(run.path, front, make_task(config).quality)
    return Genotype.from_json(front[0]["genotype"])


def _quiet() -> None:
    """Archai's loggers would write every step to the terminal, and archai.log into the working folder."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("archai"):
            logging.getLogger(name).handlers.clear()


def _algorithm(config: Config, space: CellSpace, objectives: SearchObjectives, folder: Path) -> Any:
    search = config.search
    common = {
        "search_space": space,
        "search_objectives": objectives,
        "output_dir": str(folder),
        "num_iters": search.generations,
        "save_pareto_model_weights": False,
        "clear_evaluated_models": False,
        "seed": config.seed,
    }
    first = {"init_num_models": search.candidates}
    match search.archai:
        case "evolution_pareto":
            few = max(1, search.candidates // 4)
            return EvolutionParetoSearch(
                **common, **first, num_random_mix=few, num_crossovers=few, max_unseen_population=search.candidates
            )
        case "regularized_evolution":
            return RegularizedEvolutionSearch(**common, **first, pareto_sample_size=search.candidates // 2)
        case "local_search":
            return LocalSearch(**common, **first)
        case "random":
            return RandomSearch(**common, samples_per_iter=search.candidates)


def _quality(cells: Genotype, config: Config, run: RunFolder) -> float:
    epochs = config.search.epochs
    name = f"cells-{hashlib.sha256(cells.to_json().encode()).hexdigest()[:8]}"
    candidate = Candidate(cells, Phase(name=name, epochs=epochs, learning_rate=config.tune.learning_rate))
    score: float = trained_until(epochs, candidate, config, run)[f"val_{make_task(config).quality}"]
    sys.stdout.write(f"archai: width {cells.width}: {score:.4f} after {epochs} epochs\n")
    sys.stdout.flush()
    return score


def onnx_latency_ms(cells: Genotype, config: Config) -> float:
    """Median time of one sample, all of the network, one thread [ms]."""
    own = with_genotype(config, cells)
    shape, scale = geometry(own)
    with TemporaryDirectory() as folder:
        file = Path(folder, "cells.onnx")
        export_onnx(build(own.network, shape, scale), shape, file)
        return graph_latency(file)
