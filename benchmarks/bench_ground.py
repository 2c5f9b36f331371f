"""What a long training of bench_imaging.py is worth on ground that it has not seen: the test split of another preset.

    python benchmarks/bench_ground.py small_muon_390000_2 --preset presets/openfwi_curves.yml

The data set needs the survey of the training's; its shots, images and velocities are scaled as the training's were.
MAE of velocities is that of values from −1 to 1 over the limits of the training, 1500 to 4500 m/s, as OpenFWI tells it.

    results/ground.json, .md
"""

from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated

import torch
import typer
from bench_imaging import OPENFWI, WORK, network_of, weights_of
from lib.grounds import own_data
from lib.record import Record, Row
from lib.trained_imaging import trained_imaging

from datagen import make_data_set
from datagen.dataset import ShardDataset, loader
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape
from trials.training.metrics import blank_ssim
from trials.training.migrating.velocity_and_image import scores_of_both

CURVES = Path("presets/openfwi_curves.yml")
SCORES = ("ssim", "correlation", "blank_ssim", "velocity_ssim", "velocity_correlation", "velocity_mae")


def main(
    label: Annotated[str, typer.Argument(help="Of a training in results/imaging.json.")],
    preset: Annotated[Path, typer.Option(help="Of the ground.")] = CURVES,
    data: Annotated[Path | None, typer.Option(help="Folder of its data set; made if it is not there.")] = None,
    trained_on: Annotated[Path, typer.Option(help="Preset of the training.")] = OPENFWI,
    work: Annotated[Path, typer.Option(help="Of bench_imaging.py.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    own = own_data(trained_on, work)
    folder = data or work / "data" / preset.stem
    if data is None:
        make_data_set(preset, folder)
    network = trained_imaging(network_of(label), weights_of(label), Shape.of(own.data), own.statistics.shot_scale)
    dataset = ShardDataset(str(folder), "test", "both", statistics=own.statistics)
    command = f"python benchmarks/bench_ground.py {label} --preset {preset}"
    record = Record("ground", "A trained network on ground that it has not seen", command, split="test")
    row = {"network": label, "ground": preset.stem} | examined(network, dataset)
    record.rows = [each for each in record.rows if (each["network"], each["ground"]) != (label, preset.stem)]
    record.add(row)


@torch.no_grad()
def examined(network: MigratingNetwork, dataset: ShardDataset) -> Row:
    """Means over the models, and their standard deviation where it is told."""
    network.eval()
    rows = []
    for shots_BSTR, target_B2ZX in loader(dataset, batch_size=32):
        found = scores_of_both(network(shots_BSTR), target_B2ZX)
        rows.append(found | blank_ssim(scores_of_both, target_B2ZX))
    each = {name: torch.cat([row[name] for row in rows]).tolist() for name in SCORES}
    means = {name: round(fmean(values), 4) for name, values in each.items()}
    spread = {f"{name}_std": round(stdev(each[name]), 4) for name in ("ssim", "velocity_ssim")}
    return {"models": len(dataset), **means, **spread}


if __name__ == "__main__":
    typer.run(main)
