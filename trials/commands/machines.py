"""Commands that check machines: this one, and the hosts of an experiment."""

from pathlib import Path

import typer

from datagen.errors import InputError
from trials.commands.options import NniConfig, Port, console


def doctor(port: Port = 8080) -> None:
    """Check this machine: versions, compiler, NNI's start, ports, disk, memory, GPU."""
    from trials.experiment.machines.doctor import checks

    found = checks(port)
    for check in found:
        mark = "[green]ok  [/]" if check.ok else "[red]FAIL[/]"
        console.print(f"{mark} {check.name}: {check.detail}", soft_wrap=True)
        if not check.ok:
            console.print(f"     → {check.remedy}", soft_wrap=True)
    raise typer.Exit(0 if all(check.ok for check in found) else 1)


def hosts(config: NniConfig = Path("nni_config.remote.yml")) -> None:
    """Check the machines of an experiment: reached, key known, versions, disk, data set."""
    from trials.experiment.host_table import check_hosts
    from trials.experiment.nni.trial_command import load_trial_config

    if not check_hosts(config, load_trial_config(config).data, console):
        raise InputError(f"{config}: trainingService.platform is not remote, the trials run on this machine")
