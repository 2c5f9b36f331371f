"""From run folders to the report: which trials won, and how they compare with the UNet on the test split.

experiment ─► finished trials ─► best compress run ─► the tune run it came from
runs/<name>/unet ──────────────────────────┐                │
                                           ▼                ▼
                               bundles of all three ─► table, curves, prediction sheet
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from compressors.bundles.bundle import Bundle, load_bundle
from compressors.verify import file_bytes
from datagen.dataset import ShardDataset
from search_spaces.build import count_parameters, nonzero_parameters
from trials.experiment.plan import FinishedTrial
from trials.results.compressed import find_winner, pareto_points
from trials.results.export import export
from trials.results.latencies import measured_latencies
from trials.results.report.report import ModelRow, Prediction, Report, Sample, TrialRow, Yardstick, read_curve
from trials.results.yardsticks import AVERAGE, yardsticks
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.stages.search_front import read_front
from trials.training.metrics import ssim
from trials.training.pictures.names import last_picture
from trials.training.tasks import images_only

SAMPLES = 3  # test models on the prediction sheet


@dataclass(frozen=True, kw_only=True)
class Winners:
    """The runs whose networks the table compares."""

    unet: RunFolder
    tuned: RunFolder
    compressed: RunFolder

    @property
    def trainings(self) -> list[RunFolder]:
        """Those of the pruned network's weights, one after the other."""
        return [self.tuned, self.compressed]


def find_winners(trials: Sequence[FinishedTrial], unet: RunFolder) -> Winners:
    """The best compress trial and the tune trial whose network it pruned.

    Raises InputError when no compress trial has finished.
    """
    winner = find_winner(trials)
    return Winners(unet=unet, tuned=RunFolder(winner.parameters["winner"]["run"]), compressed=RunFolder(winner.run))


def bundles(winners: Winners, config: Config) -> dict[str, Bundle]:
    """Bundles of the three networks by their names in the table; the last one is the final bundle."""
    beside = winners.unet.path.parent / "bundles"
    folders = {
        "UNet": export(winners.unet, beside / "unet"),
        "NasUnet": export(winners.tuned, beside / "nasunet"),
        "NasUnet, pruned": export(winners.compressed, Path("exports") / config.name),
    }
    return {name: load_bundle(folder) for name, folder in folders.items()}


def summarise(
    winners: Winners, networks: dict[str, Bundle], trials: Sequence[FinishedTrial], commands: Sequence[str]
) -> Report:
    """Everything the report shows.  Scores in the table are on the test split."""
    config = winners.compressed.config
    images_only(config, "report")
    provenance = winners.compressed.provenance
    runs = dict(zip(networks, (winners.unet, winners.tuned, winners.compressed), strict=True))
    trained = dict(zip(networks, ([winners.unet], [winners.tuned], winners.trainings), strict=True))
    everyone = [*runs.values(), *(RunFolder(trial.run) for trial in trials if trial.stage == "compress")]
    times = measured_latencies(everyone)[: len(runs)]  # together with those of the front, which it is drawn with
    spacing = config.data.grid.spacing
    others = yardsticks(config.data.folder, networks, shown=SAMPLES) if config.target != "velocity" else {}
    return Report(
        title=config.name,
        target=config.target,
        models=tuple(
            _row(name, bundle, trained[name], time)
            for (name, bundle), time in zip(networks.items(), times, strict=True)
        ),
        curves=tuple(read_curve(run, name) for name, run in runs.items()),
        trials=tuple(_trial(trial) for trial in trials),
        searched=tuple(point for trial in trials for point in read_front(trial.run)),
        compressed=tuple(point for point, _ in pareto_points(trials).values()),
        samples=_samples(config, networks, others.get(AVERAGE)),
        extent=(config.data.grid.nz * spacing, config.data.grid.nx * spacing),
        duration=config.data.survey.samples * config.data.survey.interval,
        blank_ssim=networks["UNet"].contents.scores.get("blank_ssim"),
        blank_validation=winners.compressed.result.get("blank_ssim"),
        yardsticks=others,
        cells=_drawing(trials, winners),
        commands=(*commands, f"seisnas export {shlex.quote(str(winners.compressed.path))}"),
        provenance={
            "commit": str(provenance["commit"]),
            "seed": str(provenance["seed"]),
            "device": str(provenance["device"]),
            "python": provenance["python"],
            **provenance["versions"],
        },
    )


def _row(name: str, bundle: Bundle, trained: Sequence[RunFolder], latency_ms: float) -> ModelRow:
    """`trained`: the runs that have trained its weights, one after the other."""
    sizes, scores = file_bytes(bundle.folder), bundle.contents.scores
    epochs = [epochs_of(run) for run in trained]
    return ModelRow(
        name=name,
        parameters=count_parameters(bundle.network),
        nonzero=nonzero_parameters(bundle.network),
        file_bytes=sizes.weights,
        packed_bytes=sizes.weights_packed,
        latency_ms=latency_ms,
        ssim=scores["ssim"],
        correlation=scores["correlation"],
        mae=scores["mae"],
        epochs=sum(epochs),
        samples=sum(each * run.config.data.split.train for each, run in zip(epochs, trained, strict=True)),
    )


def epochs_of(run: RunFolder) -> int:
    """Of training; an interrupted run wrote its last epoch twice."""
    return len({(row["phase"], row["epoch"]) for row in run.metrics})


def _trial(trial: FinishedTrial) -> TrialRow:
    settings = {path: value for path, value in trial.parameters["stage"].items() if path != "_name"}
    return TrialRow(
        id=trial.id,
        stage=trial.stage,
        nonzero=trial.metrics["nonzero"],
        ssim=trial.metrics["ssim"],
        correlation=trial.metrics.get("correlation"),
        epochs=epochs_of(RunFolder(trial.run)),
        settings=settings,
        picture=last_picture(trial.run),
    )


@torch.no_grad()
def _samples(config: Config, networks: dict[str, Bundle], average: Yardstick | None) -> tuple[Sample, ...]:
    """`average`: images migrated in the average velocity of each depth, which stand before the networks'."""
    images = ShardDataset(config.data.folder, "test", config.target)
    velocities = ShardDataset(config.data.folder, "test", "velocity")
    samples = []
    for index in range(min(SAMPLES, len(images))):
        shots_STR, truth_CZX = images[index]
        truth_1ZX = truth_CZX[-1:]  # of several images the one that networks are ranked by
        velocity_ZX = velocities.targets[0].denormalise(velocities[index][1][0].numpy())
        predictions = {}
        if average is not None:
            in_average_B1ZX = torch.from_numpy(average.images_MZX[index])[None, None]
            predictions["RTM in v(z)"] = _prediction(in_average_B1ZX, truth_1ZX)
        for name, bundle in networks.items():
            image_B1ZX = bundle.network(shots_STR[None])[:, -1:]
            predictions[name] = _prediction(image_B1ZX, truth_1ZX)
        samples.append(
            Sample(
                index=index,
                velocity_ZX=velocity_ZX,
                gather_TR=shots_STR[len(shots_STR) // 2].numpy(),
                truth_ZX=truth_1ZX[0].numpy(),
                blank_ssim=float(ssim(torch.zeros_like(truth_1ZX)[None], truth_1ZX[None])[0]),
                predictions=predictions,
            )
        )
    return tuple(samples)


def _prediction(image_B1ZX: torch.Tensor, truth_1ZX: torch.Tensor) -> Prediction:
    return Prediction(image_ZX=image_B1ZX[0, 0].numpy(), ssim=float(ssim(image_B1ZX, truth_1ZX[None])[0]))


def _drawing(trials: Sequence[FinishedTrial], winners: Winners) -> Path | None:
    """The cells as drawn by the search trial that found the winner's genotype."""
    genotype = winners.compressed.result.get("genotype")
    for trial in trials:
        if trial.stage == "search" and trial.metrics["genotype"] == genotype:
            return trial.run / "cells.svg"
    return None
