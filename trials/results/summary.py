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
from compressors.verify import file_bytes, latency
from datagen.dataset import ShardDataset
from search_spaces.build import count_parameters, nonzero_parameters
from trials.experiment.plan import FinishedTrial
from trials.results.compressed import find_winner, pareto_points
from trials.results.export import export
from trials.results.report import ModelRow, Prediction, Report, Sample, TrialRow, read_curve
from trials.results.yardsticks import yardsticks
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.metrics import ssim
from trials.training.tasks import images_only

SAMPLES = 3  # test models on the prediction sheet


@dataclass(frozen=True, kw_only=True)
class Winners:
    """The runs whose networks the table compares."""

    unet: RunFolder
    tuned: RunFolder
    compressed: RunFolder


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
    runs = zip(networks, (winners.unet, winners.tuned, winners.compressed), strict=True)
    spacing = config.data.grid.spacing
    return Report(
        title=config.name,
        target=config.target,
        models=tuple(_row(name, bundle) for name, bundle in networks.items()),
        curves=tuple(read_curve(run, name) for name, run in runs),
        trials=tuple(_trial(number, trial) for number, trial in enumerate(trials)),
        compressed=tuple(point for point, _ in pareto_points(trials).values()),
        samples=_samples(config, networks),
        extent=(config.data.grid.nz * spacing, config.data.grid.nx * spacing),
        duration=config.data.survey.samples * config.data.survey.interval,
        yardsticks=yardsticks(config.data.folder, networks) if config.target != "velocity" else {},
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


def _row(name: str, bundle: Bundle) -> ModelRow:
    sizes, scores = file_bytes(bundle.folder), bundle.contents.scores
    return ModelRow(
        name=name,
        parameters=count_parameters(bundle.network),
        nonzero=nonzero_parameters(bundle.network),
        file_bytes=sizes.weights,
        packed_bytes=sizes.weights_packed,
        latency_ms=latency(bundle.folder),
        ssim=scores["ssim"],
        correlation=scores["correlation"],
        mae=scores["mae"],
    )


def _trial(number: int, trial: FinishedTrial) -> TrialRow:
    settings = {path: value for path, value in trial.parameters["stage"].items() if path != "_name"}
    return TrialRow(
        number=number,
        stage=trial.stage,
        nonzero=trial.metrics["nonzero"],
        ssim=trial.metrics["ssim"],
        settings=settings,
    )


@torch.no_grad()
def _samples(config: Config, networks: dict[str, Bundle]) -> tuple[Sample, ...]:
    images = ShardDataset(config.data.folder, "test", config.target)
    velocities = ShardDataset(config.data.folder, "test", "velocity")
    samples = []
    for index in range(min(SAMPLES, len(images))):
        shots_STR, truth_CZX = images[index]
        truth_1ZX = truth_CZX[-1:]  # of several images the one that networks are ranked by
        velocity_ZX = velocities.targets[0].denormalise(velocities[index][1][0].numpy())
        predictions = {}
        for name, bundle in networks.items():
            image_B1ZX = bundle.network(shots_STR[None])[:, -1:]
            score = float(ssim(image_B1ZX, truth_1ZX[None])[0])
            predictions[name] = Prediction(image_ZX=image_B1ZX[0, 0].numpy(), ssim=score)
        samples.append(
            Sample(
                index=index,
                velocity_ZX=velocity_ZX,
                gather_TR=shots_STR[len(shots_STR) // 2].numpy(),
                truth_ZX=truth_1ZX[0].numpy(),
                predictions=predictions,
            )
        )
    return tuple(samples)


def _drawing(trials: Sequence[FinishedTrial], winners: Winners) -> Path | None:
    """The cells as drawn by the search trial that found the winner's genotype."""
    genotype = winners.compressed.result.get("genotype")
    for trial in trials:
        if trial.stage == "search" and trial.metrics["genotype"] == genotype:
            return trial.run / "cells.svg"
    return None
