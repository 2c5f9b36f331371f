"""Networks side by side: the same data, loss and recipe for each, several seeds, scored on the test split.

    for the first target   a search, and random genotypes at its cost    ─► two genotypes of NasUnets
                           each model, briefly, with each learning rate  ─► the best on the validation split
    for each target        each seed of each model, in full              ─► scores on the test split ─► the table

Every run has its own folder and lock.  Stopped and started again, the command continues where it stopped; several
processes in parallel each take the next free run.  The table is written after each run.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from datagen.errors import InputError
from datagen.files.reading import read_text
from datagen.targets import TargetName
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from trials.running.channel import Channel
from trials.running.identity import differences
from trials.running.run_folder import RunFolder
from trials.settings.config import ComparedModel, Config
from trials.stages.execute import execute
from trials.training.fit import evaluate
from trials.training.networks import trained
from trials.training.tasks import images_only
from trials.training.transferring.transfer import resolved

SMALL = ("nasunet", "random_search", "unet_small")  # models of the size that the search finds
PATIENCE = 10.0  # [s] between checks of what others are working on


@dataclass(frozen=True, kw_only=True)
class ComparedRun:
    """One run of the comparison.  `Comparison.settings` may read the runs it needs, which have finished by then."""

    name: str  # of its folder
    stage: Literal["search", "tune"]
    target: TargetName
    model: ComparedModel
    seed: int
    needs: tuple[str, ...] = ()
    rate: float | None = None  # of a training that chooses the learning rate; None: the chosen rate

    @property
    def full(self) -> bool:
        """Whether it is one of the trainings in the table."""
        return self.stage == "tune" and self.rate is None


class Comparison:
    """All runs of a comparison and their folders."""

    def __init__(self, config: Config) -> None:
        images_only(config, "compare")
        self.config = config
        budget = f"{config.compare.minutes:g}min" if config.compare.minutes else f"{config.tune.epochs}epochs"
        self.folder = Path("runs") / config.name / "compare" / budget
        self.runs = {one.name: one for one in self._planned()}

    def run(self, name: str) -> RunFolder:
        return RunFolder(self.folder / name)

    def finished(self, name: str) -> bool:
        run = self.run(name)
        return run.finished and (not self.runs[name].full or run.scores("test") is not None)

    def trainings(self, target: TargetName, model: ComparedModel) -> list[RunFolder]:
        """The scored full trainings of a row."""
        names = [_training_name(target, model, seed) for seed in self._seeds(model)]
        return [self.run(name) for name in names if self.finished(name)]

    def learning_rate(self, model: ComparedModel) -> float:
        """The best of the sweep on validation; found with the first target, used for all."""
        rates = self.config.compare.learning_rates
        return max(rates, key=lambda rate: self.run(self._sweep(model, rate)).result["default"])

    def found(self, model: ComparedModel) -> RunFolder:
        """The search run with a model's genotype; for the random search, the best on the validation split."""
        runs = [self.run(name) for name in self._genotype(model)]
        return max(runs, key=lambda run: run.result["default"])

    def _network(self, model: ComparedModel) -> Network:
        """Baselines ignore search settings: changing those keeps the trainings of big networks."""
        given, unet = self.config.network, self.config.baseline
        if model == "nasunet" or model == "random_search":
            genotype = Genotype.from_json(read_text(self.found(model).path / "genotype.json"))
            return replace(given, model="nasunet", genotype=genotype)
        if model == "unet_small":
            size = int(self.found("nasunet").result["parameters"])
            return given.with_model(model, width=unet.width, depth=given.depth, parameters=size)
        return given.with_model(model, width=unet.width, depth=unet.depth)

    def _sweep(self, model: ComparedModel, rate: float) -> str:
        return f"{self.config.compare.targets[0]}/{model}/rate{rate:g}"

    def _seeds(self, model: ComparedModel) -> range:
        compare = self.config.compare
        return range(1, 1 + (compare.seeds if model in SMALL else compare.big_seeds))

    def _planned(self) -> Iterator[ComparedRun]:
        """In order: every row gets its first seed before any gets its second."""
        compare = self.config.compare
        for model in compare.models:
            yield from self._searches(model)
            yield from self._sweeps(model)
        for target in compare.targets:
            for seed in range(1, 1 + max(compare.seeds, compare.big_seeds)):
                for model in compare.models:
                    if seed in self._seeds(model):
                        yield self._training(target, model, seed)

    def _searches(self, model: ComparedModel) -> Iterator[ComparedRun]:
        """For the genotypes a model needs; cells found for one target are used for the others."""
        first = self.config.compare.targets[0]
        for seed, name in enumerate(self._genotype(model), start=self.config.seed):
            yield ComparedRun(name=name, stage="search", target=first, model=model, seed=seed)

    def _sweeps(self, model: ComparedModel) -> Iterator[ComparedRun]:
        first, needs = self.config.compare.targets[0], self._genotype(model)
        for rate in self.config.compare.learning_rates:
            name = self._sweep(model, rate)
            yield ComparedRun(name=name, stage="tune", target=first, model=model, seed=1, needs=needs, rate=rate)

    def _training(self, target: TargetName, model: ComparedModel, seed: int) -> ComparedRun:
        sweep = tuple(self._sweep(model, rate) for rate in self.config.compare.learning_rates)
        needs = (*sweep, *self._genotype(model))
        name = _training_name(target, model, seed)
        return ComparedRun(name=name, stage="tune", target=target, model=model, seed=seed, needs=needs)

    def _genotype(self, model: ComparedModel) -> tuple[str, ...]:
        """The names of the searches that a model needs."""
        first = self.config.compare.targets[0]
        if model == "random_search":
            return tuple(f"{first}/random_search/draw{draw}" for draw in range(1, 1 + self.config.compare.random_draws))
        return (f"{first}/search",) if model in SMALL else ()

    def settings(self, one: ComparedRun) -> Config:
        """The configuration of a run, once the runs it needs have finished."""
        config = replace(self.config, target=one.target, seed=one.seed)
        if one.stage == "search":
            strategy = "random" if one.model == "random_search" else config.search.strategy
            return resolved(replace(config, search=replace(config.search, strategy=strategy)))
        compare, tune = config.compare, config.tune
        if one.rate is None:
            tune = replace(tune, learning_rate=self.learning_rate(one.model), minutes=compare.minutes)
        else:
            tune = replace(tune, learning_rate=one.rate, minutes=0, epochs=compare.sweep_epochs)
        network, training = self._network(one.model), replace(config.training, patience=0)
        return resolved(replace(config, network=network, training=training, tune=tune))


def compare(comparison: Comparison, wrote: Callable[[str], object]) -> None:
    """Does the remaining runs; `wrote` is called with the name of each that this process finishes.

    Raises InputError if an existing run was made with other settings.
    """
    for one in comparison.runs.values():
        _require_same(comparison, one)
    while waiting := [name for name in comparison.runs if not comparison.finished(name)]:
        done = next((name for name in waiting if _work(comparison, comparison.runs[name])), None)
        if done is None:
            time.sleep(PATIENCE)  # others are working on all available runs
        else:
            wrote(done)


def _require_same(comparison: Comparison, one: ComparedRun) -> None:
    run = comparison.run(one.name)
    if not run.finished or not all(comparison.finished(name) for name in one.needs):
        return
    if other := differences(run.config, comparison.settings(one), one.stage):
        raise InputError(
            f"{run.path}: made with settings other than the preset's; delete the folder to make it again, "
            f"or give the preset another name ({', '.join(other)})"
        )


def _work(comparison: Comparison, one: ComparedRun) -> bool:
    """Does a run, unless runs it needs are missing or another process is doing it."""
    if not all(comparison.finished(name) for name in one.needs):
        return False
    run = comparison.run(one.name)
    run.path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.path / ".lock", timeout=0):
            if comparison.finished(one.name):
                return False  # finished by another process meanwhile
            if one.full:
                train_and_test(comparison.settings(one), run)
            else:
                execute(one.stage, comparison.settings(one), run, Channel())
    except Timeout:
        return False
    return True


def train_and_test(config: Config, run: RunFolder) -> RunFolder:
    """Trains unless already done, and saves the scores of the test split in the run folder; returns it."""
    if not run.finished:
        execute("tune", config, run, Channel())
    if run.scores("test") is None:
        run.save_scores("test", evaluate(trained(run), run.config, "test"))
    return run


def _training_name(target: TargetName, model: ComparedModel, seed: int) -> str:
    return f"{target}/{model}/seed{seed}"
