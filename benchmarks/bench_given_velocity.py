"""SSIM against the error of the migration velocity: a network's images in it beside RTM in the same velocity.

    python benchmarks/bench_given_velocity.py --data data/openfwi --bundle exports/openfwi_migrate

Velocities are the true ones with smooth random errors of a known size; the network takes them in place of its own
estimate, as with `seisnas predict --migration-velocity`.  A network has seen such velocities in training only if
`training.given` says so.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from bench_explain import with_errors
from lib.record import Record
from rich.progress import track

from compressors.bundles.bundle import load_bundle
from datagen.dataset import ShardDataset
from datagen.waves.modelling import WaveEngine
from search_spaces.networks.migrating import MigratingNetwork
from trials.training.metrics import ssim

ERRORS = (0.0, 0.01, 0.02, 0.05, 0.1)  # one standard deviation, share of the velocity
BATCH = 8


@torch.no_grad()
def main(
    bundle: Annotated[Path, typer.Option(help="Of target both.")],
    data: Annotated[str, typer.Option(help="Folder of the data set that it was trained for.")] = "data/openfwi",
    models: Annotated[int, typer.Option(help="Of the test split.")] = 96,
) -> None:
    network = load_bundle(bundle).network
    assert isinstance(network, MigratingNetwork)
    dataset = ShardDataset(data, "test", "both")
    velocities, images = dataset.targets
    engine = WaveEngine(dataset.data)
    record = Record(
        "given_velocity",
        "SSIM against the error of the migration velocity that is given",
        f"python benchmarks/bench_given_velocity.py --bundle {bundle.name} --models {models}",
        split=f"test, {models} models",
    )
    record.rows = [row for row in record.rows if row.get("bundle") not in (None, bundle.name)]
    for size in ERRORS:
        torch.manual_seed(1)
        found: dict[str, list[torch.Tensor]] = {"network": [], "rtm": [], "own_estimate": [], "blank": []}
        for first in track(range(0, models, BATCH), f"errors of {100 * size:g} %"):
            shots_BSTR, target_B2ZX = dataset.__getitems__(range(first, min(first + BATCH, models)))
            truth_B1ZX, true_BZX = target_B2ZX[:, 1:], velocities.denormalise(target_B2ZX[:, 0]).numpy()
            wrong_BZX = with_errors(true_BZX, torch.full((len(true_BZX),), size))
            wrong_BZX = np.clip(wrong_BZX, *engine.scheme.carried)
            given_B1ZX = torch.from_numpy(velocities.normalise(wrong_BZX)[:, None]).float()
            rtm_B1ZX = images.label(torch.from_numpy(engine.migrate(wrong_BZX, shots_BSTR.numpy()))[:, None].float())
            found["network"].append(ssim(network.in_velocity(shots_BSTR, given_B1ZX), truth_B1ZX))
            found["own_estimate"].append(ssim(network(shots_BSTR)[:, 1:], truth_B1ZX))
            found["rtm"].append(ssim(rtm_B1ZX, truth_B1ZX))
            found["blank"].append(ssim(torch.zeros_like(truth_B1ZX), truth_B1ZX))
        means = {f"ssim_{name}": round(float(torch.cat(each).mean()), 4) for name, each in found.items()}
        record.add({"bundle": bundle.name, "error_percent": 100 * size, **means})


if __name__ == "__main__":
    typer.run(main)
