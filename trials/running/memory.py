"""Reports out-of-memory errors with the settings that need less."""

from collections.abc import Iterator
from contextlib import contextmanager

from trials.settings.config import Config

SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory")  # of torch's allocators


class OutOfMemory(RuntimeError):
    """The run does not fit into the memory of its device or the machine."""


@contextmanager
def report_short_memory(stage: str, config: Config) -> Iterator[None]:
    """Replaces the errors of torch and numpy with OutOfMemory.

    A process killed by the operating system for its memory cannot report it.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(sign in str(error).lower() for sign in SIGNS):
            raise
        first = (str(error).strip().splitlines() or ["no memory left"])[0]
        raise OutOfMemory(f"{stage}: out of memory; lower {_settings(stage, config)}\n{first}") from None


def _settings(stage: str, config: Config) -> str:
    """The larger saving first."""
    training, network, search = config.training, config.network, config.search
    size = "max_parameters" if network.model == "nasunet" else "width"
    smaller = [f"training.batch_size (now {training.batch_size})", f"network.{size} (now {getattr(network, size)})"]
    if stage == "search":
        width = search.width or network.width
        smaller.append(f"search.width (now {width})")
        if search.strategy == "darts":
            smaller.append("or raise search.partial_channels, or use search.strategy parsec")
    return ", ".join(smaller)
