"""The one recipe of a picker: modelled gathers ─► your gathers ─► bundle.

    labelled      cross-validated on pairs of neighbours, then trained on all
    unlabelled    trained on the gathers' own onsets (trials/prediction/picking/own_onsets.py), ROUNDS times

runs/NAME/tune                  trained on modelled gathers, unless it is there or weights are given
runs/NAME/pick-train/held-…     without a pair of neighbours each, scored on it
runs/NAME/pick-train/all        on all
runs/NAME/pick-train/own-…      on own onsets, and their labels; the name tells which gathers
runs/NAME/pick-train/start-…    weights of the bundle to start from
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file

from compressors.bundles.bundle import load_bundle
from compressors.bundles.seal import SEAL
from datagen.config import Survey
from datagen.errors import InputError
from datagen.files.whole_files import file_sha256, whole
from datagen.traces.gathers import Gather, Recording, read_recording
from datagen.traces.trace_table import known_interval, settled_interval
from search_spaces.build import build
from trials.prediction.picking.own_onsets import own_onsets, write_labelled
from trials.prediction.picking.pick import files_of
from trials.prediction.picking.picking_network import in_torch
from trials.results.export import export
from trials.results.pick_errors import FAR, Found, classical_finds, joined, network_finds
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.execute import execute
from trials.training.networks import geometry
from trials.training.picking.fine_tuning import ROUNDS, fine_tuning, own_recipe, pairs_held_out, recipe
from trials.training.picking.picking import start_from
from trials.training.picking.windows import resampled

SURE = (0.5, 0.7, 0.9)  # confidences whose picks are counted
NEAR = 3.0  # [ms] from the label: what a confidence promises (search_spaces/picks.py)

Tell = Callable[[str], None]


def pick_train(
    given: Sequence[Path],
    output: Path | None,
    tell: Tell,
    *,
    preset: Path,
    changes: dict[str, Any],
    start: Path | None = None,
    interval: float | None = None,
) -> Path:
    """Trains on the gathers of one labelled file, or of files and folders without labels; returns the bundle's folder.

    Of labelled gathers it says how good that is on those held out.  `start`, a file or a bundle, has weights of the
    preset's network; by default the preset's training on modelled gathers is used, and made if it is missing.
    Trainings that are finished are not repeated.  `interval` [s] is for files without one.

    Raises InputError: no such weights, or of another network, labels in some of several files, a file that cannot be
    read or has no interval, no onset to learn from, or a folder that is no bundle.
    """
    config = load(preset, changes)
    if config.target != "first_break":
        raise InputError(f"{preset}: its target is {config.target}; pick-train needs first_break, as presets/field.yml")
    files = files_of(given)
    recordings = [read_recording(file, interval) for file in files]
    labelled = [file for file, each in zip(files, recordings, strict=True) if each.first_breaks is not None]
    if labelled and len(files) > 1:
        raise InputError(
            f"{labelled[0]}: has labels and is one of {len(files)} files; allowed: one .npz with labels, or files "
            "without"
        )
    intervals = [  # before hours of training
        known_interval(file, settled_interval(file, interval, each.interval, headers=each.headers))
        for file, each in zip(files, recordings, strict=True)
    ]
    runs = Path("runs") / config.name
    if start is None:
        execute("tune", config, RunFolder(runs / "tune"), Channel())
        start = runs / "tune" / "weights.safetensors"
    elif not start.is_file():
        start = _weights_of(start, runs / "pick-train")
    training = Training(preset=preset, changes=changes, folder=runs / "pick-train")
    if labelled:
        run = _from_labels(training, labelled[0], len(recordings[0].gathers), interval, start, tell)
    else:
        survey = config.data.survey
        gathers = [gather for each in zip(recordings, intervals, strict=True) for gather in sampled(*each, survey)]
        run = from_own_onsets(training, gathers, start, tell)
    return export(run, output)


def _weights_of(bundle: Path, folder: Path) -> Path:
    """The weights of a bundle as a file, which a training's settings can name; another bundle is another file."""
    loaded = load_bundle(bundle)
    file = folder / f"start-{file_sha256(loaded.folder / SEAL)[:8]}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    with whole(file) as part:
        save_file(loaded.network.state_dict(), part)
    return file


@dataclass(frozen=True, kw_only=True)
class Training:
    """Trainings of the preset's network that differ in their gathers and weights to start from."""

    preset: Path
    changes: dict[str, Any]
    folder: Path

    def on(self, gathers: dict[str, Any], start: Path, rate: float, name: str) -> tuple[Config, RunFolder]:
        """With the settings of `fine_tuning`."""
        config = load(self.preset, self.changes, gathers, {"tune.learning_rate": rate, "picking.start": str(start)})
        run = RunFolder(self.folder / name)
        execute("tune", config, run, Channel())
        return config, run


def _from_labels(
    training: Training, labelled: Path, count: int, interval: float | None, start: Path, tell: Tell
) -> RunFolder:
    def trained_on(train: list[int], held: list[int], name: str) -> tuple[Config, RunFolder]:
        rate, steps = recipe(len(train))
        return training.on(fine_tuning(labelled, interval, train, held, steps), start, rate, name)

    networks, classical = [], []
    for train, held in pairs_held_out(count):
        config, run = trained_on(train, held, f"held-{held[0]}")
        networks.append(network_finds(config, run))
        classical.append(classical_finds(config))
    if networks:
        tell(table(joined(networks), joined(classical)))
    else:
        tell(f"{labelled}: {count} gather(s), too few to hold some out; the error is not known")
    return trained_on(list(range(count)), [], "all")[1]


def sampled(recording: Recording, interval: float, survey: Survey) -> list[Gather]:
    """Gathers of `interval` [s] with that of the network; values that are not finite count as zero."""
    return [
        resampled(np.nan_to_num(each, posinf=0.0, neginf=0.0), interval, survey.interval) for each in recording.gathers
    ]


def from_own_onsets(training: Training, gathers: Sequence[Gather], start: Path, tell: Tell) -> RunFolder:
    """Rounds of labels that the network of the last round finds in gathers `[T, R]`, and a training on them.

    Raises InputError: weights of another network, or it is sure of too few traces.
    """
    config = load(training.preset, training.changes)
    survey = config.data.survey
    which = sha256(file_sha256(start).encode())
    for gather_TR in gathers:
        which.update(gather_TR.tobytes())
    rate, steps = own_recipe(len(gathers))
    for number in range(1, ROUNDS + 1):
        network = build(config.network, *geometry(config))
        start_from(network, str(start))
        onsets = own_onsets(gathers, survey.interval, in_torch(network, survey, start))
        tell(
            f"round {number} of {ROUNDS}: {onsets.share:.0%} of the traces of {len(gathers)} gather(s) have an onset "
            f"where the network is sure of one, {1e3 * onsets.lag:+.1f} ms after its picks in the median"
        )
        name = f"own-{which.hexdigest()[:8]}-{number}"
        labelled = training.folder / f"{name}.npz"
        training.folder.mkdir(parents=True, exist_ok=True)
        write_labelled(labelled, gathers, onsets, survey.interval)
        every = list(range(len(gathers)))
        _, run = training.on(fine_tuning(labelled, survey.interval, every, [], steps), start, rate, name)
        start = run.path / "weights.safetensors"
    tell("the error is not known: nobody has picked these gathers")
    return run


def table(network: Found, classical: Found) -> str:
    """Both pickers on the same traces, and what the network's confidence is worth."""
    lines = [f"{len(network.error_N)} traces of gathers held out, in pairs of neighbours"]
    for name, found in (("network", network), ("classical", classical)):
        figures = found.figures()
        lines.append(
            f"  {name:<10} mean error {figures['mae_ms']:.2f} ms, median {figures['median_ms']:.2f} ms, "
            f"bias {figures['bias_ms']:+.2f} ms, {figures['tail']:.0%} more than {FAR} samples off"
        )
    for least in SURE:
        sure_N = network.confidence_N >= least
        if sure_N.any():
            near = float((np.abs(network.error_N[sure_N]) <= NEAR).mean())
            lines.append(
                f"  confidence of {least:g} or more: {sure_N.mean():.0%} of the traces, {near:.0%} within {NEAR:g} ms"
            )
    return "\n".join(lines)
