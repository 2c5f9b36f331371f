from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.config import Data, Grid, Split, Survey


class EchoEngine:
    """Stands in for the wave equation: shots and image are quick, pure functions of the velocity."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def shoot_and_migrate(self, velocity_MZX: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        survey = self.data.survey
        trace_MT = np.resize(velocity_MZX.mean(axis=2) / 4000, (len(velocity_MZX), survey.samples))
        shot_S = np.arange(1, survey.shots + 1) / survey.shots
        receiver_R = np.linspace(-1, 1, survey.receivers)
        shots_MSTR = np.einsum("mt,s,r->mstr", trace_MT, shot_S, receiver_R).astype(np.float32)
        return shots_MSTR, np.gradient(velocity_MZX, axis=1) / 1000


@pytest.fixture
def echo_engine() -> type[EchoEngine]:
    return EchoEngine


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Data]:
    """A data set of 8 + 8 + 4, 8 and 5 models in a folder of that name; keywords replace fields."""

    def make(name: str = "set", **changes: Any) -> Data:
        data = Data(
            folder=str(tmp_path / name),
            seed=7,
            grid=Grid(nz=16, nx=24, spacing=10.0),
            survey=Survey(shots=3, receivers=24, frequency=15.0, interval=0.001, samples=20),
            split=Split(train=20, validation=8, test=5),
            shard_size=8,
        )
        return replace(data, **changes)

    return make
