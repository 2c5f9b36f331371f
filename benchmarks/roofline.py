"""The most that the machine can do, measured, and how near the wave equation's kernel comes to it.

one step at one grid point, of space order 2q     inside           more in a layer, each axis
  arithmetic                                       6q + 5           21
  bytes to and from the arrays                     16               24      each array once: neighbours are at hand
  bytes to and from the first cache                16q + 16         56      every load and store

seconds a point ≥ max(arithmetic / peak, bytes / bandwidth where the arrays are, bytes / bandwidth of the first cache)
"""

import ctypes
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from datagen.config import Data
from datagen.velocity import draw_velocity
from datagen.waves.modelling import WaveEngine
from datagen.waves.operators import find_compiler
from datagen.waves.stencil import STAGGERED_WEIGHTS

SOURCE = """
typedef float lanes __attribute__((vector_size(WIDTH)));

void multiply_add(long n, float *out) {  /* 12 chains at once: more than latency times units; n x 12 lanes x 2 */
    lanes s[12], a = {0}, b = {0};
    for (int k = 0; k < 12; k++) s[k] = (lanes){0} + (float)k;
    a += out[0]; b += out[1];
    for (long i = 0; i < n; i++)
        for (int k = 0; k < 12; k++) s[k] = s[k] * a + b;
    lanes sum = {0};
    for (int k = 0; k < 12; k++) sum += s[k];
    *out = sum[0];
}

void step(long n, long turns, float *restrict u, float *restrict previous, const float *restrict C) {
    for (long turn = 0; turn < turns; turn++) {  /* the streams of a time step, without its neighbours */
        for (long i = 0; i < n; i++) previous[i] = 2 * u[i] - previous[i] + C[i] * u[i];
        float *other = u; u = previous; previous = other;
    }
}
"""
FLAGS = ("-march=native", "-O3", "-ffast-math", "-fopenmp-simd", "-std=gnu99", "-fPIC", "-shared")  # as Devito's
REST = 512 << 20  # [bytes] no cache holds
FIRST = 24 << 10  # [bytes] the first cache holds
ROUNDS = 7
STREAMS = 16  # bytes of a point of `step`: two loads of others, one of what it replaces, one store


def shortest_time(work: Callable[[], Any]) -> float:
    """The shortest CPU time of some runs [s]: what the machine can do."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def compiled(width: int) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "machine.c", Path(folder) / "machine.so"
        source.write_text(SOURCE)
        command = [find_compiler(), *FLAGS, f"-DWIDTH={width}", str(source), "-o", str(library)]
        subprocess.run(command, check=True, capture_output=True)
        return ctypes.CDLL(str(library))


def peak() -> float:
    """Multiplications and additions a second of one core, with vectors of the fastest width."""
    out, rates = np.array([0.5, 0.25], np.float32), []
    for width in (16, 32, 64):
        library, n = compiled(width), 10_000_000
        seconds = shortest_time(lambda: library.multiply_add(ctypes.c_long(n), out.ctypes.data_as(ctypes.c_void_p)))  # noqa: B023
        rates.append(n * 12 * 2 * (width // 4) / seconds)
    return max(rates)


def bandwidth(total: int) -> float:
    """Bytes a second of one core, to and from three arrays of `total` bytes together."""
    n, library = total // 12, compiled(32)
    turns = max(1, (1 << 30) // (STREAMS * n))
    arrays = [np.full(n, 1e-3, np.float32) for _ in range(3)]
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
    return STREAMS * n * turns / shortest_time(lambda: library.step(ctypes.c_long(n), ctypes.c_long(turns), *pointers))


def grid_points(data: Data) -> tuple[float, float]:
    """Points of one shot's padded grid, and how many of them lie in a layer, counted once for each axis."""
    pad, reach = data.survey.absorbing_cells, data.survey.absorbing_cells + len(STAGGERED_WEIGHTS)
    nz, nx = data.grid.nz + 2 * pad, data.grid.nx + 2 * pad
    return nz * nx, 2 * reach * (nz + nx)


def counts(data: Data) -> dict[str, float]:
    """Arithmetic and bytes of one step at an average point, and the bytes of all arrays of a batch of 8."""
    q, (points, layered) = data.survey.space_order // 2, grid_points(data)
    share = layered / points
    return {
        "flops_per_point": 6 * q + 5 + 21 * share,
        "bytes_per_point": STREAMS + 24 * share,
        "first_cache_bytes_per_point": 16 * q + 16 + 56 * share,
        "working_set_bytes": 8 * 4 * (3 * points + 2 * layered),
    }


def kernel_seconds(data: Data) -> float:
    """Shortest time [s] of one step at one point of one shot, in the compiled operator alone."""
    engine = WaveEngine(data)
    forward = engine._forward
    forward.set_velocity(np.stack([draw_velocity(data, index) for index in range(8)]))
    forward.set_sources(np.zeros(8, int))
    forward.run()
    return shortest_time(forward.run) / (8 * engine.clock.steps * grid_points(data)[0])


def limits(data: Data, peak_flops: float, first_cache: float) -> dict[str, Any]:
    """The row of one preset: the limit of a step at a point, and how much of it the kernel reaches."""
    count = counts(data)
    where = bandwidth(int(count["working_set_bytes"]))
    each = {
        "arithmetic": count["flops_per_point"] / peak_flops,
        "arrays": count["bytes_per_point"] / where,
        "first cache": count["first_cache_bytes_per_point"] / first_cache,
    }
    narrowest, seconds = max(each, key=lambda name: each[name]), kernel_seconds(data)
    row: dict[str, Any] = count | {"bandwidth_GB_per_s": where / 1e9, "narrowest": narrowest}
    row |= {"limit_ns_per_point": each[narrowest] * 1e9, "ns_per_point": seconds * 1e9}
    row |= {"limits_ns_per_point": {name: value * 1e9 for name, value in each.items()}}
    row |= {
        "GFlop_per_s": count["flops_per_point"] / seconds / 1e9,
        "GB_per_s": count["bytes_per_point"] / seconds / 1e9,
    }
    return row | {"fraction_of_limit": each[narrowest] / seconds}


def machine() -> dict[str, float]:
    """What one core can do: arithmetic, and bytes from its first cache and from memory."""
    return {
        "peak_GFlop_per_s": peak() / 1e9,
        "first_cache_GB_per_s": bandwidth(FIRST) / 1e9,
        "memory_GB_per_s": bandwidth(REST) / 1e9,
    }


def shots_per_second(data: Data, job: str, limit_ns: float, memory_GB_per_s: float) -> float:
    """What one core could make of whole shots at the limit: all steps of all operators, and the saved wavefields."""
    clock, points = WaveEngine(data).clock, grid_points(data)[0]
    seconds = clock.steps * points * limit_ns * 1e-9
    if job == "rtm":
        saved = ((clock.imaged_steps - 1) // clock.image_every + 1) * data.grid.nz * data.grid.nx
        seconds += 2 * clock.imaged_steps * points * limit_ns * 1e-9 + 8 * saved / (memory_GB_per_s * 1e9)
    return 1 / seconds
