"""Loss and scores of a network with two outputs, velocity and image.

    loss = loss of the image (`loss`) + ½ Σ loss of the velocity and of its first estimate (`velocity_loss`)

The estimate that a network migrates with (search_spaces/networks/migrating.py) has a loss of its own, so that the
migration has a velocity to start from long before it can correct one.  A network without an estimate has the whole
loss on its velocity.
"""

from torch import Tensor

from trials.settings.config import Config
from trials.training.losses import loss_terms
from trials.training.metrics import scores

VELOCITY, IMAGE = slice(0, 1), slice(1, 2)  # channels; in training the estimate may follow
ESTIMATE = slice(2, 3)


def terms_of_both(
    config: Config, prediction_BCZX: Tensor, target_B2ZX: Tensor, teacher_B2ZX: Tensor | None = None
) -> dict[str, Tensor]:
    """The terms of the image, those of the velocity as velocity_…, and `loss`."""

    def teacher(channel: slice) -> Tensor | None:
        return None if teacher_B2ZX is None else teacher_B2ZX[:, channel]

    terms = loss_terms(config.loss, prediction_BCZX[:, IMAGE], target_B2ZX[:, IMAGE], teacher(IMAGE))
    estimated = prediction_BCZX.shape[1] > 2
    velocities = [prediction_BCZX[:, each] for each in ((VELOCITY, ESTIMATE) if estimated else (VELOCITY,))]
    for velocity_B1ZX in velocities:
        of_velocity = loss_terms(config.velocity_loss, velocity_B1ZX, target_B2ZX[:, VELOCITY], teacher(VELOCITY))
        terms["loss"] = terms["loss"] + of_velocity["loss"] / len(velocities)
        terms = {f"velocity_{name}": value for name, value in of_velocity.items()} | terms
    return terms


def scores_of_both(prediction_BCZX: Tensor, target_B2ZX: Tensor) -> dict[str, Tensor]:
    """Those of the image, and those of the velocity as velocity_…; each `[B]`."""
    of_velocity = scores(prediction_BCZX[:, VELOCITY], target_B2ZX[:, VELOCITY])
    named = {f"velocity_{name}": value for name, value in of_velocity.items()}
    return scores(prediction_BCZX[:, IMAGE], target_B2ZX[:, IMAGE]) | named
