"""Memory that does not suffice, told with the settings that take less of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from trials.settings.config import Config

SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory")  # in what torch's allocators say


class OutOfMemory(RuntimeError):
    """The run does not fit into the memory of its device or of the machine."""


@contextmanager
def told_when_memory_is_short(stage: str, config: Config) -> Iterator[None]:
    """Raises OutOfMemory in place of what torch and numpy raise.

    A process that the operating system kills for its memory has no chance to say so.
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
    smaller = [f"training.batch_size (now {training.batch_size})", f"network.width (now {network.width})"]
    if stage == "search":
        width = search.width or network.width
        smaller.append(f"search.width (now {width})")
        if search.strategy == "darts":
            smaller.append("or raise search.partial_channels, or take search.strategy parsec")
    return ", ".join(smaller)
