"""results/calibration.json, .md and .png: rows of bench_calibration.py as they come, and the figure at the end."""

import json
from typing import Any

import numpy as np
import torch
from lib import imaging_page
from lib.calibration_cases import SHIFTS, Case
from lib.calibration_figure import Example, draw
from lib.misplaced import depth_period
from lib.record import RESULTS, Record, Row
from numpy.typing import NDArray
from torch import Tensor

from datagen.config import Data
from datagen.waves.scheme import derive_scheme
from trials.training.metrics import scores, ssim

MOVED, IMAGE = "moved down", "image of the network"
SHOWN = (  # of the median model, in the figure
    (MOVED, "0.5 cell"),
    (MOVED, "2 cells"),
    ("smooth random errors", "2 %"),
    ("velocity times", "1.05"),
    ("average v(z)", "of the model"),
)


class CalibrationTable:
    """Scores cases against labels `[M, Z, X]`, which are normalised; velocities `[M, Z, X]` in m/s."""

    def __init__(self, data: Data, true_MZX: NDArray[Any], label_MZX: Tensor) -> None:
        self.grid, self.label_MZX = data.grid, label_MZX
        below = round(data.migration.taper / data.grid.spacing)
        self.wavelength = float(true_MZX[:, below:].mean()) / data.survey.frequency  # [m]
        period = depth_period(label_MZX[:, below:].numpy()) * data.grid.spacing
        lowest, highest = derive_scheme(data).carried
        models = len(label_MZX)
        self.record = Record(
            "calibration",
            "What an SSIM of an RTM image means",
            f"python benchmarks/bench_calibration.py --models {models}",
            split=f"test, {models} models; mean and standard deviation over them",
            figure="![SSIM and correlation against the error of depth, and examples](calibration.png)",
            wavelength=f"{self.wavelength:.0f} m: mean velocity over peak frequency. The images repeat every "
            f"{period:.0f} m of depth, about half of it, because an echo goes down and up",
            depth_error="mean of its size over reflectors below the image's taper; of wrong velocities by the time "
            "along the vertical",
            like_moved_m="how far down the true image has to be moved for the same SSIM",
            velocities=f"limited to the {lowest:.0f} to {highest:.0f} m/s that the engine carries, which cuts the salt "
            "of 1.1 times the true one",
        )
        self.record.rows = []
        self.images: dict[tuple[str, str], Tensor] = {}

    def add(self, case: Case) -> None:
        found = scores(case.image_MZX[:, None], self.label_MZX[:, None])
        self.images[case.fault, case.size] = case.image_MZX
        row: Row = {"fault": case.fault, "size": case.size}
        if case.depth_error is not None:
            metres = case.depth_error * self.grid.spacing
            row |= {"depth_error_cells": round(case.depth_error, 3), "depth_error_m": round(metres, 2)}
            row["depth_error_wavelengths"] = round(metres / self.wavelength, 4)
        for name, digits in (("ssim", 4), ("correlation", 4), ("psnr", 2)):
            row |= {f"{name}_mean": round(float(found[name].mean()), digits)}
            row |= {f"{name}_std": round(float(found[name].std()), digits)}
        self.add_row(row)

    def add_row(self, row: Row) -> None:
        self.record.add(row | {"like_moved_m": self._like_moved(row["ssim_mean"])})

    def _like_moved(self, score: float) -> float | None:
        """The least such move [m]; None where no move makes it as bad, or not all of them are there yet."""
        ssims = [1.0] + [row["ssim_mean"] for row in self.record.rows if row["fault"] == MOVED]
        falling = ssims[: int(np.argmin(ssims)) + 1]  # far enough, waves meet the next ones of the label
        if len(ssims) <= len(SHIFTS) or score < falling[-1]:
            return None
        moves = self.grid.spacing * np.array([0.0, *SHIFTS])[: len(falling)]
        return round(float(np.interp(-score, -np.array(falling), moves)), 1)

    def draw(self) -> None:
        """The examples are those of the model whose image by the network has the median SSIM."""
        name = next(name for name in self.images if name[0] == IMAGE)
        order = torch.argsort(self._ssims(name))
        model = int(order[len(order) // 2])
        examples = [Example(title="label", image_ZX=self.label_MZX[model].numpy())]
        for title, shown in ((IMAGE, name), *((" ".join(shown), shown) for shown in SHOWN)):
            title = f"{title}\nSSIM {float(self._ssims(shown)[model]):.2f}"
            examples.append(Example(title=title, image_ZX=self.images[shown][model].numpy()))
        draw(self.record.rows, examples, self.grid, self.wavelength, RESULTS / "calibration.png")

    def _ssims(self, name: tuple[str, str]) -> Tensor:
        return ssim(self.images[name][:, None], self.label_MZX[:, None])


def trained_networks() -> list[Row]:
    """Of results/imaging.json, on all of the test split of the ground that they were trained on alone."""
    short = {model: name for name, model in imaging_page.NAMES.items()}
    return [
        {
            "fault": "network of imaging.md",
            "size": f"{short[row['model']]}, {row['optimizer']}, {row['samples_seen']:,} samples",
            "ssim_mean": row["ssim_mean"],
            "correlation_mean": row["correlation_mean"],
        }
        for row in json.loads(imaging_page.FILE.read_text())["rows"]
        if row["target"] == "rtm" and row["model"] in short and row["trained_on"] == row["test_split_of"] == "openfwi"
    ]
