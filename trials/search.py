"""Search: a one-shot search of the cells, then a short training of what it found.

supernet → genotype → the plain network, trained briefly from scratch → its validation SSIM is the score
                      (a supernet's own score does not predict it; Yang et al. 2020)
"""

from typing import Any

from search_spaces.build import build
from search_spaces.draw import draw_genotype
from search_spaces.genotype import Genotype, skip_share
from trials.channel import Channel
from trials.config import Config
from trials.fit import fit
from trials.networks import geometry, with_genotype
from trials.one_shot import find_genotype
from trials.run_folder import RunFolder
from trials.scoring import measures


def search(config: Config, run: RunFolder, channel: Channel) -> dict[str, Any]:
    """Finds a genotype and scores it.  A run started again in its folder does not search twice."""
    genotype_file = run.path / "genotype.json"
    if genotype_file.exists():
        genotype = Genotype.from_json(genotype_file.read_text())
    else:
        genotype = find_genotype(config, run, channel)
        run.save_genotype(genotype.to_json())
    draw_genotype(genotype, run.path / "cells")
    found = with_genotype(config, genotype)
    network = build(found.network, *geometry(found))
    scores = fit(
        network,
        found,
        run,
        channel,
        phase="retrain",
        epochs=config.search.retrain_epochs,
        learning_rate=config.tune.learning_rate,
    )
    run.save_weights(network.state_dict())
    return {
        "default": scores["ssim"],
        **measures(network, found, scores),
        "skip_share": skip_share(genotype),
        "genotype": genotype.to_json(),
    }
