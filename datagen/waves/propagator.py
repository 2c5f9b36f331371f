"""One compiled operator and the arrays it works on: set velocities and positions, run, read the result.

batch of shots b = 0 … B−1, each with its own model and source:
C[z, x·B + b], source_column[b]  ──►  run  ──►  shots[t, x·B + b]  or  image[z, x·B + b]
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data
from datagen.waves.absorbing import absorbing_coefficients
from datagen.waves.kernel import KernelSpec, OperatorKind, Sizes, make_fields
from datagen.waves.operators import load_operator
from datagen.waves.positions import Spread, spread
from datagen.waves.timing import Clock

Array = NDArray[Any]


def batches(models: int, shots: int, size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Model and shot of each slot [B], batch after batch until every pair has run.

    Shot by shot, so that a chunk of `size` models fills each batch with one source position; the last batch
    may be smaller.
    """
    pair = np.arange(models * shots)
    for start in range(0, len(pair), size):
        yield pair[start : start + size] % models, pair[start : start + size] // models


def kernel_spec(data: Data, batch: int) -> KernelSpec:
    """What `data.survey` needs compiled in."""
    survey = data.survey
    return KernelSpec(
        space_order=survey.space_order,
        batch=batch,
        absorbing_cells=survey.absorbing_cells,
        dtype=survey.precision,
        free_surface=survey.free_surface,
    )


class Propagator:
    """Runs `spec.batch` shots together on the grid of `data`, with the receivers of its survey.

    "forward" makes `clock.steps` time steps, the other kinds `clock.imaged_steps`.  Arrays of the propagator
    `sharing` are shared, not copied.

    Raises InputError as `load_operator`.
    """

    def __init__(
        self, spec: KernelSpec, kind: OperatorKind, data: Data, clock: Clock, *, sharing: "Propagator | None" = None
    ) -> None:
        self.spec, self.data, self.clock = spec, data, clock
        self.spread: Spread = spread(data)
        steps = clock.steps if kind == "forward" else clock.imaged_steps
        sizes = Sizes(
            nz=data.grid.nz,
            nx=data.grid.nx,
            steps=steps,
            record_every=clock.record_every,
            image_every=clock.image_every,
            source_taps=(self.spread.source_depth.count, self.spread.source_distance_S.count),
            receiver_taps=self.spread.receiver_depth.count,
        )
        self.fields = make_fields(spec, kind, sizes)
        if sharing:
            self.fields |= {name: field for name, field in sharing.fields.items() if name in self.fields}
        for k, weight in enumerate(clock.scheme.weights):
            self.fields[f"w{k}"].data = weight
        self._set_receiver_rows()
        self._set_absorbing_layer()

        run_time: dict[str, Any] = {"time_m": 0, "time_M": steps - 1}
        if kind != "adjoint":
            self.array("wavelet")[:] = clock.wavelet_T[:steps]
            run_time["samplef"] = clock.record_every  # Devito's name for the factor of the dimension "sample"
        if kind != "forward":
            run_time["snapshotf"] = clock.image_every
        if kind == "adjoint":
            run_time["last_snapshot"] = (steps - 1) // clock.image_every
        operator = load_operator(spec, kind)
        # Operator.apply takes milliseconds to gather its arguments on every call: keep them.
        self._kept = operator.arguments(**(self.fields | run_time))
        self._arguments = [self._kept[parameter.name] for parameter in operator.parameters]
        self._function = operator.cfunction

    def _set_absorbing_layer(self) -> None:
        """a and b on the nodes and half nodes of both axes; along x the same for each interleaved shot."""
        width, grid = self.spec.absorbing_cells, self.data.grid
        for axis, cells, repeat in (("z", grid.nz, 1), ("x", grid.nx, self.spec.batch)):
            for name, shift in (("", 0.0), ("half_", 0.5)):
                a, b = absorbing_coefficients(
                    cells + 2 * width,
                    width,
                    grid.spacing,
                    self.clock.step,
                    self.data.survey.frequency,
                    shift=shift,
                )
                if axis == "z" and self.spec.free_surface:
                    a[: cells // 2] = 0
                self.array(f"a_{name}{axis}")[:] = np.repeat(a, repeat)
                self.array(f"b_{name}{axis}")[:] = np.repeat(b, repeat)

    def _set_receiver_rows(self) -> None:
        depth = self.spread.receiver_depth
        self.array("receiver_row")[:] = self.spec.absorbing_cells + depth.first_P[0] + np.arange(depth.count)
        self.array("receiver_weight")[:] = depth.weight_PK[0]

    def array(self, name: str) -> Array:
        """The inner values of a field as a plain array: a view, written to in place."""
        view: Array = self.fields[name].data.view(np.ndarray)
        return view

    def slots(self, name: str) -> Array:
        """A field whose last axis is interleaved as a view with the shots of the batch apart: [..., X, B]."""
        view = self.array(name)
        return view.reshape(*view.shape[:-1], -1, self.spec.batch)

    def set_velocity(self, velocity_BZX: Array) -> None:
        """C = (v Δt / h)² of each shot's own model in m/s, its edge extended into the absorbing layer."""
        width = self.spec.absorbing_cells
        courant = np.asarray(velocity_BZX, np.float64) * (self.clock.step / self.data.grid.spacing)
        padded_BZX = np.pad(courant**2, ((0, 0), (width, width), (width, width)), mode="edge")
        self.slots("C")[..., : len(padded_BZX)] = np.moveaxis(padded_BZX, 0, -1)

    def set_sources(self, shot_B: NDArray[np.int64]) -> None:
        """Sets the source of each slot to that of its shot of the survey; none in the slots beyond."""
        width, batch, used = self.spec.absorbing_cells, self.spec.batch, len(shot_B)
        depth, distance = self.spread.source_depth, self.spread.source_distance_S
        column_B = np.zeros(batch, np.int64)
        column_B[:used] = distance.first_P[shot_B]
        self.array("source_row")[:] = depth.first_P[0] + width
        self.array("source_column")[:] = (column_B + width) * batch + np.arange(batch)
        weight_BKK = self.array("source_weight")
        weight_BKK.fill(0)
        weight_BKK[:used] = depth.weight_PK[0, :, None] * distance.weight_PK[shot_B][:, None, :]

    def recorded(self, shots: int) -> Array:
        """What the receivers of the first `shots` slots recorded [B, N, R]."""
        receivers = self.spread.receiver_distance_R
        row_NXB = self.slots("shots")[..., :shots]
        columns_R = receivers.first_P + self.spec.absorbing_cells
        recorded_NRB = sum(
            weight_R.astype(row_NXB.dtype)[:, None] * row_NXB[:, columns_R + tap]
            for tap, weight_R in enumerate(receivers.weight_PK.T)
        )
        return np.moveaxis(recorded_NRB, -1, 0)

    def emit(self, traces_BTR: Array) -> None:
        """The receivers of each slot emit their trace in reversed time, one value per time step."""
        receivers, shots = self.spread.receiver_distance_R, len(traces_BTR)
        self.array("data").fill(0)
        reversed_TXB = self.slots("data")[::-1, :, :shots]
        for receiver, first in enumerate(receivers.first_P + self.spec.absorbing_cells):
            trace_TB = traces_BTR[:, :, receiver].T
            for tap, weight in enumerate(receivers.weight_PK[receiver].astype(trace_TB.dtype)):
                reversed_TXB[:, first + tap] += weight * trace_TB

    def run(self) -> None:
        """Makes all time steps, starting from rest.  Slots without a shot run too, unread."""
        for name, field in self.fields.items():
            if name == "u" or name.startswith(("psi", "zeta")):
                field.data_with_halo.view(np.ndarray).fill(0)
            elif name in ("shots", "image", "illumination"):
                self.array(name).fill(0)
        status = self._function(*self._arguments)
        assert status == 0, f"the compiled operator returned {status}"
