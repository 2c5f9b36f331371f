"""Smaller and portable networks: `Imager` runs a finished one without torch, NNI or Devito."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressors.graphs.runner import Imager as Imager

__all__ = ["Imager"]


def __getattr__(name: str) -> Any:
    """`Imager`, imported when it is asked for: ONNX Runtime takes a while, and not every module here needs it."""
    if name != "Imager":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from compressors.graphs.runner import Imager  # noqa: PLC0415

    return Imager
