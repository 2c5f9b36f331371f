"""The command that NNI starts for every trial, and the configuration that it names.

trialCommand: python -m trials --preset presets/quickstart.yml --set tune.epochs=30
"""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datagen.errors import InputError
from trials.experiment.nni.nni_config import read_nni_config
from trials.settings.config import Config, load, settings


def parse_trial_command(arguments: list[str]) -> argparse.Namespace:
    """What stands after `python -m trials`: `preset`, `set` and `trials_at_a_time`."""
    parser = argparse.ArgumentParser(prog="python -m trials", description="One NNI trial of SeisNAS.")
    parser.add_argument("--preset", default="presets/quickstart.yml", help="settings of the whole chain")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change one setting")
    parser.add_argument(
        "--trials-at-a-time",
        type=int,
        default=1,
        metavar="N",
        help="as trialConcurrency: a trial takes its share of the cores, so that they do not slow each other down",
    )
    return parser.parse_args(arguments)


def load_trial_config(nni_config: Path, changes: Mapping[str, Any] | None = None) -> Config:
    """The configuration that the trials of an experiment start from: the preset of its trialCommand.

    `changes` (config path → value) lie over it, as a trial's parameters do.  Raises InputError.
    """
    if not nni_config.exists():
        raise InputError(f"--config {nni_config}: no such file; the project's own is nni_config.yml")
    try:
        command = shlex.split(str(read_nni_config(nni_config)["trialCommand"]))
    except (KeyError, ValueError) as error:
        raise InputError(f"{nni_config}: its trialCommand cannot be read: {error}") from None
    if command[:3] != ["python", "-m", "trials"]:
        raise InputError(f"{nni_config}: trialCommand is {shlex.join(command)}; it must start with python -m trials")
    arguments = parse_trial_command(command[3:])
    return load(arguments.preset, settings(arguments.set), changes or {})
