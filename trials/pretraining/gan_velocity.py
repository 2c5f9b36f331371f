"""Velocity models that a GAN draws, checked and written where `seisnas generate` takes models from a file.

    generator ─► ±1 ─► m/s ─► finite and in range? ─► no copy of a training model? ─► .npy [n, z, x]

datagen checks whether grid and time step carry the velocities (points per wavelength, CFL), as for every file.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datagen.config import Data, VelocityFile
from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.files.whole_files import whole
from trials.pretraining.show_gan import sampled
from trials.training.transferring.pretrained_files import load_generator

COPY = 0.01  # share of the training models nearer to another one than the distance that counts as a copy
ROUND = 64  # models drawn at a time
MOST_ROUNDS = 20  # gives up after drawing this many times the wanted number


def with_gan_velocity(data: Data, file: Path, report: Callable[[str], object]) -> Data:
    """`data` with its velocity models drawn by the generator in `file`, written beside `data.folder`.

    A function of the generator and `data.seed`: the same models on every call.

    Raises
    ------
    InputError
        `file` is not a generator of velocity models, or of another grid; the data set that it learned from is missing,
        so that it cannot be compared; too many of its models are copies.
    """
    generator, facts = load_generator(file)
    if facts["source"] != "velocity":
        raise InputError(f"{file}: a generator of {facts['source']}; give one of `pretrain.source: velocity`")
    wanted = (data.grid.nz, data.grid.nx, data.grid.spacing)
    if (*facts["size"], facts["spacing"]) != wanted:
        raise InputError(
            f"{file}: makes models of {facts['size'][0]} x {facts['size'][1]} cells of {facts['spacing']:g} m, "
            f"data.grid is {wanted[0]} x {wanted[1]} of {wanted[2]:g} m; change data.grid"
        )
    known_MZX = _training_models(file, facts)
    limit = copy_distance(known_MZX)
    models: list[Tensor] = []
    copies = rounds = 0
    draws = torch.Generator().manual_seed(data.seed)
    while sum(len(each) for each in models) < data.split.total:
        if rounds * ROUND > MOST_ROUNDS * (data.split.total + ROUND):
            raise InputError(f"{file}: {copies} of {rounds * ROUND} models are copies of training models; train longer")
        drawn_BZX = sampled(generator, torch.randn(ROUND, facts["latent"], generator=draws))[:, 0]
        new_B = (nearest(drawn_BZX, known_MZX) > limit) & torch.isfinite(drawn_BZX).all((1, 2))
        copies, rounds = copies + int((~new_B).sum()), rounds + 1
        models.append(drawn_BZX[new_B])
    slowest, fastest = facts["velocity_min"], facts["velocity_max"]
    velocity_NZX = slowest + (fastest - slowest) * (torch.cat(models)[: data.split.total] + 1) / 2
    target = Path(f"{data.folder}.velocity.npy")
    _write(target, velocity_NZX.clamp(slowest, fastest).numpy())
    report(f"{target}: {data.split.total} models of {file}; {copies} more were too near to a training model")
    return replace(data, velocity_file=VelocityFile(path=str(target), spacing=(data.grid.spacing,)))


def nearest(models_BZX: Tensor, known_MZX: Tensor) -> Tensor:
    """Root mean square difference [of ±1] to the nearest known model or its mirror image, `[B]`."""
    flat = models_BZX.flatten(1)
    both = [torch.cdist(flat, known.flatten(1)).amin(1) for known in (known_MZX, known_MZX.flip(2))]
    distance_B: Tensor = torch.minimum(*both) / flat.shape[1] ** 0.5
    return distance_B


def copy_distance(known_MZX: Tensor) -> float:
    """The distance below which a model counts as a copy of a known one: few known ones are that close."""
    flat = known_MZX.flatten(1)
    within = torch.cdist(flat, flat).fill_diagonal_(torch.inf).amin(1) / flat.shape[1] ** 0.5
    return float(within.quantile(COPY))


def _training_models(file: Path, facts: dict[str, Any]) -> Tensor:
    try:
        dataset = ShardDataset(facts["folder"], "train", "velocity")
    except InputError as error:
        raise InputError(
            f"{file}: its models are compared with its training models, in {facts['folder']}: {error}"
        ) from None
    return torch.stack([dataset[index][1][0] for index in range(len(dataset))])


def _write(file: Path, models_NZX: NDArray[np.float32]) -> None:
    """Does not rewrite identical bits: a data set in progress holds the file's checksum."""
    if file.is_file() and np.array_equal(np.load(file), models_NZX):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole(file) as part, part.open("wb") as stream:
        np.save(stream, models_NZX)
