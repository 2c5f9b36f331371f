"""Does the misfit of `seisnas predict --explain` say how wrong a velocity is?  Rank correlations on the test split.

    python benchmarks/bench_explain.py --data data/openfwi
    python benchmarks/bench_explain.py --data data/openfwi --bundle exports/velocity [--mirrored]

Without a bundle the velocities are the true ones with smooth random errors of 0 to 10 %, one size a model; with one
they are its predictions.  For each: the misfit, which needs no truth; the velocity's mean error; the SSIM of the RTM
image in it with the label, and that of the image which a bundle of both predicts itself.  Spearman's rank correlation,
with the 95 % interval of a bootstrap over the models.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from lib.record import Record
from numpy.typing import NDArray
from rich.progress import track
from scipy.stats import spearmanr

from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.shards.manifest import load_manifest
from datagen.waves.modelling import WaveEngine
from trials.prediction.misfit import gain, measure_misfit
from trials.prediction.predict import Images, open_imager
from trials.prediction.predicted_velocity import PredictedVelocity
from trials.training.metrics import ssim
from trials.training.migrating.given_velocities import smooth_errors

Array = NDArray[Any]

BATCH = 8
LARGEST = 0.1  # error, one standard deviation, share of the velocity
DRAWS = 1000  # of the bootstrap
PARTS = 4  # of the models, by misfit: mean error of each


def with_random_errors(_: Array, true_BZX: Array) -> Array:
    """(shots, true velocities [B, Z, X]) → velocities with smooth errors from torch's global generator."""
    return with_errors(true_BZX, LARGEST * torch.rand(len(true_BZX)))


def with_errors(true_BZX: Array, size_B: torch.Tensor) -> Array:
    """As training.given has them; `size_B`: one standard deviation, share of the velocity."""
    return np.asarray(true_BZX * (1 + smooth_errors(size_B, *true_BZX.shape[1:])[:, 0].numpy()), np.float32)


def measure(
    folder: str, predict: Callable[[Array, Array], Array], models: int, engine: WaveEngine, imager: Images | None
) -> dict[str, Array]:
    """For each of the first `models` of the test split: misfit with and without gain, velocity error [m/s], SSIM.

    `imager`: of a bundle that predicts velocity and image, for `own_ssim`.
    """
    velocities, images = (ShardDataset(folder, "test", target) for target in ("velocity", "rtm"))
    survey, count = velocities.data.survey, min(models, len(velocities))
    columns: dict[str, list[Array]] = {name: [] for name in ("misfit", "misfit_no_gain", "error", "ssim")}
    for first in track(range(0, count, BATCH), "models"):
        indices = range(first, min(first + BATCH, count))
        shots_BSTR, velocity_B1ZX = (each.numpy() for each in velocities.__getitems__(indices))
        true_BZX = velocities.targets[0].denormalise(velocity_B1ZX[:, 0])
        velocity_BZX = np.clip(predict(shots_BSTR, true_BZX), *engine.scheme.carried)
        modelled_BSTR = engine.shoot(velocity_BZX)
        for name, weight_BSTR in (("misfit", gain(shots_BSTR, survey)), ("misfit_no_gain", np.ones_like(shots_BSTR))):
            columns[name].append(measure_misfit(shots_BSTR, modelled_BSTR, weight_BSTR).whole_N)
        columns["error"].append(np.abs(velocity_BZX - true_BZX).mean((1, 2)))
        image_B1ZX = torch.from_numpy(images.targets[0].normalise(engine.migrate(velocity_BZX, shots_BSTR)[:, None]))
        truth_B1ZX = images.__getitems__(indices)[1]
        columns["ssim"].append(ssim(image_B1ZX, truth_B1ZX).numpy())
        if imager is not None:
            own_B1ZX = torch.from_numpy(images.targets[0].normalise(imager(shots_BSTR)[:, 1:]))
            columns.setdefault("own_ssim", []).append(ssim(own_B1ZX, truth_B1ZX).numpy())
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def rank_correlation(a_N: Array, b_N: Array) -> list[float]:
    """Spearman's, and the ends of its 95 % interval."""
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(a_N), len(a_N)) for _ in range(DRAWS)]
    spread = [spearmanr(a_N[draw], b_N[draw]).statistic for draw in draws]
    return [float(value) for value in (spearmanr(a_N, b_N).statistic, *np.quantile(spread, (0.025, 0.975)))]


def by_part(misfit_N: Array, values_N: Array) -> list[float]:
    """Mean of the quarter of the models with the smallest misfit, the next, and so on."""
    return [float(part.mean()) for part in np.array_split(values_N[np.argsort(misfit_N)], PARTS)]


def main(
    data: Annotated[str, typer.Option(help="Folder of a data set with velocities and images.")] = "data/openfwi",
    bundle: Annotated[Path | None, typer.Option(help="One that predicts velocities, of the same survey.")] = None,
    models: Annotated[int, typer.Option(min=PARTS, help="Of the test split.")] = 248,
    seed: Annotated[int, typer.Option(help="Of the errors, without a bundle.")] = 1,
    mirrored: Annotated[bool, typer.Option(help="As of seisnas predict.")] = False,
) -> None:
    recipe, own = load_manifest(data).data, None
    if bundle is None:
        engine, source = WaveEngine(recipe), f"true velocity, smooth errors of 0 to {100 * LARGEST:g} %"
        predict = with_random_errors
        torch.manual_seed(seed)
    else:
        imager = open_imager(bundle, mirrored=mirrored)
        if (imager.contents.data.survey, imager.contents.data.grid) != (recipe.survey, recipe.grid):
            raise InputError(f"{bundle}: its survey or grid is not that of {data}; give --data of the same")
        velocity = PredictedVelocity(bundle, imager)
        own = imager if imager.contents.target == "both" else None
        source = bundle.name + (", mean with the mirrored shots" if mirrored else "")
        engine, predict = velocity.engine, lambda shots_BSTR, _: velocity(shots_BSTR)
    record = Record(
        "explain",
        "Misfit of the shots beside the error of the velocity",
        "python benchmarks/bench_explain.py"
        + (f" --bundle {bundle.name}" if bundle else "")
        + (" --mirrored" if mirrored else ""),
        split="test",
        ranks="Spearman's correlation, with its 95 % interval",
        quarters="means over the models with the smallest misfit, the next, the next, and the largest",
    )
    found = measure(data, predict, models, engine, own)
    row: dict[str, Any] = {"source": source, "data": Path(data).name, "models": len(found["misfit"]), "split": "test"}
    row |= {
        "rank_velocity_error": rank_correlation(found["misfit"], found["error"]),
        "rank_image_error": rank_correlation(found["misfit"], 1 - found["ssim"]),
        "rank_velocity_error_no_gain": rank_correlation(found["misfit_no_gain"], found["error"]),
        "rank_image_error_no_gain": rank_correlation(found["misfit_no_gain"], 1 - found["ssim"]),
        "misfit_quarters": by_part(found["misfit"], found["misfit"]),
        "velocity_mae_quarters": by_part(found["misfit"], found["error"]),
        "ssim_quarters": by_part(found["misfit"], found["ssim"]),
    }
    if own is not None:
        row |= {
            "rank_own_image_error": rank_correlation(found["misfit"], 1 - found["own_ssim"]),
            "own_ssim_quarters": by_part(found["misfit"], found["own_ssim"]),
        }
    record.rows = [old for old in record.rows if (old["source"], old["data"]) != (row["source"], row["data"])]
    record.add(row)


if __name__ == "__main__":
    typer.run(main)
