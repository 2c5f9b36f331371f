"""The command that NNI starts for every trial, and the configuration that it names: the one parser of both.

trialCommand: python -m trials --preset presets/quickstart.yml --set tune.epochs=30

NNI gives it to a shell, which splits and unquotes it as `shlex` does here; paths are those of trialCodeDirectory.
"""

import argparse
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from datagen.errors import InputError
from trials.experiment.nni.nni_config import read_nni_config
from trials.settings.config import Config, load, settings

PREFIXES = (["python", "-m", "trials"], ["python", "-P", "-m", "trials"])
SIGNS = "();<>|&"  # with which a shell would do more, where they stand in no quotes


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"trialCommand: {message}; allowed: {self.format_usage().strip()}")


def parse_trial_command(arguments: list[str]) -> argparse.Namespace:
    """What stands after `python -m trials`: `preset`, `set`, `trials_at_a_time`.  Raises InputError: something else."""
    parser = _Parser(prog="python -m trials", description="One NNI trial of SeisNAS.", allow_abbrev=False)
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


def split_trial_command(command: str, nni_config: Path) -> argparse.Namespace:
    """The options of a trialCommand as written in `nni_config`.  Raises InputError: another program, or options."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"{nni_config}: its trialCommand cannot be read: {error}") from None
    prefix = next((each for each in PREFIXES if words[: len(each)] == each), None)
    if prefix is None:
        raise InputError(f"{nni_config}: trialCommand is {shlex.join(words)}; it must start with python -m trials")
    if not _simple(command, words):
        raise InputError(f"{nni_config}: trialCommand is {command}; it must be one simple command, without {SIGNS} $ `")
    return parse_trial_command(words[len(prefix) :])


def load_trial_config(nni_config: Path, changes: Mapping[str, Any] | None = None) -> Config:
    """The configuration that the trials of an experiment start from: the preset of its trialCommand.

    `changes` (config path → value) lie over it, as a trial's parameters do.  Raises InputError.
    """
    preset, over = find_preset(nni_config)
    return load(preset, over, changes or {})


def find_preset(nni_config: Path) -> tuple[Path, dict[str, Any]]:
    """The preset of its trialCommand, and what the command sets over it.  Raises InputError."""
    if not nni_config.exists():
        raise InputError(f"--config {nni_config}: no such file; the project's own is nni_config.yml")
    try:
        tree = read_nni_config(nni_config)
        command = str(tree["trialCommand"])
    except (KeyError, ValueError) as error:
        raise InputError(f"{nni_config}: its trialCommand cannot be read: {error}") from None
    arguments = split_trial_command(command, nni_config)
    preset = in_code(arguments.preset, nni_config.parent / str(tree.get("trialCodeDirectory") or "."))
    return preset, settings(arguments.set)


def in_code(preset: str, code: Path) -> Path:
    """The preset as a trial finds it, whose working directory is `code`."""
    return Path(os.path.normpath(code / preset)) if code.is_dir() else Path(preset)


def _simple(command: str, words: list[str]) -> bool:
    """Whether a shell splits the command into these words and does no more."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=SIGNS)
    lexer.whitespace_split, lexer.commenters = True, ""
    unquoted = "".join(command.split("'")[::2])  # variables are put into double quotes too
    return list(lexer) == words and not any(sign in unquoted for sign in "$`")
