"""The acoustic wave equation in Devito's language, with an absorbing layer and many shots in one grid.

    1/v² ∂²u/∂t² = ∇²u + f(t) δ(x − xₛ),     C = (v Δt / h)²

    u[t+1] = 2u[t] − u[t−1] + C (L_z u + L_x u) + C f           L: second derivative, weights w₀ … w_p

In the layer, along each axis, L u becomes L u + D⁻ψ + ζ with two memories (`absorbing.py`):

    ψ ← b½ ψ + a½ D⁺u,     ζ ← b ζ + a (L u + D⁻ψ)              D±: staggered first derivatives, order 4

D⁻ = −(D⁺)ᵀ and sources and receivers both enter through C, so exchanging them leaves the trace unchanged to
rounding: the adjoint is the same kernel fed with time-reversed data.

At a free surface, row 0 of the model, u = 0 and the rows above mirror those below: u(−z) = −u(z).

`batch` shots, each with its own model, lie interleaved along x: column x of shot b is column x·batch + b.
Neighbours in x are `batch` numbers apart, so every loop, even over the narrow layers, is a long vector loop.
"""

from dataclasses import dataclass
from itertools import product
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

from datagen.waves.stencil import STAGGERED_WEIGHTS

OperatorKind = Literal["forward", "snapshots", "adjoint"]
"""forward: shots; snapshots: shots and the wavefield every few steps; adjoint: image of receiver data."""

Fields = dict[str, Any]
"""The arrays one operator works on, by the name of its argument."""


@dataclass(frozen=True, kw_only=True)
class KernelSpec:
    """What is compiled in; grid size, steps, positions and saving intervals are run-time values."""

    space_order: int = 8
    batch: int = 8  # shots interleaved along x
    absorbing_cells: int = 8  # width of the layer on each side
    dtype: str = "float32"
    free_surface: bool = False  # at the top; otherwise waves leave there too


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of the arrays of one run."""

    nz: int  # cells of the model
    nx: int
    steps: int  # of time
    record_every: int = 1  # steps between recorded samples
    image_every: int = 1  # steps between saved wavefields
    source_taps: tuple[int, int] = (1, 1)  # nodes along z and x that share a source
    receiver_taps: int = 1  # rows that share the receivers


def make_fields(spec: KernelSpec, kind: OperatorKind, sizes: Sizes) -> Fields:
    """Arrays of one run.

    The padded grid is `nz + 2 absorbing_cells` by `(nx + 2 absorbing_cells) · batch`.  Recorded or injected rows are
    padded, `[T, X·batch]`; saved wavefields and images are not, `[Z, X·batch]`.
    """
    pad, batch, dtype = 2 * spec.absorbing_cells, spec.batch, np.dtype(spec.dtype).type
    z, x = (SpaceDimension(name=name, spacing=Constant(name=f"h_{name}", dtype=dtype)) for name in "zx")
    grid = Grid(shape=(sizes.nz + pad, (sizes.nx + pad) * batch), dimensions=(z, x), dtype=dtype)

    def plane(name: str, reach: int = 0) -> Any:
        return Function(name=name, grid=grid, space_order=(2 * reach * batch, reach * batch, reach * batch))

    reach = spec.space_order // 2 * batch
    fields: Fields = {"u": TimeFunction(name="u", grid=grid, time_order=1, space_order=(2 * reach, reach, reach))}
    fields["C"] = plane("C")
    for k in range(spec.space_order // 2 + 1):
        fields[f"w{k}"] = Constant(name=f"w{k}", dtype=dtype)
    for axis, size in zip((z, x), grid.shape, strict=True):
        fields[f"psi_{axis.name}"] = plane(f"psi_{axis.name}", len(STAGGERED_WEIGHTS))
        fields[f"zeta_{axis.name}"] = plane(f"zeta_{axis.name}")
        for name in (f"a_{axis.name}", f"b_{axis.name}", f"a_half_{axis.name}", f"b_half_{axis.name}"):
            fields[name] = _table(name, (axis,), (size,), dtype)
    return fields | _observed(spec, kind, sizes, grid)


def _table(name: str, dimensions: tuple[Any, ...], shape: tuple[int, ...], dtype: Any) -> Any:
    return Function(name=name, dimensions=dimensions, shape=shape, dtype=dtype, space_order=0)


def _observed(spec: KernelSpec, kind: OperatorKind, sizes: Sizes, grid: Any) -> Fields:
    """Arrays of sources, receivers, saved wavefields and images."""
    dtype, time, x = grid.dtype, grid.time_dim, grid.dimensions[1]
    row, column, slot, tap, tap_z, tap_x = (
        Dimension(name=name) for name in ("row", "column", "slot", "tap", "tap_z", "tap_x")
    )
    sample = ConditionalDimension(name="sample", parent=time, factor=sizes.record_every)
    snapshot = ConditionalDimension(name="snapshot", parent=time, factor=sizes.image_every)
    samples, snapshots = ((sizes.steps - 1) // n + 1 for n in (sizes.record_every, sizes.image_every))
    padded, inner = grid.shape[1], (sizes.nz, sizes.nx * spec.batch)

    fields: Fields = {"receiver_row": _table("receiver_row", (tap,), (sizes.receiver_taps,), np.int32)}
    fields["receiver_weight"] = _table("receiver_weight", (tap,), (sizes.receiver_taps,), dtype)
    if kind != "forward":
        fields["wavefield"] = _table("wavefield", (snapshot, row, column), (snapshots, *inner), dtype)
    if kind == "adjoint":
        fields["last_snapshot"] = Constant(name="last_snapshot", dtype=np.int32)
        fields["data"] = _table("data", (time, x), (sizes.steps, padded), dtype)
        fields["image"] = _table("image", (row, column), inner, dtype)
        fields["illumination"] = _table("illumination", (row, column), inner, dtype)
    else:
        fields["wavelet"] = _table("wavelet", (time,), (sizes.steps,), dtype)
        fields["source_row"] = _table("source_row", (slot,), (spec.batch,), np.int32)
        fields["source_column"] = _table("source_column", (slot,), (spec.batch,), np.int32)
        weights = (spec.batch, *sizes.source_taps)
        fields["source_weight"] = _table("source_weight", (slot, tap_z, tap_x), weights, dtype)
        fields["shots"] = _table("shots", (sample, x), (samples, padded), dtype)
    return fields


@dataclass(frozen=True)
class Axis:
    """One axis of the grid and the finite differences along it."""

    dimension: Any
    step: int  # from a node to its neighbour: 1 along z, `batch` along the interleaved x

    def shifted(self, f: Any, cells: int) -> Any:
        d = self.dimension
        return f._subs(d, d + cells * self.step * d.spacing) if cells else f

    def second_derivative(self, f: Any, weights: list[Any]) -> Any:
        centre, *sides = weights
        pairs = (self.shifted(f, k) + self.shifted(f, -k) for k in range(1, len(sides) + 1))
        return centre * f + sum(w * pair for w, pair in zip(sides, pairs, strict=True))

    def staggered_difference(self, f: Any, ahead: int) -> Any:
        """D⁺f (`ahead` = 1) half a cell after the place of f, D⁻f (`ahead` = 0) half a cell before."""
        weighted = enumerate(STAGGERED_WEIGHTS)
        return sum(s * (self.shifted(f, k + ahead) - self.shifted(f, ahead - 1 - k)) for k, s in weighted)

    def parts(self, cells: int) -> tuple[Any, Any, Any]:
        """The first `cells` cells, those between, and the last `cells`."""
        d, thickness = self.dimension, cells * self.step
        return (
            SubDimension.left(name=f"{d.name}_first", parent=d, thickness=thickness),
            SubDimension.middle(name=f"{d.name}_middle", parent=d, thickness_left=thickness, thickness_right=thickness),
            SubDimension.right(name=f"{d.name}_last", parent=d, thickness=thickness),
        )


def wave_equation(spec: KernelSpec, fields: Fields) -> list[Any]:
    """One time step: ψ in the layers, then u part by part of the grid, with ζ where layers are."""
    u, C = fields["u"], fields["C"]
    weights = [fields[f"w{k}"] for k in range(spec.space_order // 2 + 1)]
    axes = tuple(Axis(d, step) for d, step in zip(u.grid.dimensions, (1, spec.batch), strict=True))
    reach = spec.absorbing_cells + len(STAGGERED_WEIGHTS)  # D⁻ψ is not zero a little beyond the layer
    parts = [axis.parts(reach) for axis in axes]
    equations = []
    for axis, (first, _, last) in zip(axes, parts, strict=True):
        psi, a, b = (fields[f"{name}_{axis.dimension.name}"] for name in ("psi", "a_half", "b_half"))
        memory = Eq(psi, b * psi + a * axis.staggered_difference(u, 1))
        equations += [_within(memory, {axis.dimension: layer}) for layer in (first, last)]
    for part in product(*parts):
        terms: Any = 0
        for axis, dimension, (_, middle, _) in zip(axes, part, parts, strict=True):
            L = axis.second_derivative(u, weights)
            terms += L
            if dimension is not middle:
                psi, zeta, a, b = (fields[f"{n}_{axis.dimension.name}"] for n in ("psi", "zeta", "a", "b"))
                Dpsi = axis.staggered_difference(psi, 0)
                terms += Dpsi + zeta
                memory = Eq(zeta, b * zeta + a * (L + Dpsi))
                equations.append(_within(memory, dict(zip(u.grid.dimensions, part, strict=True))))
        # Two buffers: until it is written, u.forward still holds u[t-1].
        step = Eq(u.forward, 2 * u - u.forward + C * terms)
        equations.append(_within(step, dict(zip(u.grid.dimensions, part, strict=True))))
    return equations


def _within(equation: Any, part: dict[Any, Any]) -> Any:
    """The equation in one part of the grid only."""
    for dimension, of_it in part.items():
        equation = equation.func(*(side._subs(dimension, of_it) for side in equation.args))
    return equation


def observation(spec: KernelSpec, kind: OperatorKind, fields: Fields) -> tuple[list[Any], list[Any]]:
    """What is read from u[t] before a step, and what is added to u[t+1] after it."""
    u, C, receiver_weight = fields["u"], fields["C"], fields["receiver_weight"]
    time, t, (_, x) = u.grid.time_dim, u.grid.stepping_dim, u.grid.dimensions
    pad, (tap,) = spec.absorbing_cells, receiver_weight.dimensions
    receivers = (fields["receiver_row"][tap], x)
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
        return imaging, [Inc(u[t + 1, *receivers], C[*receivers] * receiver_weight[tap] * data[time, x])]

    shots, source_weight = fields["shots"], fields["source_weight"]
    slot, tap_z, tap_x = source_weight.dimensions
    at = (fields["source_row"][slot] + tap_z, fields["source_column"][slot] + tap_x * spec.batch)
    recording = [Inc(shots[shots.dimensions[0], x], receiver_weight[tap] * u[t, *receivers])]
    if kind == "snapshots":
        wavefield = fields["wavefield"]
        snapshot, row, column = wavefield.dimensions
        recording.append(Eq(wavefield[snapshot, row, column], u[t, row + pad, column + pad * spec.batch]))
    kick = C[*at] * source_weight[slot, tap_z, tap_x] * fields["wavelet"][time]
    return recording, [Inc(u[t + 1, *at], kick)]


def free_surface(spec: KernelSpec, fields: Fields) -> list[Any]:
    """u = 0 on row 0 of the model and u(−z) = −u(z) above it, as far as the stencil reaches."""
    u = fields["u"]
    t, (_, x), pad = u.grid.stepping_dim, u.grid.dimensions, spec.absorbing_cells
    mirror = [Eq(u[t + 1, pad - k, x], -u[t + 1, pad + k, x]) for k in range(1, spec.space_order // 2 + 1)]
    return [Eq(u[t + 1, pad, x], 0), *mirror]


def build(spec: KernelSpec, kind: OperatorKind) -> Any:
    """The Devito Operator of this kind: single-threaded C, for a grid of any size."""
    sizes = Sizes(nz=16, nx=16, steps=5, record_every=2, image_every=2, source_taps=(2, 2), receiver_taps=2)
    fields = make_fields(spec, kind, sizes)
    read, add = observation(spec, kind, fields)
    surface = free_surface(spec, fields) if spec.free_surface else []
    return Operator([*read, *wave_equation(spec, fields), *add, *surface], name=kind, language="C")
