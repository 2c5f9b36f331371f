"""Makes the ready-made bundles again, from the weights that bench_imaging.py has left: in 8 bits, scored as such.

    python benchmarks/make_ready.py --work runs/imaging

Its data set is made if it is not there yet (15 minutes); the scores of the model card are those of its test split.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from bench_imaging import NETWORKS, OPENFWI, WORK, load_config, own_data, weights_of
from lib.trained_imaging import trained_imaging

from compressors.bundles.bundle import in_8_bits, write_bundle
from compressors.bundles.ready_made import FOLDER
from compressors.verify import compare_onnx
from datagen.dataset import ShardDataset
from search_spaces.shape import Shape
from trials.results.example_picture import example_picture
from trials.training.tasks import make_task

WEIGHTS = "small_muon_390000_2"  # the best of results/imaging.md


def main(work: Annotated[Path, typer.Option(help="As of bench_imaging.py.")] = WORK) -> None:
    torch.set_num_threads(1)
    manifest = own_data(OPENFWI, work)
    recipe, shape = load_config(OPENFWI), Shape.of(manifest.data)
    config = replace(
        recipe, data=replace(recipe.data, folder=str(work / "data" / OPENFWI.stem)), network=NETWORKS["small"]
    )
    scale = manifest.statistics.shot_scale
    network = in_8_bits(trained_imaging(config.network, weights_of(WEIGHTS), shape, scale)).eval()
    folder, scores = FOLDER / "openfwi", make_task(config).evaluate(network, "test")
    with example_picture(network, config) as picture:
        write_bundle(
            folder,
            network,
            spec=config.network,
            shape=shape,
            statistics=manifest.statistics,
            target="both",
            data_recipe=recipe.data,
            scores=scores,
            name="openfwi",
            picture=picture,
            small=True,
            notes=["Trained with 390,000 samples of 15,000 models (benchmarks/results/imaging.md, seed 2)."],
        )
    shots_BSTR, _ = ShardDataset(config.data.folder, "test", "both").__getitems__(range(8))
    size = sum(file.stat().st_size for file in folder.iterdir())
    error = compare_onnx(folder, shots_BSTR.numpy())
    print(f"wrote {folder}: {size:,} bytes, SSIM {scores['ssim']:.4f}, ONNX within {error:.1e} of torch")


if __name__ == "__main__":
    typer.run(main)
