"""A climb: the best of some random cells, then of its neighbours, which differ from it in one choice, and again.

    6 random cells ─ 1 epoch ─► 2 ─ to 2 ─► leader    5 of its neighbours ─ 2 epochs ─► leader    4 of its … ─► leader

The last leader trains to the end.  All cells have one size, and train with one schedule, that of the whole training.  A
cell that waits is a training that was interrupted, so no epoch is trained twice.  The leader has the lowest training
loss of its second epoch (benchmarks/results/ranking.md).  Local search is strong in small spaces (White et al. 2021).
"""

import sys

import numpy as np

from search_spaces.build import cell_fronts
from search_spaces.genotype import Genotype, neighbours
from search_spaces.size import widest
from trials.running.channel import Channel
from trials.running.checkpoint import checkpoint_path
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.stages.candidates import Candidate, candidate, random_candidates, trained_until
from trials.training.networks import geometry
from trials.training.tasks import make_task

SEEDED = 2  # random cells that go on
FAR = 2  # epochs after which cells are compared


def climb(config: Config, run: RunFolder, channel: Channel) -> Candidate:
    """The last leader; its training has come so far, and can go on.

    Started again it continues: how far each cell has come is in the run's metrics.
    """
    score = f"val_{make_task(config).quality}"
    far = min(FAR, config.search.retrain_epochs)
    draws = np.random.default_rng(config.seed)

    def loss(each: Candidate, epochs: int) -> float:
        return float(trained_until(epochs, each, config, run)["train_loss"])

    def lead(tried: list[Candidate]) -> Candidate:
        leader = min(tried, key=lambda each: loss(each, far))
        channel.intermediate({"default": trained_until(far, leader, config, run)[score], "epoch": len(run.metrics)})
        sys.stdout.write(f"climb: {len(tried)} cells, training loss {loss(leader, far):.4f} at best\n")
        sys.stdout.flush()
        return leader

    first = random_candidates(config)
    tried = sorted(first, key=lambda each: loss(each, 1))[:SEEDED]
    leader = lead(tried)
    for count in config.search.tries:
        known = {each.genotype for each in tried}
        near = [cells for cells in _near(leader.genotype, config) if cells not in known]
        chosen = [near[place] for place in draws.permutation(len(near))[:count]]
        tried += [candidate(cells, len(first) + len(tried) + step, config) for step, cells in enumerate(chosen)]
        leader = lead(tried)
    for each in {*first, *tried} - {leader}:
        checkpoint_path(run.path, each.phase.name).unlink(missing_ok=True)
    return leader


def _near(cells: Genotype, config: Config) -> list[Genotype]:
    fronts = cell_fronts(config.network, *geometry(config))
    space = config.network
    return [widest(each, fronts, space.max_parameters) for each in neighbours(cells, space.operations)]
