"""Networks side by side: the same data, loss and recipe for each, several seeds, scored on the test split.

    for the first target   a search, and random genotypes at its cost    ─► two genotypes of NasUnets
                           each model, briefly, with each learning rate  ─► the best on the validation split
    for each target        each seed of each model, in full              ─► scores on the test split ─► the table

Every run has a folder and a lock of its own.  Stopped and started again the command goes on where it stopped; started
several times at once, each takes the next run that nobody works on.  The table is written after each run.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from compressors.outputs import Target
from datagen.errors import InputError
from search_spaces.config import Network
from trials.config import ComparedModel, Config
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.stages.execute import Stage, execute
from trials.training.fit import evaluate
from trials.training.networks import trained
from trials.training.tasks import images_only

SMALL = ("nasunet", "random_search", "unet_small")  # models of the size that the search finds
PATIENCE = 10.0  # [s] between looks at what others are working on


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of the comparison; `settings` may look into the runs it needs, which have finished then."""

    name: str  # of its folder
    stage: Stage
    settings: Callable[[], Config]
    needs: tuple[str, ...] = ()
    full: bool = False  # one of the trainings that the table is made of


class Comparison:
    """All runs of a comparison and where they lie."""

    def __init__(self, config: Config) -> None:
        images_only(config, "compare")
        self.config = config
        budget = f"{config.compare.minutes:g}min" if config.compare.minutes else f"{config.tune.epochs}epochs"
        self.folder = Path("runs") / config.name / "compare" / budget
        self.jobs = {job.name: job for job in self._jobs()}

    def run(self, name: str) -> RunFolder:
        return RunFolder(self.folder / name)

    def finished(self, name: str) -> bool:
        run = self.run(name)
        return run.finished and (not self.jobs[name].full or run.scores("test") is not None)

    def trainings(self, target: Target, model: ComparedModel) -> list[RunFolder]:
        """The full trainings of a row that have been scored."""
        names = [_training(target, model, seed) for seed in self._seeds(model)]
        return [self.run(name) for name in names if self.finished(name)]

    def learning_rate(self, model: ComparedModel) -> float:
        """Of the sweep, the one with the best validation score; found with the first target, kept for the others."""
        rates = self.config.compare.learning_rates
        return max(rates, key=lambda rate: self.run(self._sweep(model, rate)).result["default"])

    def found(self, model: ComparedModel) -> RunFolder:
        """The search run whose genotype a model has; the random search's is its best on the validation split."""
        runs = [self.run(name) for name in self._genotype(model)]
        return max(runs, key=lambda run: run.result["default"])

    def _baseline(self, model: ComparedModel) -> Network:
        """Without what only a search needs: trainings of big networks stay when its settings change."""
        given, unet = self.config.network, self.config.baseline
        assert model != "random_search"
        front = Network(front=given.front, fold=given.fold, group=given.group, coarse=given.coarse)
        plain = replace(front, model="unet", width=unet.width, depth=unet.depth)
        if model == "unet_small":
            size = int(self.found("nasunet").result["parameters"])
            return replace(plain, model=model, depth=given.depth, parameters=size)
        return replace(plain, model=model)

    def _sweep(self, model: ComparedModel, rate: float) -> str:
        return f"{self.config.compare.targets[0]}/{model}/rate{rate:g}"

    def _seeds(self, model: ComparedModel) -> range:
        compare = self.config.compare
        return range(1, 1 + (compare.seeds if model in SMALL else compare.big_seeds))

    def _jobs(self) -> Iterator[Job]:
        """In the order in which they are taken: every row has its first seed before one has its second."""
        compare = self.config.compare
        for model in compare.models:
            yield from self._searches(model)
            for rate in compare.learning_rates:
                settings = self._settings(compare.targets[0], model, rate, 1, short=True)
                yield Job(name=self._sweep(model, rate), stage="tune", settings=settings, needs=self._genotype(model))
        for target in compare.targets:
            for seed in range(1, 1 + max(compare.seeds, compare.big_seeds)):
                for model in compare.models:
                    if seed in self._seeds(model):
                        yield self._full(target, model, seed)

    def _searches(self, model: ComparedModel) -> Iterator[Job]:
        """Of the genotypes a model needs; cells that were found for one target are carried over to the others."""
        config = replace(self.config, target=self.config.compare.targets[0])
        if model == "random_search":
            config = replace(config, search=replace(config.search, strategy="random"))
        for seed, name in enumerate(self._genotype(model), start=config.seed):
            yield Job(name=name, stage="search", settings=lambda seed=seed: replace(config, seed=seed))  # type: ignore[misc]

    def _genotype(self, model: ComparedModel) -> tuple[str, ...]:
        """The names of the searches that a model needs."""
        first = self.config.compare.targets[0]
        if model == "random_search":
            return tuple(f"{first}/random_search/draw{draw}" for draw in range(1, 1 + self.config.compare.random_draws))
        return (f"{first}/search",) if model in SMALL else ()

    def _full(self, target: Target, model: ComparedModel, seed: int) -> Job:
        sweep = tuple(self._sweep(model, rate) for rate in self.config.compare.learning_rates)
        needs = (*sweep, *self._genotype(model))

        def settings() -> Config:
            return self._settings(target, model, self.learning_rate(model), seed)()

        return Job(name=_training(target, model, seed), stage="tune", settings=settings, needs=needs, full=True)

    def _settings(
        self, target: Target, model: ComparedModel, rate: float, seed: int, *, short: bool = False
    ) -> Callable[[], Config]:
        def settings() -> Config:
            compare, network = self.config.compare, self.config.network
            if model == "nasunet" or model == "random_search":
                genotype = (self.found(model).path / "genotype.json").read_text()
                network = replace(network, model="nasunet", genotype=genotype)
            else:
                network = self._baseline(model)
            training = replace(self.config.training, patience=0)
            tune = replace(self.config.tune, learning_rate=rate, minutes=0 if short else compare.minutes)
            if short:
                tune = replace(tune, epochs=compare.sweep_epochs)
            return replace(self.config, target=target, seed=seed, network=network, training=training, tune=tune)

        return settings


def compare(comparison: Comparison, wrote: Callable[[str], object]) -> None:
    """Does the runs that are left; `wrote` is called with the name of each that this process has finished.

    Raises InputError if a run is there that was made with other settings.
    """
    for job in comparison.jobs.values():
        _require_same(comparison, job)
    while waiting := [name for name in comparison.jobs if not comparison.finished(name)]:
        done = next((name for name in waiting if _work(comparison, comparison.jobs[name])), None)
        if done is None:
            time.sleep(PATIENCE)  # others work on all that could be done
        else:
            wrote(done)


def _require_same(comparison: Comparison, job: Job) -> None:
    run = comparison.run(job.name)
    if run.finished and all(comparison.finished(name) for name in job.needs):
        wanted = job.settings()
        unused = {"compare": wanted.compare, "pretrain": wanted.pretrain}
        if job.stage != "search":
            unused |= {"search": wanted.search}
        if replace(run.config, **unused) != wanted:  # type: ignore[arg-type]
            raise InputError(
                f"{run.path}: made with other settings than the preset's now; delete the folder to have it made anew, "
                "or give the preset another name"
            )


def _work(comparison: Comparison, job: Job) -> bool:
    """Does a run, unless it lacks what it needs or somebody else does it."""
    if not all(comparison.finished(name) for name in job.needs):
        return False
    run = comparison.run(job.name)
    run.path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.path / ".lock", timeout=0):
            if comparison.finished(job.name):
                return False  # by another process since we looked
            if job.full:
                train_and_test(job.settings(), run)
            else:
                execute(job.stage, job.settings(), run, Channel())
    except Timeout:
        return False
    return True


def train_and_test(config: Config, run: RunFolder) -> RunFolder:
    """Trains unless that was done, and leaves the scores of the test split in the run folder; returns it."""
    if not run.finished:
        execute("tune", config, run, Channel())
    if run.scores("test") is None:
        run.save_scores("test", evaluate(trained(run), run.config, "test"))
    return run


def _training(target: Target, model: ComparedModel, seed: int) -> str:
    return f"{target}/{model}/seed{seed}"
