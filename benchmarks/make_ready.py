"""Makes the ready-made bundles again, from the weights that benchmarks have left: in 8 bits.

    python benchmarks/make_ready.py openfwi --work runs/imaging
    python benchmarks/make_ready.py field --work runs/first_breaks/base-1

openfwi     weights of bench_imaging.py, scored on the test split of its data set, which is made if it is not there yet
field       the run of bench_first_breaks.py on modelled gathers, with the preset's seed
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from bench_imaging import OPENFWI, WORK, load_config, network_of, own_data, weights_of
from lib.trained_imaging import trained_imaging

from compressors.bundles.bundle import in_8_bits, write_bundle
from compressors.bundles.ready_made import FOLDER
from compressors.verify import compare_onnx
from datagen.dataset import ShardDataset
from search_spaces.shape import Shape
from trials.results.example_picture import example_picture
from trials.results.export import export
from trials.running.run_folder import RunFolder
from trials.training.tasks import make_task

WEIGHTS = "climbed_muon_192000_3"  # the best of results/imaging.md

app = typer.Typer()


@app.command()
def field(work: Annotated[Path, typer.Option(help="The run's folder.")]) -> None:
    torch.set_num_threads(1)
    note = (
        "Trained with modelled gathers alone, which the scores are of; its error on a land survey is in "
        "benchmarks/results/first_breaks.md (synthetic, 0 labelled). `seisnas pick-train GATHERS` makes it better on "
        "yours, without labels."
    )
    folder = export(RunFolder(work), FOLDER / "field", small=True, notes=[note])
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"wrote {folder}: {size:,} bytes")


@app.command()
def openfwi(work: Annotated[Path, typer.Option(help="As of bench_imaging.py.")] = WORK) -> None:
    torch.set_num_threads(1)
    manifest = own_data(OPENFWI, work)
    recipe, shape = load_config(OPENFWI), Shape.of(manifest.data)
    config = replace(
        recipe, data=replace(recipe.data, folder=str(work / "data" / OPENFWI.stem)), network=network_of(WEIGHTS)
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
            notes=["Trained with 512,000 samples of 35,000 models (benchmarks/results/imaging.md, cells of a climb)."],
        )
    shots_BSTR, _ = ShardDataset(config.data.folder, "test", "both").__getitems__(range(8))
    size = sum(file.stat().st_size for file in folder.iterdir())
    error = compare_onnx(folder, shots_BSTR.numpy())
    print(f"wrote {folder}: {size:,} bytes, SSIM {scores['ssim']:.4f}, ONNX within {error:.1e} of torch")


if __name__ == "__main__":
    app()
