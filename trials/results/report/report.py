"""What the report says, before it is a page.

run folders ─► ModelRow, Curve, TrialRow, Sample (summary.py) ─► Report ─► report.html (write.py)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressors.outputs import OUTPUTS, Picture
from compressors.pareto import Point
from datagen.errors import InputError
from datagen.targets import TargetName
from trials.running.run_folder import RunFolder

Array = NDArray[Any]
"""Floating point, shape letters in the name."""


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One line of the table; scores are means over the test split."""

    name: str
    parameters: int
    nonzero: int
    file_bytes: int  # of the weights
    packed_bytes: int | None = None  # of the packed weights: what zeros save
    latency_ms: float
    ssim: float
    correlation: float
    mae: float  # in units of the normalised image
    epochs: int = 0  # of training, those before its pruning included
    samples: int = 0  # of the training split that it has seen, each epoch's counted again


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """How images score that need no network, or only its velocity; means over the first models of the test split."""

    ssim: float
    correlation: float
    mae: float
    images_MZX: Array  # of the samples shown, normalised


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A training; one value per epoch."""

    name: str
    train_loss: tuple[float, ...]
    val_ssim: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial of the NNI experiment."""

    id: str
    stage: str
    nonzero: int
    ssim: float  # validation
    correlation: float | None = None
    epochs: int = 0
    settings: Mapping[str, Any]  # of its stage: config path → value
    picture: Path | None = None  # .png of what it predicts


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One model's image of a sample's shots."""

    image_ZX: Array  # in the units of the sample's truth
    ssim: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A model of the test split."""

    index: int  # in the split
    velocity_ZX: Array  # [m/s]
    gather_TR: Array  # one of its shots
    truth_ZX: Array
    blank_ssim: float
    predictions: Mapping[str, Prediction]  # model, or what else made an image → image


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything the page shows.  The first model is the reference, the last one the final bundle."""

    title: str
    target: TargetName
    models: tuple[ModelRow, ...]
    curves: tuple[Curve, ...] = ()
    trials: tuple[TrialRow, ...] = ()
    searched: tuple[Point, ...] = ()  # the fronts of searches with several objectives
    compressed: tuple[Point, ...] = ()  # the compress trials
    samples: tuple[Sample, ...] = ()
    extent: tuple[float, float] = (0.0, 0.0)  # depth and width of a section [m]
    duration: float = 0.0  # of a gather [s]
    blank_ssim: float | None = None  # of an image that is zero everywhere, test split
    blank_validation: float | None = None  # the same of the validation split, which trials and curves are scored on
    yardsticks: Mapping[str, Yardstick] = field(default_factory=dict)
    cells: Path | None = None  # drawing of the cells, .svg or .png
    commands: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def picture(self) -> Picture:
        """How truth and predictions are shown."""
        return OUTPUTS[self.target].pictures[-1]


def read_curve(run: RunFolder, name: str) -> Curve:
    """The epochs of a run, phase after phase.

    Raises InputError when the run left no metrics.
    """
    # An interrupted run wrote its last epoch twice: the later one counts.
    rows = {(row["phase"], row["epoch"]): row for row in run.metrics if "val_ssim" in row}
    if not rows:
        raise InputError(f"{run.path}: metrics.jsonl holds no epoch with val_ssim; give the folder of a training")
    return Curve(
        name=name,
        train_loss=tuple(row.get("train_loss", np.nan) for row in rows.values()),
        val_ssim=tuple(row["val_ssim"] for row in rows.values()),
    )
