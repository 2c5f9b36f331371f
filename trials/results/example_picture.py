"""The picture on a bundle's model card: what the network makes of a test model, beside the truth.

Velocity and image in metres, or a gather with picks and labels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from search_spaces.picks import find_picks
from trials.prediction.picking.draw_gathers import draw_gather
from trials.prediction.section_pictures import Section, draw_sections, on_one_scale
from trials.settings.config import Config
from trials.training.picking.gather_set import gather_set
from trials.training.tasks import ImagingTask, make_task


@contextmanager
def example_picture(network: nn.Module, config: Config, model: int = 0) -> Iterator[Path]:
    """A PNG of one model of the test split, while the context lasts.

    Of a picker that has learnt all labelled gathers it is one of these, and the heading says so.
    """
    task = make_task(config)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "picture.png"
        if isinstance(task, ImagingTask):
            _draw_images(network, config, task, model, file)
        else:
            split = "the test split" if task.has_test_samples else "those it was trained with"
            _draw_picks(network, config, model, f"{config.name}, gather {model} of {split}", file)
        yield file


def _draw_images(network: nn.Module, config: Config, task: ImagingTask, model: int, file: Path) -> None:
    data = task.scoring_set("test")
    shots_BSTR, truth_BCZX = data.__getitems__([model])
    with torch.no_grad():
        found_BCZX = network.eval()(shots_BSTR)
    sections: list[Section] = []
    for channel, (picture, target) in enumerate(zip(task.output.pictures, data.targets, strict=True)):
        truth_ZX, found_ZX = (target.denormalise(each[0, channel]).numpy() for each in (truth_BCZX, found_BCZX))
        titles = (f"true {picture.name}", f"predicted {picture.name}")
        sections += on_one_scale(titles, (truth_ZX, found_ZX), truth_ZX, signed=picture.signed)
    draw_sections(sections, data.data.grid, file, f"{config.name}, model {model} of the test split")


def _draw_picks(network: nn.Module, config: Config, number: int, heading: str, file: Path) -> None:
    gathers = gather_set(config, "test")
    gather_1TR, label_R = gathers[number]
    with torch.no_grad():
        pick_R, confidence_R = find_picks(network.eval()(gather_1TR[None]), gather_1TR.shape[1])[0].numpy()
    interval, trace = gathers.interval, np.arange(len(label_R))
    figure = Figure(figsize=(6, 4.4), layout="constrained")
    axes = figure.subplots()
    draw_gather(axes, gather_1TR[0].numpy(), interval, 0.0, interval * label_R.numpy())
    axes.plot(trace, 1e3 * interval * label_R.numpy(), "_", color="tab:cyan", ms=7, mew=1.6, label="label")
    drawn = axes.scatter(trace, 1e3 * interval * pick_R, c=confidence_R, s=9, cmap="autumn_r", vmin=0, vmax=1)
    figure.colorbar(drawn, label="pick; confidence")
    axes.set_ylabel("time [ms]")
    axes.legend(loc="lower left")
    figure.suptitle(heading)
    figure.savefig(file, dpi=110)
