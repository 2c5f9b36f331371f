"""Velocity models like those that a network sees in a user's shots, to train it on.

    predicted velocity ─ mirrored or not ─ × (1 + smooth error) ─┬─► as it is: smooth, as predictions are
                                                                 ├─► in steps: layers along its own contours
    recipe of the bundle's training ─────────────────────────────┴─► ground as in that training, not to forget it

A prediction is blurred; trained on blurred ground alone a network would blur more.  So half of the models have steps in
place of slopes: each velocity becomes the mean of its layer, whose limits are drawn.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datagen.config import Data
from datagen.velocity import draw_velocity
from trials.training.migrating.given_velocities import smooth_errors

Array = NDArray[Any]

SHARES = (0.5, 0.25, 0.25)  # in steps, as predicted, as in the training
NOT_DRAWN = (2 / 3, 1 / 3, 0.0)  # where the training's models were cut from files
ERROR = 0.06  # largest rms of the smooth errors, share of the velocity
LAYERS = (5, 16)  # of a model in steps


def own_ground(velocity_NZX: Array, count: int, data: Data, limits: tuple[float, float], seed: int) -> Array:
    """`count` models [count, Z, X] in m/s, float32, within `limits`, from predicted ones; `data` is the recipe of the
    training."""
    draws = np.random.default_rng(seed)
    torch.manual_seed(seed)
    error_B1ZX = smooth_errors(ERROR * torch.rand(count), *velocity_NZX.shape[1:])
    drawn, shares = replace(data, seed=seed), SHARES if _can_be_drawn(data) else NOT_DRAWN
    models = []
    for index, (source, kind) in enumerate(
        zip(draws.integers(len(velocity_NZX), size=count), draws.choice(3, size=count, p=shares), strict=True)
    ):
        if kind == 2:
            models.append(draw_velocity(drawn, index))
            continue
        model_ZX = velocity_NZX[source] * (1 + error_B1ZX[index, 0].numpy())
        if draws.random() < 0.5:
            model_ZX = model_ZX[:, ::-1]
        models.append(in_steps(model_ZX, draws) if kind == 0 else model_ZX)
    return np.clip(np.stack(models), *limits).astype(np.float32)


def _can_be_drawn(data: Data) -> bool:
    return data.velocity_file is None and data.imported is None and data.geology.family != "style"


def in_steps(model_ZX: Array, draws: np.random.Generator) -> Array:
    """Each velocity is replaced by the mean of its layer, the cells between two of its quantiles."""
    count = draws.integers(*LAYERS, endpoint=True)
    edges = np.quantile(model_ZX, np.sort(draws.random(count - 1)))
    _, layer_P = np.unique(np.digitize(model_ZX, edges), return_inverse=True)
    layer_P = layer_P.ravel()
    mean_L = np.bincount(layer_P, model_ZX.ravel()) / np.bincount(layer_P)
    return np.asarray(mean_L[layer_P].reshape(model_ZX.shape))
