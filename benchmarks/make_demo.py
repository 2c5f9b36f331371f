"""Makes the record of `seisnas demo` again: a typical model of the test split.

    python benchmarks/make_demo.py --data data/openfwi

It is the one for which the ready-made bundle's SSIM of image and velocity lie nearest to the split's means: the larger
of the two distances counts, in standard deviations.  Its shots are stored every 3 ms, in 16 bits.  The number that is
printed is `MODEL` in trials/prediction/demo.py.
"""

from typing import Annotated

import numpy as np
import torch
import typer

from compressors import Imager
from datagen.dataset import ShardDataset
from datagen.shards.manifest import load_manifest, open_array
from trials.prediction.demo import BUNDLE, INTERVAL, RECORD
from trials.training.metrics import ssim

BATCH = 8


def main(
    data: Annotated[str, typer.Option(help="Folder of the data set of presets/openfwi.yml.")] = "data/openfwi",
) -> None:
    dataset, imager = ShardDataset(data, "test", "both"), Imager(BUNDLE)
    scores_MC = np.concatenate(
        [_scores(dataset, imager, range(at, min(at + BATCH, len(dataset)))) for at in range(0, len(dataset), BATCH)]
    )
    mean_C, spread_C = scores_MC.mean(0), scores_MC.std(0)
    model = int(np.argmin((np.abs(scores_MC - mean_C) / spread_C).max(1)))
    _store(data, model, round(INTERVAL / dataset.data.survey.interval))
    found, means = scores_MC[model].round(4), mean_C.round(4)
    print(f"model {model} of {len(dataset)}: SSIM of velocity and image {found}, means {means}")


def _scores(dataset: ShardDataset, imager: Imager, models: range) -> np.ndarray:
    """SSIM [M, C] of the bundle's images."""
    shots_MSTR, truth_MCZX = dataset.__getitems__(models)
    found_MCZX = imager(shots_MSTR.numpy())
    found = [target.normalise(torch.from_numpy(found_MCZX[:, [c]])) for c, target in enumerate(imager.contents.scaled)]
    return np.stack([ssim(each, truth_MCZX[:, [c]]).numpy() for c, each in enumerate(found)], axis=1)


def _store(data: str, model: int, step: int) -> None:
    manifest = load_manifest(data)
    for record in manifest.of_split("test"):
        if model < record.shard.models:
            arrays = {kind: open_array(data, manifest.data, record, kind)[model] for kind in ("data", "model", "image")}
            RECORD.mkdir(exist_ok=True)
            np.save(RECORD / "shots.npy", arrays["data"][:, ::step].astype(np.float16))
            np.save(RECORD / "velocity.npy", arrays["model"][0].astype(np.float16))
            np.save(RECORD / "image.npy", arrays["image"][0].astype(np.float16))
            return
        model -= record.shard.models


if __name__ == "__main__":
    typer.run(main)
