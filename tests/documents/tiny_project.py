"""A user's folder in which the commands of the documents find every file that they name, all of them tiny."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import segyio
import yaml
from numpy.typing import NDArray
from segyio import TraceField

from compressors.bundles.untrained import untrained_bundle
from datagen.config import Data
from datagen.waves.positions import distances
from search_spaces.config import Gather, Migrate, Network
from search_spaces.genotype import Genotype
from trials.settings.config import Config, load, to_tree

GRID = {"nz": 24, "nx": 24, "spacing": 10.0}
SPLIT = {"train": 16, "validation": 8, "test": 8}
QUICK: dict[str, Any] = {  # laid over the presets, whose kinds of network, survey and front stay
    "data.grid": GRID,
    "data.split": SPLIT,
    "data.shard_size": 8,
    "data.survey.shots": 2,
    "data.survey.receivers": 24,
    "data.survey.samples": 240,
    "device": "cpu",
    "network.depth": 2,
    "network.width": 8,
    "network.max_parameters": 20_000,
    "search.samples": 16,
    "search.epochs": 1,
    "search.warmup_epochs": 0,
    "search.width": None,
    "search.retrain_epochs": 1,
    "search.candidates": 2,
    "tune.epochs": 1,
    "compress.epochs": 1,
    "pretrain.steps": 4,
    "pretrain.batch_size": 4,
    "pretrain.latent": 4,
}
FIELD = QUICK | {  # keeps its survey, which is wider
    "data.grid": {"nz": 40, "nx": 216, "spacing": 0.5},
    "data.split": {"train": 8, "validation": 1, "test": 1},
    "data.survey.shots": 2,
    "data.survey.source_positions": [14.0, 77.0],
    "data.survey.receivers": 48,
    "data.survey.samples": 256,
    "network.front.rows": 32,
}


def write_project(folder: Path, presets: Path) -> None:
    """Fills `folder`; `presets` is the folder of the real ones."""
    (folder / "presets").mkdir()
    configs = {}
    for name in ("quickstart", "openfwi", "field"):
        configs[name] = load(presets / f"{name}.yml", FIELD if name == "field" else QUICK)
        write_preset(folder / "presets" / f"{name}.yml", configs[name])
    own = {"data.folder": "data/mine", "network.model": "unet"}
    write_preset(folder / "my.yml", load(presets / "quickstart.yml", QUICK, own))
    write_preset(folder / "MY.yml", load(presets / "quickstart.yml", QUICK, own, {"name": "NAME"}))

    genotype = Genotype.random(depth=2, width=8, nodes=1, operations="small", seed=3)
    searched = Network(depth=2, width=8, genotype=genotype)
    migrating = replace(searched, front=Migrate())
    bundle = untrained_bundle(folder / "exports" / "quickstart", migrating, configs["quickstart"].data, "both")
    shutil.copytree(bundle, bundle.with_name("openfwi"))  # it has the same survey and grid
    untrained_bundle(folder / "exports" / "velocity", searched, configs["openfwi"].data, "velocity")
    picker = Network(model="unet", depth=2, width=4, front=Gather(rows=32))
    untrained_bundle(folder / "exports" / "field", picker, configs["field"].data, "first_break")
    write_recordings(folder, configs["openfwi"].data, configs["field"].data)
    write_velocities(folder)


def write_preset(file: Path, config: Config) -> None:
    file.write_text(yaml.safe_dump(to_tree(config)))


def write_recordings(folder: Path, data: Data, field: Data) -> None:
    """Shots of the survey of `data` as an array, as SEG-Y and as OpenFWI has them; gathers of that of `field`."""
    survey, draw = data.survey, np.random.default_rng(0)
    shots_NSTR = 0.1 * draw.standard_normal((24, survey.shots, survey.samples, survey.receivers)).astype(np.float32)
    models_N1ZX = np.linspace(1600, 4400, 24, dtype=np.float32)[:, None, None, None] * np.ones((1, 24, 24), np.float32)
    np.save(folder / "shots.npy", shots_NSTR[0])
    np.save(folder / "many_shots.npy", shots_NSTR)
    np.save(folder / "models.npy", models_N1ZX)
    write_segy(folder / "line.sgy", shots_NSTR[:3].reshape(-1, survey.samples, survey.receivers), data)
    (folder / "FlatVel_A").mkdir()
    for number, part in enumerate((slice(0, 16), slice(16, 24)), 1):
        np.save(folder / "FlatVel_A" / f"data{number}.npy", shots_NSTR[part])
        np.save(folder / "FlatVel_A" / f"model{number}.npy", models_N1ZX[part])
    (folder / "OpenFWI" / "split_files").mkdir(parents=True)
    for number, split in enumerate(("train", "val"), 1):
        line = f"/FlatVel_A/data{number}.npy\t/FlatVel_A/model{number}.npy\n"
        (folder / "OpenFWI" / "split_files" / f"flatvel_a_{split}.txt").write_text(line)

    gathers_STR = draw.standard_normal((10, field.survey.samples, field.survey.receivers)).astype(np.float32)
    write_segy(folder / "gather.sgy", gathers_STR[: field.survey.shots], field)
    np.save(folder / "SHOTS.npy", gathers_STR)
    picks_SR = np.full((10, field.survey.receivers), 0.02, np.float32)
    for name in ("mine.npz", "LABELLED.npz"):
        np.savez(folder / name, gathers=gathers_STR, first_break_s=picks_SR, interval=field.survey.interval)


def write_segy(file: Path, gathers_STR: NDArray[np.float32], data: Data) -> None:
    """The shots of a line again and again, with positions in centimetres in the trace headers."""
    count, samples, receivers = gathers_STR.shape
    sources_S, receivers_R = (np.rint(100 * data.grid.spacing * cells).astype(int) for cells in distances(data))
    interval = round(1e6 * data.survey.interval)
    spec = segyio.spec()
    spec.format, spec.samples, spec.tracecount = 5, range(samples), count * receivers
    with segyio.create(file, spec) as segy:
        segy.bin[segyio.BinField.Interval] = interval
        for trace in range(count * receivers):
            shot, receiver = divmod(trace, receivers)
            segy.trace[trace] = np.ascontiguousarray(gathers_STR[shot, :, receiver])
            segy.header[trace] = {
                TraceField.FieldRecord: shot + 1,
                TraceField.SourceGroupScalar: -100,
                TraceField.SourceX: int(sources_S[shot % len(sources_S)]),
                TraceField.GroupX: int(receivers_R[receiver]),
                TraceField.TRACE_SAMPLE_INTERVAL: interval,
            }


def write_velocities(folder: Path) -> None:
    """Raw float32 in km/s, and a cube in m/s; faster with depth."""
    np.broadcast_to(np.linspace(1.6, 4, 221, dtype="<f4")[:, None], (221, 601)).tofile(folder / "model.bin")
    np.save(folder / "cube.npy", np.broadcast_to(np.linspace(1600, 4000, 13, dtype="f4")[:, None, None], (13, 2, 13)))
