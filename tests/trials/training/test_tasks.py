"""What every task keeps to, whichever target it is of."""

from pathlib import Path
from typing import get_args

import pytest
import torch

from compressors.outputs import OUTPUTS
from datagen.targets import TargetName
from search_spaces.shape import Shape
from trials.settings.config import Config, load
from trials.training.tasks import NOT_NEEDED, make_task

PRESETS = Path(__file__).parents[3] / "presets"
TARGETS = get_args(TargetName)


def preset_config(target: str) -> Config:
    preset = {"first_break": "field.yml", "both": "quickstart.yml"}.get(target, "openfwi.yml")
    return load(PRESETS / preset, {"target": target})


@pytest.mark.parametrize("target", TARGETS)
def test_a_task_scores_what_it_ranks_by_and_has_a_loss_with_a_slope(target: str) -> None:
    config = preset_config(target)
    task, shape = make_task(config), Shape.of(config.data, config.network.gather_rows)
    shots_BSTR = torch.zeros(2, shape.shots, shape.samples, shape.receivers)
    rows = config.network.gather_rows if target == "first_break" else shape.nz
    columns = shape.receivers if target == "first_break" else shape.nx
    channels = 2 if target == "both" else 1
    prediction = torch.randn(2, channels, rows, columns, requires_grad=True)
    labels = torch.full((2, columns), 20.0) if target == "first_break" else torch.rand(2, channels, rows, columns)
    task.terms(prediction, (shots_BSTR, labels))["loss"].backward()
    assert prediction.grad is not None
    assert prediction.grad.abs().sum() > 0
    scores = task.scores(prediction.detach(), (shots_BSTR, labels))
    assert -1 <= float(scores[task.quality]) <= 1


@pytest.mark.parametrize("target", TARGETS)
def test_a_network_leaves_with_the_output_that_its_target_promises(target: str) -> None:
    config = preset_config(target)
    shape, output = Shape.of(config.data, config.network.gather_rows), OUTPUTS[config.target]
    assert make_task(config).output is output
    rows, columns = (config.network.gather_rows, shape.receivers) if output.command == "pick" else (shape.nz, shape.nx)

    class Still(torch.nn.Module):
        def forward(self, shots_BSTR: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(shots_BSTR), 2 if target == "both" else 1, rows, columns)

    leaving = output.deployed(Still(), NOT_NEEDED, shape)
    found = leaving(torch.zeros(2, shape.shots, shape.samples, shape.receivers))
    assert list(found.shape[1:]) == output.size(shape)
