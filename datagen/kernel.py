"""The acoustic wave equation in Devito's language, with an absorbing layer and many shots in one grid.

    1/v² ∂²u/∂t² = ∇²u + f(t) δ(x − xₛ),     C = (v Δt / h)²

    u[t+1] = 2u[t] − u[t−1] + C (L_z u + L_x u) + C f           L: second derivative, order `space_order`

In the layer, along each axis, L u becomes L u + D⁻ψ + ζ with two memories (`absorbing.py`):

    ψ ← b½ ψ + a½ D⁺u,     ζ ← b ζ + a (L u + D⁻ψ)              D±: staggered first derivatives, order 4

D⁻ = −(D⁺)ᵀ and sources and receivers both enter through C, so exchanging them leaves the trace unchanged to
rounding: the adjoint is the same kernel fed with time-reversed data.

`batch` shots, each with its own model, lie interleaved along x: column x of shot b is column x·batch + b.
Neighbours in x are `batch` numbers apart, and every loop, also over the narrow layers, is a long vector loop.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from devito import (
    ConditionalDimension,
    Constant,
    Dimension,
    Eq,
    Function,
    Grid,
    Inc,
    Operator,
    SpaceDimension,
    SubDimension,
    TimeFunction,
)

from datagen.stencil import STAGGERED_WEIGHTS, second_derivative_weights

Kind = Literal["forward", "snapshots", "adjoint"]
"""forward: shots; snapshots: shots and the wavefield every few steps; adjoint: image of receiver data."""

Fields = dict[str, Any]
"""The arrays one operator works on, by the name of its argument."""


@dataclass(frozen=True, kw_only=True)
class KernelSpec:
    """What is compiled in; grid size, steps, positions and the snapshot interval are run-time values."""

    space_order: int = 8
    batch: int = 8  # shots interleaved along x
    absorbing_cells: int = 8  # width of the layer on each side
    dtype: str = "float32"


def make_fields(spec: KernelSpec, kind: Kind, nz: int, nx: int, steps: int, every: int) -> Fields:
    """Arrays for `nz` by `nx` cells and `steps` time steps, a wavefield saved every `every` of them.

    The padded grid is `nz + 2 absorbing_cells` by `(nx + 2 absorbing_cells) · batch`; what is recorded,
    injected or imaged has no padding: `[T, X·batch]` and `[Z, X·batch]`.
    """
    pad, batch, dtype = 2 * spec.absorbing_cells, spec.batch, np.dtype(spec.dtype).type
    z, x = (SpaceDimension(name=name, spacing=Constant(name=f"h_{name}", dtype=dtype)) for name in "zx")
    grid = Grid(shape=(nz + pad, (nx + pad) * batch), dimensions=(z, x), dtype=dtype)
    time = grid.time_dim
    row, column, slot = (Dimension(name=name) for name in ("row", "column", "slot"))
    snapshot = ConditionalDimension(name="snapshot", parent=time, factor=every)

    def plane(name: str, reach: int = 0) -> Any:
        return Function(name=name, grid=grid, space_order=(2 * reach * batch, reach * batch, reach * batch))

    def table(name: str, dimensions: tuple[Any, ...], shape: tuple[int, ...], dtype: Any = dtype) -> Any:
        return Function(name=name, dimensions=dimensions, shape=shape, dtype=dtype, space_order=0)

    reach = spec.space_order // 2 * batch
    fields: Fields = {"u": TimeFunction(name="u", grid=grid, time_order=1, space_order=(2 * reach, reach, reach))}
    fields["C"] = plane("C")
    for axis, size in zip((z, x), grid.shape, strict=True):
        fields[f"psi_{axis.name}"] = plane(f"psi_{axis.name}", len(STAGGERED_WEIGHTS))
        fields[f"zeta_{axis.name}"] = plane(f"zeta_{axis.name}")
        for name in (f"a_{axis.name}", f"b_{axis.name}", f"a_half_{axis.name}", f"b_half_{axis.name}"):
            fields[name] = table(name, (axis,), (size,))

    fields["receiver_row"] = Constant(name="receiver_row", dtype=np.int32)
    if kind != "forward":
        saved = (steps - 1) // every + 1
        fields["wavefield"] = table("wavefield", (snapshot, row, column), (saved, nz, nx * batch))
    if kind == "adjoint":
        fields["last_snapshot"] = Constant(name="last_snapshot", dtype=np.int32)
        fields["data"] = table("data", (time, column), (steps, nx * batch))
        fields["image"] = table("image", (row, column), (nz, nx * batch))
        fields["illumination"] = table("illumination", (row, column), (nz, nx * batch))
    else:
        fields["wavelet"] = table("wavelet", (time,), (steps,))
        fields["source_row"] = table("source_row", (slot,), (batch,), np.int32)
        fields["source_column"] = table("source_column", (slot,), (batch,), np.int32)
        fields["shots"] = table("shots", (time, column), (steps, nx * batch))
    return fields


@dataclass(frozen=True)
class Axis:
    """One axis of the grid and the finite differences along it."""

    dimension: Any
    step: int  # from a node to its neighbour: 1 along z, `batch` along the interleaved x

    def shifted(self, f: Any, cells: int) -> Any:
        d = self.dimension
        return f._subs(d, d + cells * self.step * d.spacing) if cells else f

    def second_derivative(self, f: Any, order: int) -> Any:
        centre, *sides = second_derivative_weights(order)
        pairs = (self.shifted(f, k) + self.shifted(f, -k) for k in range(1, len(sides) + 1))
        return centre * f + sum(w * pair for w, pair in zip(sides, pairs, strict=True))

    def staggered_difference(self, f: Any, ahead: int) -> Any:
        """D⁺f (`ahead` = 1) half a cell after the place of f, D⁻f (`ahead` = 0) half a cell before."""
        weighted = enumerate(STAGGERED_WEIGHTS)
        return sum(s * (self.shifted(f, k + ahead) - self.shifted(f, ahead - 1 - k)) for k, s in weighted)

    def within_layers(self, cells: int, *equations: Any) -> list[Any]:
        """The equations in the first and in the last `cells` cells only."""
        d, thickness = self.dimension, cells * self.step
        first = SubDimension.left(name=f"{d.name}_first", parent=d, thickness=thickness)
        last = SubDimension.right(name=f"{d.name}_last", parent=d, thickness=thickness)
        return [
            equation.func(*(side._subs(d, layer) for side in equation.args))
            for layer in (first, last)
            for equation in equations
        ]


def wave_equation(spec: KernelSpec, fields: Fields) -> list[Any]:
    """One time step of u in all cells, then what the layers add to it in theirs."""
    u, C = fields["u"], fields["C"]
    z, x = (Axis(d, step) for d, step in zip(u.grid.dimensions, (1, spec.batch), strict=True))
    reach = spec.absorbing_cells + len(STAGGERED_WEIGHTS)  # D⁻ψ is not zero a little beyond the layer
    laplacian: Any = 0
    memory: list[Any] = []
    layers: list[Any] = []
    for axis in (x, z):
        psi, zeta, a, b, a_half, b_half = (
            fields[f"{name}_{axis.dimension.name}"] for name in ("psi", "zeta", "a", "b", "a_half", "b_half")
        )
        Lu, Dpsi = axis.second_derivative(u, spec.space_order), axis.staggered_difference(psi, 0)
        laplacian += Lu
        memory += axis.within_layers(
            reach,
            Eq(psi, b_half * psi + a_half * axis.staggered_difference(u, 1)),
        )
        layers += axis.within_layers(
            reach,
            Eq(zeta, b * zeta + a * (Lu + Dpsi)),
            Inc(u.forward, C * (Dpsi + zeta)),
        )
    # Two buffers: until it is written, u.forward still holds u[t-1].
    return [*memory, Eq(u.forward, 2 * u - u.forward + C * laplacian), *layers]


def observation(spec: KernelSpec, kind: Kind, fields: Fields) -> tuple[list[Any], list[Any]]:
    """What is read from u[t] before a step, and what is added to u[t+1] after it."""
    u, C = fields["u"], fields["C"]
    time, t = u.grid.time_dim, u.grid.stepping_dim
    pad, receiver_row = spec.absorbing_cells, fields["receiver_row"] + spec.absorbing_cells
    if kind == "adjoint":
        data, image, illumination = fields["data"], fields["image"], fields["illumination"]
        wavefield = fields["wavefield"]
        snapshot, row, column = wavefield.dimensions
        inside = u[t, row + pad, column + pad * spec.batch]
        source = wavefield[fields["last_snapshot"] - snapshot, row, column]  # time runs backwards
        imaging = [
            Inc(image[row, column], source * inside, implicit_dims=(snapshot,)),
            Inc(illumination[row, column], source**2, implicit_dims=(snapshot,)),
        ]
        at = (receiver_row, column + pad * spec.batch)
        return imaging, [Inc(u[t + 1, *at], C[*at] * data[time, column])]

    shots, wavelet = fields["shots"], fields["wavelet"]
    column, slot = shots.dimensions[1], fields["source_row"].dimensions[0]
    at = (fields["source_row"][slot], fields["source_column"][slot])
    recording = [Eq(shots[time, column], u[t, receiver_row, column + pad * spec.batch])]
    if kind == "snapshots":
        wavefield = fields["wavefield"]
        snapshot, row, column = wavefield.dimensions
        recording.append(Eq(wavefield[snapshot, row, column], u[t, row + pad, column + pad * spec.batch]))
    return recording, [Inc(u[t + 1, *at], C[*at] * wavelet[time])]


def build(spec: KernelSpec, kind: Kind) -> Any:
    """The Devito Operator of this kind: single-threaded C, for a grid of any size."""
    fields = make_fields(spec, kind, nz=16, nx=16, steps=5, every=2)
    read, add = observation(spec, kind, fields)
    return Operator([*read, *wave_equation(spec, fields), *add], name=kind, language="C")
