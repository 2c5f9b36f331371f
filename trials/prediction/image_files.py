"""Image files written as the images come; a file gets its name only when it is whole.

.npy    float32 [N, 1, Z, X];  [Z, X] of a single sample;  [inline, Z, X] of the lines of a 3-D survey
.sgy    IEEE floats, one trace per column; see `TEXT`
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import segyio
from numpy.typing import NDArray
from segyio import BinField, TraceField

from datagen.errors import InputError
from datagen.files.whole_files import temporary_path
from datagen.files.writing import reported

LARGEST_STEP = 32.767  # [m] that fits a header, in millimetres
CENTIMETRES = 100  # coordinates are stored in these, as integers

Coordinates = Callable[[int], NDArray[np.float64]]  # number of a sample → x and y of its columns [X, 2] in metres


class ImageFile(Protocol):
    """Takes images in order; `close` gives the file its name, `discard` deletes it."""

    def add(self, images_B1ZX: NDArray[np.float32]) -> None: ...

    def close(self) -> None: ...

    def discard(self) -> None: ...


class NpyImages:
    """An .npy of the whole `shape`, filled from the beginning."""

    def __init__(self, file: Path, shape: tuple[int, ...]) -> None:
        self.file, self._part = file, temporary_path(file)
        with reported(file):
            self._stream = self._part.open("wb")
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)

    def add(self, images_B1ZX: NDArray[np.float32]) -> None:
        with reported(self.file):
            self._stream.write(np.ascontiguousarray(images_B1ZX, "<f4").tobytes())

    def close(self) -> None:
        with reported(self.file):
            self._stream.close()
            os.replace(self._part, self.file)

    def discard(self) -> None:
        with suppress(OSError):  # closing flushes the buffer, which a full disk refuses again
            self._stream.close()
        self._part.unlink(missing_ok=True)


class SegyImages:
    """A SEG-Y file of `count` images `[Z, X]` on cells of `spacing` metres; `text`: how they were made, and their unit.

    Inline numbers are samples, crossline and CDP numbers columns, from 1.  Raises InputError: a depth step too large
    for its headers.
    """

    def __init__(
        self, file: Path, count: int, size: tuple[int, int], spacing: float, text: tuple[str, str], at: Coordinates
    ) -> None:
        if spacing > LARGEST_STEP:
            raise InputError(
                f"output {file}: SEG-Y holds depth steps of up to {LARGEST_STEP} m, got {spacing:g} m; write .npy"
            )
        self.file, self._part, self._at, self._sample = file, temporary_path(file), at, 0
        nz, self._columns = size
        self._step = round(1000 * spacing)
        spec = segyio.spec()
        spec.format, spec.samples, spec.tracecount = 5, np.arange(nz) * spacing, count * self._columns
        try:
            with reported(file):
                self._segy: Any = segyio.create(self._part, spec)
                self._write_file_headers(spacing, text)
        except InputError:
            self._part.unlink(missing_ok=True)
            raise

    def _write_file_headers(self, spacing: float, text: tuple[str, str]) -> None:
        self._segy.text[0] = segyio.tools.create_text_header(_text(spacing, *text))
        self._segy.bin.update(
            {
                BinField.Interval: self._step,
                BinField.IntervalOriginal: self._step,
                BinField.Traces: self._columns,
                BinField.MeasurementSystem: 1,
                BinField.SortingCode: 4,  # stacked
                BinField.SEGYRevision: 1,
                BinField.TraceFlag: 1,  # all traces have the same length
            }
        )

    def add(self, images_B1ZX: NDArray[np.float32]) -> None:
        with reported(self.file):
            self._add(images_B1ZX[:, 0])

    def _add(self, images_BZX: NDArray[np.float32]) -> None:
        for image_ZX in images_BZX:
            first = self._sample * self._columns
            places_X2 = np.rint(CENTIMETRES * self._at(self._sample)).astype(int)
            for column, trace_Z in enumerate(np.ascontiguousarray(image_ZX.T)):
                self._segy.trace[first + column] = trace_Z
                self._segy.header[first + column] = {
                    TraceField.TRACE_SEQUENCE_LINE: column + 1,
                    TraceField.TRACE_SEQUENCE_FILE: first + column + 1,
                    TraceField.CDP: column + 1,
                    TraceField.TraceIdentificationCode: 1,
                    TraceField.SourceGroupScalar: -CENTIMETRES,
                    TraceField.CoordinateUnits: 1,
                    TraceField.TRACE_SAMPLE_COUNT: len(trace_Z),
                    TraceField.TRACE_SAMPLE_INTERVAL: self._step,
                    TraceField.CDP_X: places_X2[column, 0],
                    TraceField.CDP_Y: places_X2[column, 1],
                    TraceField.INLINE_3D: self._sample + 1,
                    TraceField.CROSSLINE_3D: column + 1,
                }
            self._sample += 1

    def close(self) -> None:
        with reported(self.file):
            self._segy.close()
            os.replace(self._part, self.file)

    def discard(self) -> None:
        with suppress(OSError):
            self._segy.close()
        self._part.unlink(missing_ok=True)


def _text(spacing: float, made: str, unit: str) -> dict[int, str]:
    return {
        1: f"SEISMIC DEPTH IMAGE, {made.upper()} (SEISNAS)",
        2: f"AMPLITUDES: {unit.upper()}",
        3: f"VERTICAL AXIS: DEPTH, {spacing:g} M BETWEEN SAMPLES, THE FIRST AT 0 M",
        4: "SAMPLE INTERVAL (BYTES 117, 3217) IS THE DEPTH STEP IN MILLIMETRES",
        5: "COORDINATES (CDP X 181, CDP Y 185): CENTIMETRES, SCALAR -100 (BYTE 71)",
        6: "INLINE (BYTE 189): LINE OR MODEL    CROSSLINE (193), CDP (21): COLUMN",
        39: "SEG Y REV1",
        40: "END TEXTUAL HEADER",
    }
