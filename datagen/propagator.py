"""One compiled operator and the arrays it works on: set velocities and sources, run, read the result.

batch of shots b = 0 … B−1, each with its own model and source:
C[z, x·B + b], source_column[b]  ──►  run  ──►  shots[t, x·B + b]  or  image[z, x·B + b]
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.absorbing import absorbing_coefficients
from datagen.config import Grid, Survey
from datagen.kernel import KernelSpec, Kind, make_fields
from datagen.operators import load_operator

Array = NDArray[Any]


def batches(models: int, shots: int, size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Model and shot of each slot [B], batch after batch until every pair has run.

    Shot by shot, so that a chunk of `size` models fills each batch with one source position; the last batch
    may be smaller.
    """
    pair = np.arange(models * shots)
    for start in range(0, len(pair), size):
        yield pair[start : start + size] % models, pair[start : start + size] // models


class Propagator:
    """Runs `spec.batch` shots at once on a grid of `grid.nz` by `grid.nx` cells.

    `steps` time steps of `survey.interval` seconds; the wavefield is saved, or imaged, every `every` steps,
    the first and the last included.  Arrays of the propagator `sharing` are used in common, not copied.

    Raises InputError as `load_operator`.
    """

    def __init__(
        self,
        spec: KernelSpec,
        kind: Kind,
        grid: Grid,
        survey: Survey,
        *,
        steps: int,
        receiver_row: int,
        every: int = 1,
        sharing: "Propagator | None" = None,
    ) -> None:
        assert kind == "forward" or (steps - 1) % every == 0, "the last step must be a snapshot"
        self.spec, self.grid, self.survey = spec, grid, survey
        self.fields = make_fields(spec, kind, grid.nz, grid.nx, steps, every)
        if sharing:
            self.fields |= {name: field for name, field in sharing.fields.items() if name in self.fields}
        self._set_absorbing_layer()

        run_time: dict[str, Any] = {"time_m": 0, "time_M": steps - 1, "receiver_row": receiver_row}
        if kind != "forward":
            run_time["snapshotf"] = every  # Devito's name for the factor of the dimension "snapshot"
        if kind == "adjoint":
            run_time["last_snapshot"] = (steps - 1) // every
        operator = load_operator(spec, kind)
        # Operator.apply takes milliseconds to gather its arguments anew for every call: keep them.
        self._kept = operator.arguments(**(self.fields | run_time))
        self._arguments = [self._kept[parameter.name] for parameter in operator.parameters]
        self._function = operator.cfunction

    def _set_absorbing_layer(self) -> None:
        """a and b on the nodes and half nodes of both axes; along x the same for each interleaved shot."""
        width, survey = self.spec.absorbing_cells, self.survey
        for axis, cells, repeat in (("z", self.grid.nz, 1), ("x", self.grid.nx, self.spec.batch)):
            for name, shift in (("", 0.0), ("half_", 0.5)):
                pair = absorbing_coefficients(
                    cells + 2 * width,
                    width,
                    self.grid.spacing,
                    survey.interval,
                    survey.frequency,
                    shift=shift,
                )
                for letter, values in zip("ab", pair, strict=True):
                    self.array(f"{letter}_{name}{axis}")[:] = np.repeat(values, repeat)

    def array(self, name: str) -> Array:
        """The inner values of a field as a plain array: a view, written to in place."""
        view: Array = self.fields[name].data.view(np.ndarray)
        return view

    def slots(self, name: str) -> Array:
        """A field whose last axis is interleaved as a view with the shots of the batch apart: [..., X, B]."""
        view = self.array(name)
        return view.reshape(*view.shape[:-1], -1, self.spec.batch)

    def set_velocity(self, velocity_BZX: Array) -> None:
        """C = (v Δt / h)² of each shot's own model in m/s, its edge carried into the absorbing layer."""
        width = self.spec.absorbing_cells
        courant = np.asarray(velocity_BZX, np.float64) * (self.survey.interval / self.grid.spacing)
        padded_BZX = np.pad(courant**2, ((0, 0), (width, width), (width, width)), mode="edge")
        self.slots("C")[..., : len(padded_BZX)] = np.moveaxis(padded_BZX, 0, -1)

    def set_sources(self, row: int, columns_B: NDArray[np.int64]) -> None:
        """A source in each slot, at grid `row` and its own column; at column 0 in slots without a shot."""
        width, batch = self.spec.absorbing_cells, self.spec.batch
        every_slot = np.zeros(batch, np.int64)
        every_slot[: len(columns_B)] = columns_B
        self.array("source_row")[:] = row + width
        self.array("source_column")[:] = (every_slot + width) * batch + np.arange(batch)

    def run(self) -> None:
        """Start from rest and make all time steps.  Slots without a shot run too, unread."""
        for name, field in self.fields.items():
            if name == "u" or name.startswith(("psi", "zeta")):
                field.data_with_halo.view(np.ndarray).fill(0)
            elif name in ("image", "illumination"):
                self.array(name).fill(0)
        status = self._function(*self._arguments)
        assert status == 0, f"the compiled operator returned {status}"
