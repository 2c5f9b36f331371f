"""What gives an SSIM its meaning: how images score that need no network, or only its velocity.

    blank                     zero everywhere
    RTM in v(z)               migrated in the average of the true velocity at each depth
    RTM in its velocity       migrated in the velocity that a network predicts

All on the first models of the test split, with the project's own engine and the recipe of the labels.
"""

import numpy as np
import torch

from compressors.bundles.bundle import Bundle
from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.targets import VelocityModel, make_target
from trials.prediction.predicted_velocity import open_engine, velocity_channel
from trials.results.report.report import Yardstick
from trials.training.metrics import scores

MODELS = 32  # 0.1 s each
AVERAGE = "RTM in the average velocity of each depth"


@torch.no_grad()
def yardsticks(folder: str, networks: dict[str, Bundle], shown: int = 0) -> dict[str, Yardstick]:
    """Name → mean scores, and the images of the first `shown` models.

    Empty where images cannot be made: no velocities in the data set, no Devito, no compiler.  `networks` by name; those
    that predict no velocity are left out.
    """
    try:
        dataset = ShardDataset(folder, "test", "both")
        engine = open_engine(dataset.data)
    except InputError:
        return {}
    shots_MSTR, target_M2ZX = dataset.__getitems__(range(min(MODELS, len(dataset))))
    velocities = make_target("velocity", dataset.statistics)
    images = make_target("rtm", dataset.statistics)
    assert isinstance(velocities, VelocityModel)
    true_MZX = velocities.denormalise(target_M2ZX[:, 0]).numpy()
    truth_M1ZX = target_M2ZX[:, 1:]

    def scored(image_M1ZX: torch.Tensor) -> Yardstick:
        found = {name: float(values_M.mean()) for name, values_M in scores(image_M1ZX, truth_M1ZX).items()}
        images_MZX = image_M1ZX[:shown, 0].numpy()
        return Yardstick(ssim=found["ssim"], correlation=found["correlation"], mae=found["mae"], images_MZX=images_MZX)

    def in_velocity(velocity_MZX: np.ndarray) -> Yardstick:
        carried_MZX = np.clip(velocity_MZX, *engine.scheme.carried)
        image_MZX = images.label(torch.from_numpy(engine.migrate(carried_MZX, shots_MSTR.numpy())))
        return scored(image_MZX[:, None].float())

    found = {"an image of zeros": scored(torch.zeros_like(truth_M1ZX))}
    found[AVERAGE] = in_velocity(np.broadcast_to(true_MZX.mean(2, keepdims=True), true_MZX.shape).copy())
    for name, bundle in networks.items():
        channel = velocity_channel(bundle.contents)
        if channel is not None:
            velocity_MZX = bundle.deployed(shots_MSTR)[:, channel].numpy()
            found[f"RTM in the velocity of {name}"] = in_velocity(velocity_MZX)
    return found
