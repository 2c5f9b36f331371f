"""Bundles, graphs and weights that a stranger wrote end as one message: status 2, the file's name, little memory."""

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from compressors.bundles import bundle as bundle_module
from compressors.bundles.seal import seal
from compressors.bundles.untrained import untrained_bundle
from datagen.config import Data, Grid, Split, Survey
from search_spaces.config import Network, Stack
from tests.hostile import graphs
from tests.hostile.run_forked import run_forked

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bundle whose graph is `graphs.honest()`: the export of a real one takes seconds."""
    recipe = Data(
        folder="data/tiny",
        grid=Grid(nz=16, nx=18, spacing=10.0),
        survey=Survey(shots=2, receivers=18, frequency=15.0, interval=0.001, samples=40),
        split=Split(train=8, validation=4, test=4),
    )
    spec = Network(front=Stack(fold=2), model="unet", depth=2, width=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            bundle_module, "export_onnx", lambda network, shape, file, small: graphs.write(graphs.honest(), file)
        )
        return untrained_bundle(tmp_path_factory.mktemp("exports") / "tiny", spec, recipe)


def weights(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return damage


def raw(content: bytes, length: int = 0) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(content)
        if length:
            os.truncate(folder / "model.safetensors", length)  # zeros that take no disk

    return damage


def one_value(value: float) -> Callable[[Path], None]:
    return weights(lambda tensors: tensors["head.weight"].view(-1)[:1].fill_(value))


def header(tensors: dict[str, Any]) -> bytes:
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text


def all_of_another_shape(tensors: dict[str, Any]) -> None:
    tensors.update({name: torch.zeros(3, 5, 7) for name in tensors})


def config(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tree = yaml.safe_load((folder / "config.yml").read_text())
        change(tree)
        (folder / "config.yml").write_text(yaml.safe_dump(tree))

    return damage


WEIGHTS, FAR = "model.safetensors", 2**42
DAMAGE: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "weights of NaN": (one_value(float("nan")), WEIGHTS, "not finite"),
    "weights of Inf": (one_value(float("inf")), WEIGHTS, "not finite"),
    "weights all of another shape": (weights(all_of_another_shape), WEIGHTS, "do not fit"),
    "5,000 unknown names": (
        weights(lambda tensors: tensors.update({f"{number}{'x' * 90}": torch.zeros(0) for number in range(5000)})),
        WEIGHTS,
        "do not fit",
    ),
    "one name of 100 kB": (weights(lambda tensors: tensors.update({"x" * 10**5: torch.ones(1)})), WEIGHTS, "unknown"),
    "weights of another type": (
        weights(lambda tensors: tensors.update({"head.weight": tensors["head.weight"].double()})),
        WEIGHTS,
        "has type torch.float64",
    ),
    "a header of 2⁶² bytes": (raw(struct.pack("<Q", 2**62) + b"{}"), WEIGHTS, "header"),
    "a header of 50 MB": (raw(header({"x" * 10: "y" * 50_000_000})), WEIGHTS, "header"),
    "a tensor of 2⁶⁰ bytes": (
        raw(header({"head.weight": {"dtype": "F32", "shape": [2**58], "data_offsets": [0, 2**60]}}) + bytes(100)),
        WEIGHTS,
        "not a safetensors file",
    ),
    "a tensor that overflows": (
        raw(header({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}) + bytes(4)),
        WEIGHTS,
        "not a safetensors file",
    ),
    "a pickle": (lambda folder: torch.save({"a": torch.zeros(1)}, folder / WEIGHTS), WEIGHTS, "safetensors"),
    "no weights": (raw(b""), WEIGHTS, "not a safetensors file"),
    "a network far larger than its weights": (
        config(lambda tree: tree["network"].update(width=128, depth=6)),
        "config.yml",
        "cannot be built in the memory",
    ),
    "weights of 4 TB": (raw(b"", FAR), WEIGHTS, "bytes"),
    "a graph of 4 TB": (lambda folder: os.truncate(folder / "model.onnx", FAR), "model.onnx", "bytes"),
}
UNSEALED = ("weights of 4 TB", "a graph of 4 TB")  # their checksums would take days to make


def damaged(bundle: Path, folder: Path) -> Path:
    return Path(shutil.copytree(bundle, folder))


@pytest.fixture(scope="module")
def results(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each command did, by the name of its bundle; all started by one process."""
    top = tmp_path_factory.mktemp("hostile")
    commands: dict[str, list[str]] = {}
    kinds = [*graphs.HOSTILE, *DAMAGE, "honest", "shots of NaN"]
    for number, kind in enumerate(kinds):
        place = top / str(number)
        copy = damaged(bundle, place / "bundle")
        np.save(place / "shots.npy", np.ones((1, 2, 40, 18), np.float32))
        (place / "secret.bin").write_bytes(np.full((1440, 288), 7, np.float32).tobytes())
        words = ["predict", "bundle", "shots.npy", "-o", "out.npy", "-o", "out.sgy", "-o", "out.png"]
        if kind == "shots of NaN":
            np.save(place / "shots.npy", np.full((1, *graphs.GIVEN), np.nan, np.float32))
        elif kind in graphs.HOSTILE:
            graphs.write(graphs.HOSTILE[kind][0](), copy / "model.onnx")
        elif kind in DAMAGE:
            DAMAGE[kind][0](copy)
            words = ["bench-model", "bundle"] if "graph" not in kind else words
        if kind not in UNSEALED:
            seal(copy)
        commands[kind] = [str(place), *words]
    found = run_forked(commands)
    for kind, (place, *_) in commands.items():
        found[kind]["files"] = sorted(file.name for file in Path(place).iterdir())
    return found


def check(result: dict[str, Any], name: str, complaint: str) -> None:
    message = result["message"]
    assert result["status"] == 2, message[:3000]
    assert "Traceback" not in message
    assert name in message
    assert complaint in " ".join(message.split()), message[:3000]
    assert len(message) < 4000
    assert "\x1b" not in message
    assert result["megabytes"] < 1000
    assert result["seconds"] < 10
    assert result["files"] == ["bundle", "secret.bin", "shots.npy"], "something was written"


@pytest.mark.parametrize("kind", graphs.HOSTILE)
def test_a_hostile_graph_is_refused(results: dict[str, dict[str, Any]], kind: str) -> None:
    check(results[kind], "model.onnx", graphs.HOSTILE[kind][1])


@pytest.mark.parametrize("kind", DAMAGE)
def test_hostile_files_of_a_bundle_are_refused(results: dict[str, dict[str, Any]], kind: str) -> None:
    _, name, complaint = DAMAGE[kind]
    check(results[kind], name, complaint)


def test_shots_that_are_not_finite_are_refused(results: dict[str, dict[str, Any]]) -> None:
    check(results["shots of NaN"], "shots.npy", "not finite")


def test_the_same_bundle_without_a_change_makes_images(results: dict[str, dict[str, Any]]) -> None:
    """Else the others would be refused for nothing."""
    result = results["honest"]
    assert result["status"] == 0, result["message"]
    assert {"out.npy", "out.sgy", "out.png"} <= set(result["files"])
