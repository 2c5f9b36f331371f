"""The Pareto front of compressed networks, and one network of it.

    a beats b   ⇔   SSIM_a ≥ SSIM_b,  non-zero_a ≤ non-zero_b,  latency_a ≤ latency_b,  and one of them strictly

What no other beats is on the front.  Latencies are measured, so they differ only where they differ by a tenth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from datagen.errors import InputError

STEP = 1.1  # ratio of two latencies that are told apart


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

    With `min_ssim` the smallest that is good enough, with another limit alone the best that keeps to it, and without
    limits the one with the highest score.

    Raises
    ------
    InputError
        None keeps to all limits; the message lists the front.
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
            "no network keeps to --max-params, --min-ssim and --max-latency; the front is\n"
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
