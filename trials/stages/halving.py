"""Successive halving: many cells begin their training, the better half goes on, and again, until one is left.

    32 drawn ─ the widest ─► 8 cells ─ 1 epoch ─► 4 ─ to 2 ─► 2 ─ to 4 ─► 1, which trains to the end

All cells are drawn at random and have one size.  At one size a cell is as wide as its operations are cheap, and wide
ones learn more; drawing costs next to nothing (benchmarks/results/search.md).

All train with one schedule, that of the whole training (Jamieson & Talwalkar 2016).  A cell that waits is a training
that was interrupted, so no epoch is trained twice.  Better is the lower training loss of the last epoch: early on it
ranks cells as the whole training does, and validation scores do not (Ru et al. 2021; benchmarks/results/ranking.md).
"""

import sys
from statistics import median

from search_spaces.build import cell_fronts
from search_spaces.size import widest_drawn
from trials.running.channel import Channel
from trials.running.checkpoint import checkpoint_path
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.stages.candidates import Candidate, trained_until
from trials.training.fit import Phase
from trials.training.networks import geometry
from trials.training.pictures.names import forget_pictures
from trials.training.tasks import make_task


def halve(config: Config, run: RunFolder, channel: Channel) -> Candidate:
    """The winner among `search.candidates` cells; its training has come so far, and can go on.

    Started again it continues: how far each candidate has come is in the run's metrics.
    """
    score = f"val_{make_task(config).quality}"
    alive, epochs = candidates(config), 1
    while True:
        trained = {candidate: trained_until(epochs, candidate, config, run) for candidate in alive}
        losses = {candidate: float(metrics["train_loss"]) for candidate, metrics in trained.items()}
        alive = sorted(alive, key=lambda candidate: losses[candidate])
        last = epochs == config.search.retrain_epochs or len(alive) < 4
        kept = 1 if last else len(alive) // 2
        _tell(list(losses.values()), epochs, kept)
        channel.intermediate({"default": trained[alive[0]][score], "epoch": len(run.metrics)})
        for loser in alive[kept:]:
            checkpoint_path(run.path, loser.phase.name).unlink(missing_ok=True)
            forget_pictures(run.path, loser.phase.name)
        alive = alive[:kept]
        if last:
            return alive[0]
        epochs = min(2 * epochs, config.search.retrain_epochs)


def candidates(config: Config) -> list[Candidate]:
    """The cells that begin: the widest of `search.draws` times as many random ones."""
    fronts, search = cell_fronts(config.network, *geometry(config)), config.search
    widest = widest_drawn(config.network, config.seed, fronts, draws=search.draws, kept=search.candidates)
    epochs, rate = search.retrain_epochs, config.tune.learning_rate
    return [
        Candidate(genotype, Phase(name=f"candidate-{number}", epochs=epochs, learning_rate=rate))
        for number, genotype in enumerate(widest, start=1)
    ]


def _tell(losses: list[float], epochs: int, kept: int) -> None:
    go_on = "one is left" if kept == 1 else f"{kept} go on"
    spread = f"training loss {min(losses):.4f} at best, median {median(losses):.4f}"
    sys.stdout.write(f"halving: {len(losses)} cells, epoch {epochs}: {spread}; {go_on}\n")
    sys.stdout.flush()
