"""The command of `seisnas` for several machines."""

from pathlib import Path
from typing import Annotated

import typer

from datagen.errors import InputError
from trials.commands.options import app, console


@app.command()
def hosts(
    config: Annotated[Path, typer.Option("--config", help="The NNI experiment's file.")] = Path(
        "nni_config.remote.yml"
    ),
) -> None:
    """Check the machines of an experiment: reached, key known, versions, disk, data set."""
    from trials.chain import config_of
    from trials.experiment.host_table import check_hosts

    if not check_hosts(config, config_of(config).data, console):
        raise InputError(f"{config}: trainingService.platform is not remote, the trials run on this machine")
