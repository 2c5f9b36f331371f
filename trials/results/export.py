"""Export: a finished run as a bundle that runs anywhere, scored on the test split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from compressors.bundles.bundle import in_8_bits, write_bundle
from compressors.bundles.contents import read_contents
from datagen.errors import InputError
from datagen.full_disk import report_unwritable
from search_spaces.shape import Shape
from trials.results.example_picture import example_picture
from trials.running.identity import differences
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.networks import trained
from trials.training.tasks import make_task

NOTICEABLE = 0.01  # of SSIM


def export(
    run: RunFolder,
    folder: Path | None = None,
    others: Sequence[RunFolder] = (),
    *,
    small: bool = False,
    notes: Sequence[str] = (),
) -> Path:
    """Writes the bundle of a tune or compress run; by default into `exports/<name>`.

    `others` are runs of the same settings from other seeds; the model card gives the spread of all scores.  `small`:
    with weights of 8 bits, which the scores are of, too.  `notes` are sentences for the model card.

    Raises InputError when a run did not finish, one of `others` has other settings or a repeated seed, `folder` is not
    a bundle, or the disk is full.
    """
    _check_alike(run, others)
    networks = [in_8_bits(trained(each)) if small else trained(each) for each in (run, *others)]
    config, network = run.config, networks[0]
    all_scores = [_test_scores(each, config) for each in networks]
    scores, folder = all_scores[0], folder or Path("exports") / config.name
    with report_unwritable(folder, "the run and any earlier bundle are kept"), example_picture(network, config) as file:
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
            small=small,
            notes=notes,
            picture=file,
            scores_by_seed={name: [each[name] for each in all_scores] for name in scores} if others else None,
        )


def describe(run: RunFolder) -> str:
    """What will be exported, with what the run says of its own network.  Raises InputError: it did not finish."""
    name, result = run.config.name, run.result
    found = [f"{result['nonzero']:,} of {result['parameters']:,} weights not zero"] if "nonzero" in result else []
    found += [f"validation {_with_meaning(result)}"] if "ssim" in result else []
    return f"{run.stage} of {name}, {run.path.name}: {', '.join(found)}; scored on the test split now"


def describe_bundle(folder: Path) -> str:
    """Its scores on the test split, if it has an SSIM, and the command that uses it."""
    contents = read_contents(folder)
    scored = [f"test {_with_meaning(contents.scores)}"] if "ssim" in contents.scores else []
    picks = contents.network.gather_rows is not None
    command = f"next: seisnas {'pick' if picks else 'predict'} {folder} {'GATHERS' if picks else 'SHOTS'}"
    return "\n".join([*scored, command])


def _with_meaning(scores: Mapping[str, Any]) -> str:
    """SSIM stands beside that of an image of zeros, and a network that does not beat it is called out."""
    blank, correlation = scores.get("blank_ssim"), scores.get("correlation")
    beside = [f"an image of zeros {blank:.3f}"] if blank is not None else []
    beside += [f"correlation {correlation:.2f}"] if correlation is not None else []
    useless = blank is not None and scores["ssim"] <= blank + NOTICEABLE
    warning = "; no better than zeros: train it longer" if useless else ""
    return f"SSIM {scores['ssim']:.3f}" + (f" ({', '.join(beside)})" if beside else "") + warning


def _test_scores(network: nn.Module, config: Config) -> dict[str, float]:
    """On the test split; a picker trained on labelled gathers has one only if some were held out."""
    task = make_task(config)
    return task.evaluate(network, "test") if task.has_test_samples else {}


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
