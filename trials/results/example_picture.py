"""The picture on a bundle's model card: what the network makes of a test model, beside the truth, in metres."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from trials.prediction.section_pictures import draw_sections, image_section, reach, velocity_section
from trials.settings.config import Config
from trials.training.tasks import ImagingTask, make_task


@contextmanager
def example_picture(network: nn.Module, config: Config, model: int = 0) -> Iterator[Path | None]:
    """A PNG of one model of the test split, while the context lasts; None of a network that makes no images."""
    task = make_task(config)
    if not isinstance(task, ImagingTask):
        yield None
        return
    data = task.scoring_set("test")
    shots_BSTR, truth_BCZX = data.__getitems__([model])
    with torch.no_grad():
        found_BCZX = network.eval()(shots_BSTR)
    sections = []
    for channel, (picture, target) in enumerate(zip(task.output.pictures, data.targets, strict=True)):
        truth_ZX, found_ZX = (target.denormalise(each[0, channel]).numpy() for each in (truth_BCZX, found_BCZX))
        titles = (f"true {picture.name}", f"predicted {picture.name}")
        for title, values_ZX in zip(titles, (truth_ZX, found_ZX), strict=True):
            sections.append(
                image_section(title, values_ZX, reach(truth_ZX))
                if picture.signed
                else velocity_section(title, values_ZX, (float(truth_ZX.min()), float(truth_ZX.max())))
            )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "picture.png"
        draw_sections(sections, data.data.grid, file, f"{config.name}, model {model} of the test split")
        yield file
