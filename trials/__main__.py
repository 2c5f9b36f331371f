"""The command NNI starts for every trial: `python -m trials --preset presets/quickstart.yml`.

It reads its parameters from NNI, runs the one stage they name and reports to the web page:

    {"stage": {"_name": "tune", "loss.ssim": 0.3, …},           config paths of suite.yml → values
     "winner": {"parameters": {…}, "genotype": "…", "run": "…"}}  winner of the earlier stages
"""

import contextlib
import os
import sys
from pathlib import Path

from datagen.errors import InputError, shown
from trials.experiment.machines.host_folders import keep_data, winner_run
from trials.experiment.nni.trial_command import parse_trial_command
from trials.running.channel import Channel, under_nni
from trials.running.devices import take_share
from trials.running.ending import FAILURE, INTERRUPTED, end_on_signals
from trials.running.memory import OutOfMemory
from trials.running.quiet import print_anything
from trials.running.run_folder import RunFolder
from trials.settings.config import load, settings
from trials.stages.execute import execute
from trials.training.module import Diverged


def main() -> None:
    arguments = parse_trial_command(sys.argv[1:])
    if not under_nni():
        sys.exit("NNI starts this command for each trial. To run one stage alone: seisnas search --help")
    channel, parameters = Channel.of_trial()
    take_share(arguments.trials_at_a_time)
    chosen = dict(parameters["stage"])
    stage = chosen.pop("_name")
    winner = parameters.get("winner", {})
    genotype = {"network.genotype": winner["genotype"]} if winner.get("genotype") else {}
    config = load(arguments.preset, settings(arguments.set), winner.get("parameters", {}), genotype, chosen)
    keep_data(config.data.folder)
    source = RunFolder(winner_run(winner)) if winner else None
    execute(stage, config, RunFolder(os.environ["NNI_OUTPUT_DIR"]), channel, source=source, parameters=parameters)


def run() -> None:
    """`main`, noting a failure in the run folder: a trial without such a note was killed (lost_hosts.py)."""
    end_on_signals()
    print_anything()
    failure = Path(os.environ.get("NNI_OUTPUT_DIR", "."), FAILURE)
    failure.unlink(missing_ok=True)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BaseException as error:
        if under_nni():
            with contextlib.suppress(OSError):  # the disk may be full
                failure.write_text(f"{type(error).__name__}: {shown(error)}\n", encoding="utf-8")
        if isinstance(error, InputError | Diverged | OutOfMemory):
            sys.exit(f"failed: {shown(error)}")
        raise


if __name__ == "__main__":
    run()
