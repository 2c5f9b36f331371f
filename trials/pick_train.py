"""The one recipe of a picker: modelled gathers ─► labelled gathers, cross-validated ─► all labelled gathers ─► bundle.

runs/NAME/tune                  trained on modelled gathers, unless it is there or weights are given
runs/NAME/pick-train/held-…     without a pair of neighbours each, scored on it
runs/NAME/pick-train/all        on all, exported
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from datagen.errors import InputError
from datagen.traces.gathers import read_recording
from trials.results.export import export
from trials.results.pick_errors import FAR, Found, classical_finds, joined, network_finds
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.execute import execute
from trials.training.picking.fine_tuning import fine_tuning, pairs_held_out, recipe

SURE = (0.5, 0.7, 0.9)  # confidences whose picks are counted
NEAR = 3.0  # [ms] from the label: what a confidence promises (search_spaces/picks.py)


def pick_train(
    labelled: Path,
    output: Path | None,
    tell: Callable[[str], None],
    *,
    preset: Path,
    changes: dict[str, Any],
    start: Path | None = None,
    interval: float | None = None,
) -> Path:
    """Trains on the gathers of `labelled`, says how good that is on gathers held out, and returns the bundle's folder.

    `start` has weights of the preset's network; by default the preset's training on modelled gathers is used, and made
    if it is missing.  Trainings that are finished are not repeated.

    Raises InputError: no labels, weights of another network, or a folder that is no bundle.
    """
    config = load(preset, changes)
    if config.target != "first_break":
        raise InputError(f"{preset}: its target is {config.target}; pick-train needs first_break, as presets/field.yml")
    recording = read_recording(labelled)
    if recording.first_breaks is None:
        raise InputError(f"{labelled}: has no labels; allowed is an .npz of gathers [S, T, R] and first_break_s [S, R]")
    runs = Path("runs") / config.name
    if start is None:
        execute("tune", config, RunFolder(runs / "tune"), Channel())
        start = runs / "tune" / "weights.safetensors"
    count = len(recording.gathers)

    def trained_on(train: list[int], held: list[int], name: str) -> tuple[Config, RunFolder]:
        rate, steps = recipe(len(train))
        settings = fine_tuning(labelled, interval, train, held, steps)
        wanted = load(preset, changes, settings, {"tune.learning_rate": rate, "picking.start": str(start)})
        run = RunFolder(runs / "pick-train" / name)
        execute("tune", wanted, run, Channel())
        return wanted, run

    networks, classical = [], []
    for train, held in pairs_held_out(count):
        wanted, run = trained_on(train, held, f"held-{held[0]}")
        networks.append(network_finds(wanted, run))
        classical.append(classical_finds(wanted))
    if networks:
        tell(table(joined(networks), joined(classical)))
    else:
        tell(f"{labelled}: {count} gather(s), too few to hold some out; the error is not known")
    _, run = trained_on(list(range(count)), [], "all")
    return export(run, output)


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
