from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segyio
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


def write_segy(
    path: Path, traces_NT: NDArray[Any], code: int = 5, interval: int = 1000, endian: str = "big", **headers: Any
) -> None:
    """A SEG-Y file of format 1 (IBM) or 5 (IEEE), `interval` in µs; headers: h and the byte → values [N]."""
    spec = segyio.spec()
    spec.format, spec.samples, spec.tracecount, spec.endian = code, range(traces_NT.shape[1]), len(traces_NT), endian
    with segyio.create(path, spec) as file:
        file.bin[segyio.BinField.Interval] = interval
        for number, trace in enumerate(np.ascontiguousarray(traces_NT, np.float32)):
            file.trace[number] = trace
            file.header[number] = {117: interval, **{int(name[1:]): int(headers[name][number]) for name in headers}}


@pytest.fixture(name="write_segy")
def _write_segy() -> Callable[..., None]:
    return write_segy


@pytest.fixture
def write_gathers() -> Callable[..., None]:
    def write(path: Path, shots_STR: NDArray[Any], order: Any = None, **options: Any) -> None:
        """Shots as SEG-Y, the traces in `order`; headers are [S, R] or what goes with it."""
        shots, samples, receivers = shots_STR.shape
        order = np.arange(shots * receivers) if order is None else order
        traces_NT = shots_STR.transpose(0, 2, 1).reshape(-1, samples)[order]
        for name in [name for name in options if name.startswith("h")]:
            options[name] = np.broadcast_to(options[name], (shots, receivers)).ravel()[order]
        write_segy(path, traces_NT, **options)

    return write
