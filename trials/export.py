"""Export: a finished run as a bundle that runs anywhere, scored on the test split."""

from pathlib import Path

from compressors.bundle import write_bundle
from datagen.shards import Statistics
from search_spaces.shape import Shape
from trials.fit import evaluate
from trials.networks import statistics, trained
from trials.run_folder import RunFolder

NOT_NEEDED = Statistics(shot_scale=1.0, image_scale=0.0, velocity_min=0.0, velocity_max=0.0)  # by pickers


def export(run: RunFolder, folder: Path | None = None) -> Path:
    """Writes the bundle of a tune or compress run; by default into `exports/<name>`.

    Raises InputError when the run did not finish or `folder` is something else than a bundle.
    """
    config, network = run.config, trained(run)
    scored = config.picking.labelled is None or bool(config.picking.held)
    return write_bundle(
        folder or Path("exports") / config.name,
        network,
        spec=config.network,
        shape=Shape.of(config.data, config.network.gather_rows),
        statistics=NOT_NEEDED if config.target == "first_break" else statistics(config),
        target=config.target,
        data_recipe=config.data,
        scores=evaluate(network, config, "test") if scored else {},
        name=config.name,
    )
