"""Adapts a bundle to a user's survey: trained on a little more, on ground that it sees in the user's own shots.

    shots ─► bundle ─► velocities ─► varied (own_ground.py) ─► wave equation ─► shots, RTM images ─► a short training
                           │                                                                               │
                           └──► misfit of the shots before        misfit after ◄──── new velocities ◄──────┘

No label is needed.  Whether it helped is asked of the shots: does what the network makes of them explain them better?
A short training also undoes a little of a long one, so weights part of the way from the old to the new ones are asked
about, too (Wortsman et al. 2022, arXiv 2109.01903).
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from compressors.bundles.bundle import load_bundle, refuse_to_replace, write_bundle
from compressors.bundles.contents import Contents
from compressors.bundles.ready_made import find_bundle
from compressors.outputs import OUTPUTS
from datagen.config import Split, VelocityFile
from datagen.errors import InputError
from datagen.files.outputs import same_file
from datagen.files.whole_files import whole
from datagen.full_disk import report_unwritable
from datagen.ground.ranges import velocity_range
from datagen.traces.fitting.survey_fit import fit_survey, read_batch
from datagen.traces.recorded_shots import open_shots
from trials.adapting.own_ground import own_ground
from trials.prediction.misfit import gain, measure_misfit
from trials.prediction.predict import open_imager
from trials.prediction.predicted_velocity import PredictedVelocity
from trials.results.example_picture import example_picture
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, Loss, Tune
from trials.settings.training import Training
from trials.stages.execute import execute
from trials.training.networks import trained
from trials.training.tasks import make_task

Array = NDArray[Any]

VELOCITY = "velocity.npy"  # in the run's folder
BATCH = 8
MOST_SAMPLES = 64  # of the user's shots that are looked at: the first
HELD = 16  # models more for validation, and as many to score the new bundle on
WAY = (0.25, 0.5, 1.0)  # shares of the way from the old to the new weights
EPOCHS, LEARNING_RATE = 6, 2.0e-3  # a fifth of that of a whole training


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """What came of it."""

    samples: int  # of the user's shots
    before: float  # their misfit, mean over the samples
    after: float  # the smallest on the way
    share: float  # of the way, where it is
    network: nn.Module  # there

    @property
    def helped(self) -> bool:
        return self.after < self.before


def adapt(
    bundle: str | Path,
    shots: str | Path,
    output: Path,
    *,
    models: int = 400,
    seed: int = 1,
    run: Path | None = None,
    resample: bool = False,
    interval: float | None = None,
    report: Callable[[str], object] = print,
) -> Adapted:
    """Writes the bundle `output`, adapted to the shots at `shots`, if its velocities explain them better.

    `models` are made to train on; data and training stay in the folder `run`, by default runs/adapt/NAME of `output`,
    and the same call goes on there after a stop.  Shots, `resample` and `interval` are as in `predict`.

    Raises
    ------
    InputError
        As `predict`; or the bundle predicts no velocity, `output` exists and is not a bundle or is `bundle` itself,
        a C compiler is missing.
    """
    folder = run or Path("runs/adapt") / output.name
    imager = open_imager(bundle)
    contents = imager.contents
    refuse_to_replace(output)
    if same_file(output, find_bundle(bundle)):
        raise InputError(f"output {output}: is the bundle that is adapted, which stays; give another folder")
    shots_NSTR = _read(Path(shots), contents, str(bundle), resample, interval)
    velocity = PredictedVelocity(bundle, imager)
    before = misfit(velocity, shots_NSTR)
    report(f"{bundle}: the velocities of {len(shots_NSTR)} samples have a misfit of {before:.3f}")

    config = lesson(contents, str(bundle), folder, models, seed)
    count, limits = config.data.split.total, velocity_range(contents.data)
    _write(folder / VELOCITY, own_ground(velocities(velocity, shots_NSTR), count, contents.data, limits, seed))
    report(f"{config.data.folder}: {config.data.split.total} models, shots and RTM images")
    training = RunFolder(folder / "training")
    execute("tune", config, training, Channel())

    old, new = load_bundle(bundle).network, trained(training)
    tried = []
    for share in WAY:
        network = on_the_way(old, new, share)
        after = misfit(PredictedVelocity(bundle, OfNetwork(contents, network), velocity.engine), shots_NSTR)
        report(f"{100 * share:g} % of the way to the new weights: a misfit of {after:.3f}")
        tried.append(Adapted(samples=len(shots_NSTR), before=before, after=after, share=share, network=network))
    found = min(tried, key=lambda each: each.after)
    if found.helped:
        _write_bundle(output, config, contents, Path(shots).name, found)
    return found


def on_the_way(old: nn.Module, new: nn.Module, share: float) -> nn.Module:
    """The network whose weights are `share` of the way from those of `old` to those of `new`."""
    network, first = copy.deepcopy(new), old.state_dict()
    network.load_state_dict(
        {
            name: torch.lerp(first[name], last, share) if last.is_floating_point() else last
            for name, last in new.state_dict().items()
        }
    )
    return network.eval()


@dataclass(frozen=True)
class OfNetwork:
    """Used like the `Imager` of a bundle that has `contents`, before it is written."""

    contents: Contents
    network: nn.Module

    @torch.no_grad()
    def __call__(self, shots_BSTR: Array) -> NDArray[np.float32]:
        contents = self.contents
        whole_network = OUTPUTS[contents.target].deployed(self.network, contents.statistics, contents.shape).eval()
        images_BCZX: NDArray[np.float32] = whole_network(torch.from_numpy(shots_BSTR)).numpy()
        return images_BCZX

    def at_once(self, most: int) -> int:
        return most


def velocities(velocity: PredictedVelocity, shots_NSTR: Array) -> Array:
    """[N, Z, X] in m/s."""
    return np.concatenate([velocity(part) for part in _parts(shots_NSTR)])


def misfit(velocity: PredictedVelocity, shots_NSTR: Array) -> float:
    """Of the shots that the velocities would give, as `predict --explain` has it: the mean over the samples."""
    survey = velocity.imager.contents.data.survey
    found = [
        measure_misfit(part, velocity.shoot(velocity(part)), gain(part, survey)).whole_N for part in _parts(shots_NSTR)
    ]
    return float(np.mean(np.concatenate(found)))


def lesson(contents: Contents, bundle: str, folder: Path, models: int, seed: int) -> Config:
    """The training: the bundle's network, its survey, and velocities from a file in `folder`."""
    file = VelocityFile(
        path=str(folder / VELOCITY), spacing=(contents.data.grid.spacing,), velocity=velocity_range(contents.data)
    )
    data = replace(
        contents.data,
        folder=str(folder / "data"),
        seed=seed,
        velocity_file=file,
        imported=None,
        split=Split(train=models, validation=HELD, test=HELD),
        first_breaks=False,
    )
    return Config(
        name=contents.name,
        target=contents.target,
        seed=seed,
        precision="mixed",
        data=data,
        network=contents.network,
        loss=Loss(ssim=0.15),
        velocity_loss=Loss(l1=1.0, l2=0.0, ssim=0.2),
        training=Training(batch_size=16, start=bundle),
        tune=Tune(epochs=EPOCHS, learning_rate=LEARNING_RATE),
    )


def _write_bundle(output: Path, config: Config, contents: Contents, shots: str, found: Adapted) -> None:
    note = (
        f"Adapted from {contents.name} to {found.samples} samples of {shots} with {config.data.split.train} models of "
        f"the velocities that it saw in them: their misfit fell from {found.before:.3f} to {found.after:.3f}. "
        "The scores are those on further such models, not on the ground itself."
    )
    network = found.network
    scores = make_task(config).evaluate(network, "test")
    kept = "the training and any earlier bundle are kept"
    with report_unwritable(output, kept), example_picture(network, config) as picture:
        write_bundle(
            output,
            network,
            spec=contents.network,
            shape=contents.shape,
            statistics=contents.statistics,
            target=contents.target,
            data_recipe=replace(contents.data, split=config.data.split),
            scores=scores,
            name=contents.name.removesuffix("-adapted") + "-adapted",
            picture=picture,
            notes=[*contents.notes, note],
        )


def _read(shots: Path, contents: Contents, bundle: str, resample: bool, interval: float | None) -> Array:
    """The first samples [N, S, T, R] of the bundle's survey."""
    recording = open_shots(shots, contents.data.survey, interval)
    fitted = fit_survey(recording, contents.data, "the bundle", bundle, resample=resample, interval=interval)
    return np.concatenate(
        [
            read_batch(recording, fitted, first, min(BATCH, MOST_SAMPLES - first))
            for first in range(0, min(recording.samples, MOST_SAMPLES), BATCH)
        ]
    )


def _parts(shots_NSTR: Array) -> list[Array]:
    return [shots_NSTR[first : first + BATCH] for first in range(0, len(shots_NSTR), BATCH)]


def _write(file: Path, models_NZX: Array) -> None:
    """The models to train on; a data set in progress holds the checksum of the file.

    Raises InputError: other models are there.
    """
    if file.is_file():
        if np.array_equal(np.load(file), models_NZX):
            return
        raise InputError(
            f"--run {file.parent}: holds the adapting to other shots, of another bundle, or with other --models or "
            "--seed; give another folder, or delete it"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole(file) as part, part.open("wb") as stream:
        np.save(stream, models_NZX)
