"""Files that a stranger made to do harm: each is one message that names it, at once and in little memory."""

import json
import os
import shutil
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image

from compressors.bundles.seal import seal
from compressors.bundles.untrained import untrained_bundle
from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from datagen.files.segy import read_segy_model
from datagen.import_shots import import_shots
from datagen.shards.source import find_source
from search_spaces.config import Network
from tests.hostile.run_forked import run_forked
from tests.small_preset import write_small_preset

ROOT = Path(__file__).parents[2]
SHAPE = (2, 40, 20)  # of a sample: shots, time samples, receivers
GRID = Grid(nz=16, nx=20, spacing=10.0)
SURVEY = Survey(shots=2, receivers=20, frequency=15.0, interval=0.001, samples=40)

MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{i}: &a{i}\n  <<: [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
ALIASES = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
DIGITS = "9" * 5000
Make = Callable[[Path], object]


def text(name: str, content: str | bytes) -> Make:
    def make(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def fifo(name: str) -> Make:
    def make(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        os.mkfifo(folder / name)

    return make


def link(name: str, target: str) -> Make:
    def make(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return make


def unix_socket(name: str) -> Make:
    def make(folder: Path) -> None:
        here = os.getcwd()
        os.chdir(folder)  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
        os.chdir(here)

    return make


def sparse(name: str, length: int, start: bytes = b"") -> Make:
    """A file that is long and takes no place."""

    def make(folder: Path) -> None:
        text(name, start)(folder)
        os.truncate(folder / name, length)

    return make


def manifest(change: Callable[[dict[str, Any]], object]) -> Make:
    def make(folder: Path) -> None:
        file = folder / "data" / "manifest.json"
        tree = json.loads(file.read_text())
        change(tree)
        file.write_text(json.dumps(tree))

    return make


def named(name: str) -> Make:
    return manifest(lambda tree: tree["shards"][0]["files"]["data"].update(name=name))


def statistic(value: str) -> Make:
    """The manifest with a number that is written as `value`."""

    def make(folder: Path) -> None:
        manifest(lambda tree: tree["shards"][0]["statistics"].update(shot_scale="HERE"))(folder)
        file = folder / "data" / "manifest.json"
        file.write_text(file.read_text().replace('"HERE"', value))

    return make


def npy(name: str, shape: str, descr: str = "'<f4'", version: int = 1, length: int | None = None) -> Make:
    """An array whose header is `shape`; the file has 1 kB of values."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    size = len(header) if length is None else length
    start = b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + header
    return text(name, start + bytes(1024))


def shrunk(name: str, shape: str, length: int) -> Make:
    """An .npz with an array of `length` bytes of zeros and the shape `shape`."""

    def make(folder: Path) -> None:
        npy("x.npy", shape)(folder)
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as stream:
            stream.write((folder / "x.npy").read_bytes())
            for _ in range(length // 2**20):
                stream.write(bytes(2**20))

    return make


def segy(name: str, samples: int, code: int = 5, length: int = 3600) -> Make:
    """The headers of a SEG-Y file, and zeros up to `length` bytes."""
    head = bytearray(3600)
    head[3216:3218], head[3220:3222], head[3224:3226] = (struct.pack(">H", each) for each in (1000, samples, code))
    return sparse(name, length, bytes(head))


def png(name: str, width: int, height: int, depth: int = 8) -> Make:
    """A picture of which there is nothing but the header and one kB of pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    parts = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    parts += chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    return text(name, b"\x89PNG\r\n\x1a\n" + parts)


def film(folder: Path) -> None:
    frames = [Image.fromarray(np.full((64, 64), grey, np.uint8)) for grey in (0, 100, 200)]
    frames[0].save(folder / "style.gif", save_all=True, append_images=frames[1:])


def seg2(name: str, traces: int, samples: int) -> Make:
    """A SEG-2 file whose headers promise `traces` traces of `samples` samples."""
    head = struct.pack("<HHHHB2sB2s", 0x3A55, 1, 4 * traces, traces, 1, b"\0\0", 1, b"\n\0") + bytes(18)
    words = b"\x19\0SAMPLE_INTERVAL 0.001\n\0\0\0"
    trace = struct.pack("<HHIIB", 0x4422, 32 + len(words), 4 * samples % 2**32, samples, 4) + bytes(19) + words
    return text(name, head + struct.pack("<I", 32 + 4 * traces) * traces + trace + bytes(1024))


def resealed(make: Make) -> Make:
    def both(folder: Path) -> None:
        make(folder)
        (folder / "bundle" / "checksums.json").unlink()
        seal(folder / "bundle")

    return both


def models_in_split(models: int) -> Make:
    def make(folder: Path) -> None:
        tree = yaml.safe_load((folder / "small.yml").read_text())
        tree["data"]["split"]["train"] = models
        (folder / "small.yml").write_text(yaml.safe_dump(tree))
        manifest(lambda tree: tree["data"]["split"].update(train=models))(folder)

    return make


def run_folder(make: Make) -> Make:
    def both(folder: Path) -> None:
        text("run/result.json", "{}")(folder)
        shutil.copy(folder / "small.yml", folder / "run" / "config.yml")
        make(folder)

    return both


CHECK = "check-data -p small.yml"
TUNE = "tune -p small.yml"
IMPORT = "import {} -p small.yml -o new"
GATHERS = "pretrain -p small.yml --set pretrain={{source:\xa0gathers,\xa0npy_interval:\xa00.001,\xa0gathers:\xa0[{}]}}"
GENERATE = "generate -p small.yml --set data.folder=new"
VELOCITY = GENERATE + " --set data.velocity_file={{path:\xa0{},\xa0spacing:\xa010}}"
STYLE = GENERATE + " --set data.geology.family=style --set data.geology.style_image={}"
PREDICT = "predict bundle {}"
SOUND = "sound files"

# what it is: how it is made, the command that meets it, the name in the message
HOSTILE: dict[str, tuple[Make, str, str]] = {
    # YAML: presets and --set
    "merge keys": (text("small.yml", MERGES), TUNE, "small.yml"),
    "aliases": (text("small.yml", ALIASES), TUNE, "small.yml"),
    "an int that is none": (text("small.yml", "seed: !!int no"), TUNE, "small.yml"),
    "a Python object": (text("small.yml", "a: !!python/object/apply:os.system [id]"), TUNE, "small.yml"),
    "an impossible date": (text("small.yml", "seed: 2020-13-45"), TUNE, "small.yml"),
    "many digits": (text("small.yml", f"seed: {DIGITS}"), TUNE, "small.yml"),
    "many digits in base 60": (text("small.yml", "seed: 1" + ":59" * 80_000), TUNE, "small.yml"),
    "brackets": (text("small.yml", "[" * 200_000), TUNE, "small.yml"),
    "dashes": (text("small.yml", "- " * 100_000), TUNE, "small.yml"),
    "a key twice": (text("small.yml", "seed: 1\nseed: 2"), TUNE, "small.yml"),
    "very many values": (text("small.yml", "a: [" + "1," * 120_000 + "]"), TUNE, "small.yml"),
    "a list as a key": (text("small.yml", "? [a]\n: 1"), TUNE, "small.yml"),
    "no UTF-8": (text("small.yml", b"seed: \xff"), TUNE, "small.yml"),
    "a preset of 4 GB": (sparse("small.yml", 2**32, b"seed: 1\n"), TUNE, "small.yml"),
    "a preset that is a FIFO": (fifo("small.yml"), TUNE, "small.yml"),
    "a preset that is a device": (link("small.yml", "/dev/zero"), TUNE, "small.yml"),
    "unknown keys": (text("small.yml", "".join(f"{'k' * 200}{i}: 1\n" for i in range(900))), TUNE, "small.yml"),
    "a long value": (text("small.yml", f"name: {'n' * 100_000}"), TUNE, "small.yml"),
    "escape codes": (text("small.yml", '"\\e[2J": 1'), TUNE, "small.yml"),
    "--set with aliases": (lambda f: None, TUNE + " --set a={x:\xa0&a\xa0[1],\xa0y:\xa0*a}", "--set a"),
    "--set with digits": (lambda f: None, f"{TUNE} --set seed={DIGITS}", "--set seed"),
    # YAML: NNI's files and run folders
    "nni_config of aliases": (text("nni_config.yml", ALIASES), "run", "nni_config.yml"),
    "nni_config that is a FIFO": (fifo("nni_config.yml"), "ls", "nni_config.yml"),
    "space of aliases": (text("suite.yml", ALIASES), "run", "suite.yml"),
    "space that is a FIFO": (fifo("suite.yml"), "run", "suite.yml"),
    "space of brackets": (text("suite.yml", "[" * 200_000), "run", "suite.yml"),
    "run of aliases": (run_folder(text("run/config.yml", ALIASES)), "export run", "run/config.yml"),
    "run of brackets": (
        run_folder(text("run/provenance.json", "[" * 500_000)),
        TUNE + " --set network.model=unet --run run",
        "run/provenance.json",
    ),
    "genotype that is a FIFO": (fifo("run/genotype.json"), TUNE + " --from run", "run/genotype.json"),
    "genotype of digits": (text("run/genotype.json", f'{{"depth": {DIGITS}}}'), TUNE + " --from run", "genotype"),
    # the manifest of a data set
    "a name that escapes": (named("../../data1.npy"), CHECK, "manifest.json"),
    "an absolute name": (named("/dev/zero"), CHECK, "manifest.json"),
    "no files": (manifest(lambda tree: tree["shards"][0].update(files={})), CHECK, "manifest.json"),
    "10^15 models": (models_in_split(10**15), CHECK, "small.yml"),
    "10^9 models": (models_in_split(10**9), CHECK, "small.yml"),
    "a data set beyond the disk": (
        lambda f: None,
        GENERATE + " --set data.shard_size=10000 --set data.split.train=90000000 --set data.survey.samples=100000",
        "data.folder: new needs",
    ),
    "a shard twice": (manifest(lambda tree: tree["shards"].append(tree["shards"][0])), CHECK, "manifest.json"),
    "NaN": (statistic("NaN"), CHECK, "manifest.json"),
    "a number beyond all": (statistic("1e999"), CHECK, "manifest.json"),
    "digits": (statistic(DIGITS), CHECK, "manifest.json"),
    "a JSON key twice": (statistic('1, "shot_scale": 2'), CHECK, "manifest.json"),
    "500,000 levels": (text("data/manifest.json", '{"a":' * 500_000), CHECK, "manifest.json"),
    "a manifest without UTF-8": (text("data/manifest.json", b'"\xff"'), CHECK, "manifest.json"),
    "a manifest of 4 GB": (sparse("data/manifest.json", 2**32, b"{"), CHECK, "manifest.json"),
    "a manifest that is a FIFO": (fifo("data/manifest.json"), CHECK, "manifest.json"),
    "a shard that is a FIFO": (fifo("data/data1.npy"), CHECK, "data1.npy"),
    "a shard that is a device": (link("data/data1.npy", "/dev/zero"), CHECK, "data1.npy"),
    # arrays
    "a negative size": (npy("x.npy", "(-8, -2, 40, 20)"), IMPORT, "x.npy"),
    "10^12 samples": (npy("x.npy", "(1000000000000, 2, 40, 20)"), IMPORT, "x.npy"),
    "10^30 samples of nothing": (npy("x.npy", f"({10**30}, 0)"), IMPORT, "x.npy"),
    "objects": (npy("x.npy", "(8, 2)", "'|O'"), IMPORT, "x.npy"),
    "a header of 4 GB": (npy("x.npy", "(8, 2)", version=2, length=2**32 - 1), IMPORT, "x.npy"),
    "a header of signs": (npy("x.npy", "-" * 9000 + "1"), IMPORT, "x.npy"),
    "a header of brackets": (npy("x.npy", "(" * 9000), IMPORT, "x.npy"),
    "shots that are a FIFO": (fifo("x.npy"), IMPORT, "x.npy"),
    "shots that are a folder": (lambda f: (f / "x.npy").mkdir(), PREDICT, "x.npy"),
    "a FIFO to predict": (fifo("x.npy"), PREDICT, "x.npy"),
    "a socket to predict": (unix_socket("x.npy"), PREDICT, "x.npy"),
    "a device to predict": (link("x.npy", "/dev/zero"), PREDICT, "x.npy"),
    "10^12 shots to predict": (npy("x.npy", "(1000000000000, 40, 20)"), PREDICT, "x.npy"),
    "an archive of 4 GB": (shrunk("x.npz", "(1000000000,)", 2**28), GATHERS, "x.npz"),
    "an archive that lies": (shrunk("x.npz", "(1000000, 1000, 1000)", 0), GATHERS, "x.npz"),
    "a model that is a FIFO": (fifo("x.npy"), VELOCITY, "x.npy"),
    "a model of 10^15 cells": (
        text("x.bin", bytes(1024)),
        GENERATE + " --set data.velocity_file={{path:\xa0{},\xa0spacing:\xa010,\xa0shape:\xa0[100000000,10000000]}}",
        "x.bin",
    ),
    # seismic formats
    "SEG-Y that is a FIFO": (fifo("x.sgy"), PREDICT, "x.sgy"),
    "SEG-Y without samples": (segy("x.sgy", 0, length=3600 + 2400), IMPORT, "x.sgy"),
    "SEG-Y without traces": (segy("x.sgy", 40), IMPORT, "x.sgy"),
    "SEG-Y of 4 TB": (segy("x.sgy", 40, length=3600 + 400 * 10**10), IMPORT, "x.sgy"),
    "SEG-Y of half a trace": (segy("x.sgy", 65535, length=5000), VELOCITY, "x.sgy"),
    "SEG-Y in an odd format": (segy("x.sgy", 40, code=14, length=3600 + 4000), VELOCITY, "x.sgy"),
    "SU without samples": (text("x.su", bytes(2400)), GATHERS, "x.su"),
    "SU that is a FIFO": (fifo("x.su"), GATHERS, "x.su"),
    "SEG-2 that is a FIFO": (fifo("x.sg2"), GATHERS, "x.sg2"),
    "SEG-2 of many samples": (seg2("x.sg2", 1, 2**32 - 1), GATHERS, "x.sg2"),
    "SEG-2 of many traces": (seg2("x.sg2", 2000, 2**31), GATHERS, "x.sg2"),
    # pictures
    "a picture of 4 gigapixels": (png("x.png", 65_000, 65_000), STYLE, "x.png"),
    "a picture of 100 megapixels": (png("x.png", 10_000, 10_000), STYLE, "x.png"),
    "a picture cut short": (png("x.png", 4000, 4000), STYLE, "x.png"),
    "a picture that is a FIFO": (fifo("x.png"), STYLE, "x.png"),
    "a film": (film, STYLE.format("style.gif"), "style.gif"),
    "a picture in an array": (npy("x.npy", "(1000000, 1000000)"), STYLE, "x.npy"),
    # bundles, and a scheduler's file
    "a bundle of aliases": (resealed(text("bundle/config.yml", ALIASES)), PREDICT, "bundle/config.yml"),
    "a bundle with a FIFO": (fifo("bundle/model.onnx"), PREDICT, "bundle/model.onnx"),
    "a seal that is a FIFO": (fifo("bundle/checksums.json"), PREDICT, "bundle/checksums.json"),
    "a seal of brackets": (text("bundle/checksums.json", "[" * 200_000), PREDICT, "bundle/checksums.json"),
    "a scheduler's file that is a FIFO": (fifo("x.json"), GENERATE + " --dask {}", "x.json"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user has: preset, search space, NNI configuration, a data set and a bundle."""
    folder = tmp_path_factory.mktemp("project")
    shots, models = np.random.default_rng(0).standard_normal((24, *SHAPE)), np.full((24, 1, 16, 20), 2000.0)
    models += 10.0 * np.arange(24)[:, None, None, None]
    np.save(folder / "shots.npy", shots.astype(np.float32))
    np.save(folder / "models.npy", models.astype(np.float32))
    split = Split(train=8, validation=8, test=8)
    data = Data(folder=str(folder / "data"), grid=GRID, survey=SURVEY, split=split, shard_size=8)
    import_shots(find_source(folder / "shots.npy", data, models=folder / "models.npy"), data, workers=1, progress=False)
    write_small_preset(folder / "small.yml", cells=(16, 20), samples=40, split=(20, 2, 2))
    config = yaml.safe_load((ROOT / "nni_config.yml").read_text())
    config |= {"searchSpaceFile": "suite.yml", "trialCommand": "python -m trials --preset small.yml"}
    config["tuner"]["codeDirectory"] = str(ROOT)
    (folder / "nni_config.yml").write_text(yaml.safe_dump(config))
    shutil.copy(ROOT / "search_spaces" / "suite.yml", folder)
    untrained_bundle(folder / "bundle", Network(model="unet", depth=2, width=4), data)
    return folder


def words(command: str, name: str) -> list[str]:
    """Words are parted by spaces, and have hard spaces in themselves."""
    filled = command.replace("{}", name).replace("{{", "{").replace("}}", "}")
    return [word.replace("\xa0", " ") for word in filled.split(" ")]


@pytest.fixture(scope="module")
def endings(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How the commands ended, of all rows."""
    commands = {}
    for what, (make, command, name) in HOSTILE.items():
        folder = tmp_path_factory.mktemp("user")
        shutil.copytree(project, folder, dirs_exist_ok=True)
        make(folder)
        commands[what] = [str(folder), *words(command, name)]
    return run_forked({**commands, SOUND: [str(project), *CHECK.split()]})


@pytest.mark.parametrize("what", HOSTILE)
def test_it_is_one_message_at_once_and_in_little_memory(endings: dict[str, Any], what: str) -> None:
    ending, told = endings[what], endings[what]["message"]
    assert ending["status"] == 2, told[-3000:]
    assert HOSTILE[what][2] in told.replace("\n", " ")
    assert "Traceback" not in told
    assert "\x1b[2J" not in told
    assert len(told) < 4000
    assert ending["megabytes"] < 1000
    assert ending["seconds"] < 10


def test_a_sound_data_set_and_preset_are_taken(endings: dict[str, Any]) -> None:
    assert endings[SOUND]["status"] == 0, endings[SOUND]["message"]


def test_a_file_that_does_not_fit_in_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segy("x.sgy", 100, length=3600 + 640 * 10_000)(tmp_path)
    free = psutil.virtual_memory()._replace(available=2 * 10**6)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(InputError, match=r"x\.sgy: reading it takes 0\.0 GB of memory"):
        read_segy_model(tmp_path / "x.sgy")
