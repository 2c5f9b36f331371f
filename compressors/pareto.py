"""The Pareto front of compressed networks, and the choice of one of them.

    a beats b   ⇔   SSIM_a ≥ SSIM_b,  non-zero_a ≤ non-zero_b,  latency_a ≤ latency_b,  and one of them strictly

A network that no other beats is on the front.  Latencies are measured, so differences below a tenth do not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from datagen.errors import InputError

STEP = 1.1  # smallest ratio of latencies that counts as a difference


@dataclass(frozen=True, kw_only=True)
class Point:
    """One network."""

    name: str
    ssim: float  # validation split
    nonzero: int  # parameters that are not 0
    latency_ms: float
    score: float  # what its trial reported


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats, the smallest network first."""
    kept = [point for point in points if not any(_beats(other, point) for other in points)]
    return sorted(kept, key=lambda point: point.nonzero)


def choose(
    points: Sequence[Point],
    *,
    max_params: int | None = None,
    min_ssim: float | None = None,
    max_latency: float | None = None,
) -> Point:
    """One point of the front within the limits [non-zero parameters, SSIM, ms].

    With `min_ssim` the smallest that is good enough, with only other limits the best within them, and without limits
    the one with the highest score.

    Raises
    ------
    InputError
        None is within all limits; the message lists the front.
    """
    found = [
        point
        for point in front(points)
        if (max_params is None or point.nonzero <= max_params)
        and (min_ssim is None or point.ssim >= min_ssim)
        and (max_latency is None or point.latency_ms <= max_latency)
    ]
    if not found:
        raise InputError(
            "no network is within --max-params, --min-ssim and --max-latency; the front is\n"
            + "\n".join(
                f"  {point.name}: SSIM {point.ssim:.4f}, {point.nonzero} non-zero parameters, {point.latency_ms:.1f} ms"
                for point in front(points)
            )
        )
    if min_ssim is not None:
        return found[0]
    if max_params is not None or max_latency is not None:
        return max(found, key=lambda point: point.ssim)
    return max(found, key=lambda point: point.score)


def _beats(a: Point, b: Point) -> bool:
    ours, theirs = ((p.ssim, -p.nonzero, -round(math.log(p.latency_ms, STEP))) for p in (a, b))
    return ours != theirs and all(x >= y for x, y in zip(ours, theirs, strict=True))
