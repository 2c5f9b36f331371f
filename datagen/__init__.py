"""Velocity models, shots and RTM images made with the wave equation, as shards on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datagen.shards.manifest import Manifest


def make_data_set(
    preset: str | Path,
    folder: str | Path | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    workers: int | None = None,
) -> "Manifest":
    """Makes the data set that a preset's section `data` describes, and returns its manifest.

    Needs Devito and a C compiler.  What the folder has already is verified and kept, so a call that was stopped goes
    on where it stopped, and a call for a finished data set makes nothing.  The files, for shard 1 of n models:

        data1.npy   [n, S, T, R]  shots, pressure in units of the wavelet's peak (`data.dtype`)
        model1.npy  [n, 1, Z, X]  velocity [m/s], float32
        image1.npy  [n, 1, Z, X]  RTM image, float32

    Parameters
    ----------
    preset
        A YAML file such as presets/openfwi.yml; lengths in it are metres, times seconds, frequencies hertz.
    folder
        Where the data set goes, instead of the preset's `data.folder`.
    changes
        Other settings laid over the preset's, path → value: `{"data.survey.shots": 3}`.
    workers
        Processes, by default one a core.  The data have the same bits whatever their number.

    Raises
    ------
    InputError
        The preset or a setting cannot be used, the folder holds another data set or a damaged one, another process
        is writing there, there is no C compiler, or the disk is full.  The message names what to change.

    Examples
    --------
    >>> import numpy as np
    >>> from datagen import make_data_set
    >>> manifest = make_data_set(
    ...     "presets/quickstart.yml",
    ...     "data/mine",
    ...     changes={
    ...         "data.grid": {"nz": 24, "nx": 32, "spacing": 10.0},
    ...         "data.survey": {"shots": 2, "receivers": 32, "frequency": 15.0, "interval": 0.001, "samples": 240},
    ...         "data.split": {"train": 8, "validation": 1, "test": 1},
    ...     },
    ...     workers=1,
    ... )
    >>> [(record.shard.split, record.shard.models) for record in manifest.shards]
    [('train', 8), ('validation', 1), ('test', 1)]
    >>> np.load("data/mine/data1.npy").shape
    (8, 2, 240, 32)
    >>> np.load("data/mine/image1.npy").shape
    (8, 1, 24, 32)
    """
    # Here, so that importing the package stays cheap: Devito takes a second.
    from datagen.generate import generate  # noqa: PLC0415
    from datagen.preset import read_data  # noqa: PLC0415
    from datagen.shards.manifest import load_manifest  # noqa: PLC0415

    moved = {} if folder is None else {"data.folder": str(folder)}
    data = read_data(preset, {**(changes or {}), **moved})
    generate(data, workers=workers, progress=False)
    return load_manifest(data.folder)
