"""Export: a finished run as a bundle that runs anywhere, scored on the test split."""

from collections.abc import Sequence
from pathlib import Path

from compressors.bundles.bundle import write_bundle
from datagen.errors import InputError
from datagen.full_disk import report_unwritable
from search_spaces.shape import Shape
from trials.running.identity import differences
from trials.running.run_folder import RunFolder
from trials.training.networks import trained
from trials.training.tasks import make_task


def export(run: RunFolder, folder: Path | None = None, others: Sequence[RunFolder] = ()) -> Path:
    """Writes the bundle of a tune or compress run; by default into `exports/<name>`.

    `others` are runs of the same settings from other seeds; the model card gives the spread of all scores.

    Raises InputError when a run did not finish, one of `others` has other settings or a repeated seed, `folder` is not
    a bundle, or the disk is full.
    """
    config, network = run.config, trained(run)
    _check_alike(run, others)
    all_scores = [_test_scores(each) for each in (run, *others)]
    scores, folder = all_scores[0], folder or Path("exports") / config.name
    with report_unwritable(folder, "the run and any earlier bundle are kept"):
        return write_bundle(
            folder,
            network,
            spec=config.network,
            shape=Shape.of(config.data, config.network.gather_rows),
            statistics=make_task(config).statistics(),
            target=config.target,
            data_recipe=config.data,
            scores=scores,
            name=config.name,
            scores_by_seed={name: [each[name] for each in all_scores] for name in scores} if others else None,
        )


def _test_scores(run: RunFolder) -> dict[str, float]:
    """On the test split; a picker trained on labelled gathers has one only if some were held out."""
    task = make_task(run.config)
    return task.evaluate(trained(run), "test") if task.has_test_samples else {}


def _check_alike(run: RunFolder, others: Sequence[RunFolder]) -> None:
    seeds = {run.config.seed: run.path}
    for other in others:
        other.require_finished()
        differ = set(differences(run.config, other.config, run.stage)) - {"seed"}
        if differ or other.stage != run.stage:
            raise InputError(
                f"--with {other.path}: its settings are not those of {run.path} but for the seed "
                f"({', '.join(sorted(differ)) or 'another stage'})"
            )
        if other.config.seed in seeds:
            raise InputError(f"--with {other.path}: seed {other.config.seed}, as {seeds[other.config.seed]}")
        seeds[other.config.seed] = other.path
