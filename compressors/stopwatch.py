"""How long something takes."""

import time
from collections.abc import Callable
from statistics import median


def median_ms(work: Callable[[], object], runs: int) -> float:
    """Median time of `runs` calls [ms].

    One call before is not counted: it allocates memory, and starts with cold caches.
    """
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1e3 * median(seconds)
