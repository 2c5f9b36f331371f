"""A limit on the memory a library may use for untrusted data: past it, allocations fail but the process survives.

RLIMIT_DATA = what the process has now + what the work may use
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import resource

MIB = 1 << 20
SPARE = 1024 * MIB + 8 * MIB * (os.cpu_count() or 1)  # for libraries themselves, and the stacks of their threads
_one_at_a_time = threading.RLock()  # the limit applies to the whole process


@contextmanager
def at_most(extra: int) -> Iterator[None]:
    """Within it, this process gets at most `extra` bytes beyond what it has; then MemoryError, or bad_alloc.

    On systems other than Linux nothing is limited.
    """
    if sys.platform != "linux":
        yield
        return
    with _one_at_a_time:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        limit = pages * resource.getpagesize() + extra
        resource.setrlimit(resource.RLIMIT_DATA, (limit if soft == resource.RLIM_INFINITY else min(limit, soft), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
