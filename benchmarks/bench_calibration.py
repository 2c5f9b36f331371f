"""What an SSIM of an RTM image means: scores of images that are wrong in known ways, beside their errors of depth.

    python benchmarks/bench_calibration.py --data data/openfwi

The shots of test models are migrated in wrong velocities with the project's own engine and the recipe of the labels;
the image in the true velocity is moved in depth by parts of a cell.  A wrong velocity moves reflectors, too: how far
follows from the time along the vertical (lib/misplaced.py).  Images and velocities of the trained network stand beside.

    results/calibration.json, .md    a row for each fault: mean and standard deviation over the models
    results/calibration.png          scores against the error of depth, and examples
"""

from pathlib import Path
from typing import Annotated

import torch
import typer
from bench_imaging import NETWORKS
from lib.calibration_cases import COUNT, Case, Cases, average_velocity
from lib.calibration_table import CalibrationTable, trained_networks
from lib.record import RESULTS
from lib.trained_imaging import trained_imaging
from rich.progress import track

from datagen.dataset import ShardDataset
from datagen.targets import RtmImage, VelocityModel
from datagen.waves.modelling import WaveEngine
from search_spaces.shape import Shape

WEIGHTS = RESULTS / "imaging" / "small_muon_200000_1.safetensors"
BATCH = 8


@torch.no_grad()
def main(
    data: Annotated[str, typer.Option(help="Folder of the data set of presets/openfwi.yml.")] = "data/openfwi",
    models: Annotated[int, typer.Option(min=2, help="Of the test split.")] = 96,
    weights: Annotated[Path, typer.Option(help="Of the small network of bench_imaging.py.")] = WEIGHTS,
) -> None:
    dataset = ShardDataset(data, "test", "both")
    velocities, images = dataset.targets
    assert isinstance(velocities, VelocityModel)
    assert isinstance(images, RtmImage)
    shots_MSTR, target_M2ZX = dataset.__getitems__(range(models))
    true_MZX, label_MZX = velocities.denormalise(target_M2ZX[:, 0]).numpy(), target_M2ZX[:, 1]
    network = trained_imaging(NETWORKS["small"], weights, Shape.of(dataset.data), dataset.statistics.shot_scale)
    predicted_M2ZX = torch.cat([network(each_BSTR) for each_BSTR in torch.split(shots_MSTR, BATCH)])
    predicted_MZX = velocities.denormalise(predicted_M2ZX[:, 0]).numpy()

    cases = Cases(WaveEngine(dataset.data), images, shots_MSTR.numpy(), true_MZX)
    table = CalibrationTable(dataset.data, true_MZX, label_MZX)
    for case in track(cases(average_velocity(data)), "cases", total=COUNT):
        table.add(case)
    table.add(cases.migrated("velocity of the network", weights.stem, predicted_MZX))
    table.add(Case(fault="image of the network", size=weights.stem, image_MZX=predicted_M2ZX[:, 1]))
    table.add(Case(fault="image of zeros", size="", image_MZX=torch.zeros_like(label_MZX)))
    for row in trained_networks():
        table.add_row(row)
    table.draw()


if __name__ == "__main__":
    typer.run(main)
