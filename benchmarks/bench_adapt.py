"""Does `seisnas adapt` help on ground that the training lacked?  Scores before and after, with the truth at hand.

    python benchmarks/bench_adapt.py --data data/openfwi_curves --seed 1
    python benchmarks/bench_adapt.py --velocity marmousi_vp.bin --shape 221x601 --unit 1000 --spacing 15 --seed 1

The shots are those of the first models of a test split, or of the windows that bench_windows.py has.
The network sees the shots alone, never the truth.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from bench_windows import WINDOWS
from lib.record import Record
from numpy.typing import NDArray

from compressors.bundles.contents import Contents
from datagen.dataset import ShardDataset
from datagen.targets import make_targets
from datagen.waves.modelling import WaveEngine
from datagen.waves.scheme import derive_scheme
from trials.adapting.adapt import OfNetwork, adapt
from trials.prediction.predict import open_imager
from trials.prediction.velocity_window import cut_window, read_velocity, spanning, within_limits
from trials.training.metrics import blank_ssim
from trials.training.migrating.velocity_and_image import scores_of_both

Array = NDArray[Any]
Row = dict[str, Any]


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of a data set of the bundle's survey.")] = None,
    velocity: Annotated[Path | None, typer.Option(help="Or a velocity model, as of seisnas model.")] = None,
    spacing: Annotated[float, typer.Option(help="Of its cells [m].")] = 15.0,
    shape: Annotated[str | None, typer.Option()] = None,
    unit: Annotated[float, typer.Option()] = 1.0,
    bundle: Annotated[str, typer.Option(help="Of target both.")] = "openfwi",
    samples: Annotated[int, typer.Option(help="Of the test split.")] = 32,
    models: Annotated[int, typer.Option(help="As of seisnas adapt.")] = 400,
    seed: Annotated[int, typer.Option()] = 1,
    work: Annotated[Path | None, typer.Option(help="Keeps data and training; default: they are deleted.")] = None,
) -> None:
    contents = open_imager(bundle).contents
    if velocity is not None:
        family, (shots_BSTR, truth_B2ZX) = velocity.stem, of_windows(velocity, spacing, shape, unit, contents)
    else:
        family, (shots_BSTR, truth_B2ZX) = data.name, of_data(data, samples, contents)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (work or Path(temporary)) / f"{family}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "shots.npy", shots_BSTR)
        found = adapt(bundle, folder / "shots.npy", folder / "adapted", models=models, seed=seed, run=folder / "run")
    record = Record(
        "adapt",
        "Adapting a bundle to shots without labels",
        "python benchmarks/bench_adapt.py, --data or --velocity",
        scores="means over the samples, before and after; kept: what the misfit of the shots chooses",
    )
    row: Row = {"family": family, "bundle": contents.name, "samples": len(shots_BSTR), "models": models, "seed": seed}
    record.rows = [old for old in record.rows if not row.items() <= old.items()]
    old, new = (
        scores(each(shots_BSTR), truth_B2ZX, contents)
        for each in (open_imager(bundle), OfNetwork(contents, found.network))
    )
    for name in ("rtm_ssim", "rtm_correlation", "velocity_ssim", "velocity_correlation", "velocity_mae"):
        row |= {f"{name}_before": old[name], f"{name}_after": new[name]}
    row |= {"rtm_blank_ssim": old["rtm_blank_ssim"], "misfit_before": found.before, "misfit_after": found.after}
    record.add(row | {"share_of_the_way": found.share, "kept": "new" if found.helped else "old"})


def of_data(folder: Path, samples: int, contents: Contents) -> tuple[Array, Array]:
    """Shots, and velocity and image on the bundle's scale, of the first models of the test split."""
    data = ShardDataset(str(folder), "test", "both", statistics=contents.statistics)
    shots_BSTR, truth_B2ZX = data.__getitems__(range(min(samples, len(data))))
    return shots_BSTR.numpy(), truth_B2ZX.numpy()


def of_windows(file: Path, spacing: float, shape: str | None, unit: float, contents: Contents) -> tuple[Array, Array]:
    (model_ZX,) = read_velocity(file, shape, unit)
    windows_BZX = np.stack([cut_window(model_ZX, spacing, corner, contents.data.grid) for corner in WINDOWS])
    data = spanning(contents.data, windows_BZX)
    scheme = derive_scheme(data)
    windows_BZX = within_limits(windows_BZX, scheme.carried)
    shots_BSTR, image_BZX = WaveEngine(data, scheme=scheme).shoot_and_migrate(windows_BZX)
    labels = [each.label(values) for each, values in zip(contents.scaled, (windows_BZX, image_BZX), strict=True)]
    return shots_BSTR, np.stack(labels, 1).astype(np.float32)


def scores(prediction_B2ZX: Array, truth_B2ZX: Array, contents: Contents) -> dict[str, float]:
    """rtm_ssim, velocity_ssim …, means over the samples."""
    targets = make_targets("both", contents.statistics)
    normalised = [each.normalise(prediction_B2ZX[:, channel]) for channel, each in enumerate(targets)]
    prediction, truth = (torch.from_numpy(np.asarray(each)) for each in (np.stack(normalised, 1), truth_B2ZX))
    found = scores_of_both(prediction, truth) | blank_ssim(scores_of_both, truth)
    return {
        name if name.startswith("velocity_") else f"rtm_{name}": float(value_B.mean())
        for name, value_B in found.items()
    }


if __name__ == "__main__":
    typer.run(main)
