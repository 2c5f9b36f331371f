"""Search: of the cells, then a short training of the result.

supernet, or halving → genotype → the plain network, trained briefly → its validation SSIM is the score
                      (a supernet's own score does not predict it; Yang et al. 2020)
"""

from typing import Any

from datagen.errors import InputError
from datagen.files.reading import read_text
from search_spaces.draw import draw_genotype
from search_spaces.genotype import Genotype, skip_share
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.stages.halving import halve
from trials.stages.train import train
from trials.training.fit import Phase
from trials.training.networks import with_genotype
from trials.training.tasks import make_task


def search(config: Config, run: RunFolder, channel: Channel) -> dict[str, Any]:
    """Finds a genotype and scores it.  A run started again in its folder does not search twice."""
    if config.search.strategy == "halving":
        winner = halve(config, run, channel)
        genotype, phase = winner.genotype, winner.phase
        run.save_genotype(genotype.to_json())
    else:
        genotype = find_cells(config, run, channel)
        phase = Phase(name="retrain", epochs=config.search.retrain_epochs, learning_rate=config.tune.learning_rate)
    draw_genotype(genotype, run.path / "cells")
    found = with_genotype(config, genotype)
    measured = train(found, run, channel, phase)
    return {
        "default": measured[make_task(config).quality],
        **measured,
        "skip_share": skip_share(genotype),
        "genotype": genotype.to_json(),
    }


def find_cells(config: Config, run: RunFolder, channel: Channel) -> Genotype:
    """What `search.strategy` finds, halving apart; kept in the run, and not sought again.

    Raises InputError: the strategy needs Archai, which is not installed.
    """
    genotype_file = run.path / "genotype.json"
    if genotype_file.exists():
        return Genotype.from_json(read_text(genotype_file))
    if config.search.strategy == "archai":
        genotype = _evolved(config, run)
    else:
        from trials.stages.one_shot import find_genotype  # noqa: PLC0415  NNI, which halving does without

        genotype = find_genotype(config, run, channel)
    run.save_genotype(genotype.to_json())
    return genotype


def _evolved(config: Config, run: RunFolder) -> Genotype:
    try:
        from trials.stages.archai_search import evolve  # noqa: PLC0415  not everyone has Archai
    except ModuleNotFoundError as error:
        raise InputError(
            f"search.strategy: archai needs Archai ({error.name} is missing); install it with "
            "pip install 'seisnas[archai]' and pip install --no-deps archai==1.0.0 overrides==3.1.0"
        ) from None
    return evolve(config, run)
