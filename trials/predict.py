"""Predict: images of recorded shots by a bundle, with ONNX Runtime alone.

shots.npy [S, T, R] or [N, S, T, R] ─ memory-mapped, a few models at a time ─► image.npy, image.png
"""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from compressors.contents import Contents
from compressors.imager import Imager
from datagen.errors import InputError
from search_spaces.shape import Shape
from trials.sections import Section, draw_sections, image_section, reach, velocity_section

log = logging.getLogger(__name__)

BATCH = 8  # models in memory at a time
MOST_DRAWN = 12  # images in a PNG
STRANGE = 10.0  # amplitudes this many times above or below the training data's are mentioned


def predict(bundle: str | Path, shots: str | Path, outputs: Sequence[str | Path]) -> list[Path]:
    """Images the shots in the file `shots` and writes each of `outputs`; returns their paths.

    `.npy`: float32 `[N, 1, Z, X]`, or `[Z, X]` for shots `[S, T, R]`; RTM amplitude, or velocity in m/s.
    `.png`: the first images.

    Raises
    ------
    InputError
        The bundle is damaged, the file is no array of shots, its survey is not the bundle's, a sample is not
        a number, or an output has another ending.
    """
    files = check_outputs(outputs)
    imager = Imager(bundle)
    contents, shape = imager.contents, imager.contents.shape
    if contents.target == "first_break":
        raise InputError(f"{bundle}: picks first breaks and makes no images; give it to seisnas pick")
    shots_NSTR, single = _open_shots(Path(shots), shape, bundle)
    size = (shape.nz, shape.nx) if single else (len(shots_NSTR), 1, shape.nz, shape.nx)
    drawn: list[NDArray[np.float32]] = []
    try:
        arrays = {file: _new_array(file, size) for file in files if file.suffix == ".npy"}
        for first, images_B1ZX in _images(imager, shots_NSTR, Path(shots)):
            for array in arrays.values():
                array.reshape(-1, 1, shape.nz, shape.nx)[first : first + len(images_B1ZX)] = images_B1ZX
            drawn += list(images_B1ZX[: MOST_DRAWN - len(drawn), 0])
        for file, array in arrays.items():
            array.flush()
            os.replace(_part(file), file)
    finally:
        for file in files:
            _part(file).unlink(missing_ok=True)
    heading = f"{contents.name}: {len(drawn)} of {len(shots_NSTR)} images of {Path(shots).name}"
    for file in files:
        if file.suffix == ".png":
            draw_sections(_sections(drawn, contents), contents.data.grid, file, heading)
    return files


def check_outputs(outputs: Sequence[str | Path]) -> list[Path]:
    """The paths, after their endings and folders were found good.  Raises InputError."""
    files = [Path(output) for output in outputs]
    for file in files:
        if file.suffix not in (".npy", ".png"):
            raise InputError(f"output {file}: unknown ending {file.suffix or 'none'!r}; allowed: .npy, .png")
        if not file.parent.is_dir():
            raise InputError(f"output {file}: there is no folder {file.parent}; make it first")
    return files


def _open_shots(file: Path, shape: Shape, bundle: str | Path) -> tuple[NDArray[Any], bool]:
    """Shots `[N, S, T, R]`, memory-mapped, and whether the file held a single `[S, T, R]`."""
    try:
        shots: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"shots {file}: no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"shots {file}: not a .npy array of numbers: {error}") from None
    if not isinstance(shots, np.ndarray) or shots.dtype.kind not in "fiu":
        kind = getattr(shots, "dtype", "an archive of arrays")
        raise InputError(f"shots {file}: holds {kind}; allowed is one .npy array of real numbers")
    if shots.ndim not in (3, 4) or len(shots) == 0:
        raise InputError(f"shots {file}: shape {shots.shape}; allowed: [S, T, R] or [N, S, T, R] with N > 0")
    wanted = (shape.shots, shape.samples, shape.receivers)
    found = shots.shape[-3:]
    if found != wanted:
        names = ("shots", "time samples", "receivers")
        differences = [
            f"  {name}: {have} in the file, {want} in the bundle's survey"
            for name, have, want in zip(names, found, wanted, strict=True)
            if have != want
        ]
        if sorted(found) == sorted(wanted):
            differences.append("  the axes seem to be in another order: transpose to (shot, time, receiver)")
        raise InputError("\n".join([f"shots {file}: another survey than that of {bundle}:", *differences]))
    return (shots[None], True) if shots.ndim == 3 else (shots, False)


def _images(imager: Imager, shots_NSTR: NDArray[Any], file: Path) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Number of the first model of a batch, images `[B, 1, Z, X]`."""
    starts = range(0, len(shots_NSTR), BATCH)
    console = Console(stderr=True)
    quiet = len(starts) < 2 or not sys.stderr.isatty()
    for first in track(starts, "images", console=console, disable=quiet):
        shots_BSTR = np.ascontiguousarray(shots_NSTR[first : first + BATCH], np.float32)
        finite = np.isfinite(shots_BSTR).all(axis=(1, 2, 3))
        if not finite.all():
            model = first + int(np.argmin(finite))
            raise InputError(f"shots {file}: model {model} holds samples that are not finite numbers; mute them")
        if first == 0:
            _mention_strange_amplitudes(shots_BSTR, imager.contents, file)
        yield first, imager(shots_BSTR)


def _mention_strange_amplitudes(shots_BSTR: NDArray[np.float32], contents: Contents, file: Path) -> None:
    """`shot_scale` is the 90th percentile of |shots| of a training model."""
    found = float(np.percentile(np.abs(shots_BSTR), 90))
    ratio = found / contents.statistics.shot_scale
    if not 1 / STRANGE < ratio < STRANGE:
        log.warning(
            "%s: amplitudes are %.3g times those of the training data; scale them, or distrust the image",
            file,
            ratio,
        )


def _new_array(file: Path, size: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.float32]]:
    return open_memmap(_part(file), mode="w+", dtype=np.float32, shape=size)


def _part(file: Path) -> Path:
    return file.with_name(f".{file.name}.part")


def _sections(images: Sequence[NDArray[np.float32]], contents: Contents) -> list[Section]:
    if contents.target == "rtm":
        white = reach(np.stack(images))
        return [image_section(f"model {index}", image, white) for index, image in enumerate(images)]
    span = (contents.statistics.velocity_min, contents.statistics.velocity_max)
    return [velocity_section(f"model {index}", image, span) for index, image in enumerate(images)]
