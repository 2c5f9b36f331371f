"""Nothing of the user's is lost; what cannot be is one message and status 2, in every command that writes."""

import ast
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressors.bundles.untrained import untrained_bundle
from datagen.check import check_data
from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from datagen.files.openfwi import find_pairs, find_shots
from datagen.import_shots import import_shots
from datagen.shards.source import find_source
from search_spaces.config import Gather, Network
from tests.small_preset import write_small_preset
from trials import cli
from trials.pretraining.pretrain_data import make_samples
from trials.settings.config import load
from trials.training.picking.gather_set import gather_set

ROOT = Path(__file__).parents[2]
PICKED = Survey(shots=1, receivers=12, frequency=60.0, interval=0.001, samples=64)


@pytest.fixture(scope="module")
def picker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = Data(
        folder="none", grid=Grid(nz=16, nx=16, spacing=1.0), survey=PICKED, split=Split(train=1, validation=1, test=1)
    )
    spec = Network(model="unet", depth=2, width=4, front=Gather(rows=32))
    return untrained_bundle(tmp_path_factory.mktemp("exports") / "picker", spec, data, "first_break")


@pytest.fixture
def folder(tmp_path: Path, tiny_bundle: Path, picker: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder: shots under several names, a gather, a velocity, bundles, samples as OpenFWI names them."""
    random = np.random.default_rng(0)
    np.save(tmp_path / "shots.npy", 0.06 * random.standard_normal((9, 2, 60, 20)).astype(np.float32))
    np.save(tmp_path / "gather.npy", random.standard_normal((64, 12)).astype(np.float32))
    np.save(tmp_path / "velocity.npy", np.full((16, 20), 2000.0, np.float32))
    (tmp_path / "link.npy").symlink_to("shots.npy")
    os.link(tmp_path / "shots.npy", tmp_path / "hard.npy")
    for name in ("sub", "dir.npy", "dir.csv", "dir.png", "wave"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "tiny").symlink_to(tiny_bundle)
    (tmp_path / "picker").symlink_to(picker)
    np.save(tmp_path / "wave" / "data1.npy", random.standard_normal((24, 2, 60, 20)).astype(np.float32))
    np.save(tmp_path / "wave" / "model1.npy", random.uniform(1600, 3000, (24, 1, 16, 20)).astype(np.float32))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "data1.npy").write_text("of somebody else")
    write_small_preset(tmp_path / "small.yml", cells=(16, 20), samples=60)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def seisnas(monkeypatch: pytest.MonkeyPatch, capsys: Any, words: str | list[str]) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["seisnas", *(words.split() if isinstance(words, str) else words)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr()
    return int(end.value.code or 0), " ".join((said.err + said.out).split())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


INPUT, LONG = "is the input file, which is not overwritten", "x" * 250
PREDICT, PICK, MODEL = "predict tiny shots.npy", "pick picker gather.npy", "model tiny velocity.npy --spacing 10"
IMPORT = "import wave -p small.yml"
KEPT: dict[str, tuple[str, str]] = {
    "its own input": (f"{PREDICT} -o shots.npy", INPUT),
    "its input, spelled otherwise": (f"{PREDICT} -o sub/.././shots.npy", INPUT),
    "its input by a link": (f"{PREDICT} -o link.npy", INPUT),
    "its input by a hard link": (f"{PREDICT} -o hard.npy", INPUT),
    "what its input links to": ("predict tiny link.npy -o shots.npy", INPUT),
    "its input as the second output": (f"{PREDICT} -o a.npy -o shots.npy", INPUT),
    "a file of its input folder": ("predict tiny wave -o wave/data1.npy", INPUT),
    "the velocity it migrates in": (f"{PREDICT} --migration-velocity velocity.npy -o velocity.npy", ""),
    "the velocity it models": (f"{MODEL} -o velocity.npy", INPUT),
    "a bundle's file": ("bench-model tiny -o tiny/checksums.json", INPUT),
    "a folder": (f"{PREDICT} -o dir.npy", "is a folder; give the name of a file in it"),
    "a folder, of picks": (f"{PICK} -o dir.csv", "is a folder"),
    "a folder, of a model": (f"{MODEL} -o dir.png", "is a folder"),
    "a pipe": (f"{PREDICT} -o pipe.npy", "is no regular file"),
    "no folder": (f"{PREDICT} -o none/a.npy", "there is no folder none"),
    "a file as a folder": (f"{PREDICT} -o shots.npy/a.npy", ""),
    "a long name": (f"{PREDICT} -o {LONG}.npy", "File name too long"),
    "a long name, of picks": (f"{PICK} -o {LONG}.csv", "File name too long"),
    "a long name, of a folder": (f"{PREDICT} -o {LONG * 2}/a.npy", "File name too long"),
    "twice": (f"{PREDICT} -o a.npy -o a.npy", "is given twice"),
    "twice, spelled otherwise": (f"{PREDICT} -o a.npy -o sub/../a.npy", "is given twice"),
    "twice, of picks": (f"{PICK} -o a.csv -o ./a.csv", "is given twice"),
    "a configuration as a report": ("report -o small.yml", "unknown ending '.yml'"),
    "a folder as a report": ("report -o sub", "unknown ending"),
    "no picture of data": ("show-data -p small.yml -o velocity.npy", "unknown ending '.npy'"),
    "figures that are no .json": ("bench-model tiny -o shots.npy", "unknown ending '.npy'"),
    "the folder that is imported": (f"{IMPORT} -o wave", "data1.npy in it is an input file"),
    "the folder that is imported, by another name": (f"{IMPORT} -o sub/../wave", "is an input file"),
    "somebody else's folder": (f"{IMPORT} -o other", "holds data1.npy, which is of no data set made here"),
    "a file for a folder": (f"{IMPORT} -o small.yml", "small.yml"),
    "a long name of a folder": (f"{IMPORT} -o {LONG * 2}", "File name too long"),
    "the file that models are cut from": (
        "generate -p small.yml --velocity-from wave/model1.npy --set data.velocity_file.spacing=10 "
        "--set data.folder=wave",
        "model1.npy in it is an input file",
    ),
    "a run of a bundle's folder": (
        "tune -p small.yml --run tiny --set network.model=unet",
        "and is no run; give another folder",
    ),
    "an interval below zero": (f"{PREDICT} -o a.npy --interval -1", "-1"),
    "an interval in microseconds": (f"{PREDICT} -o a.npy --interval 250", "write seconds"),
    "an interval that is no number": (f"{PREDICT} -o a.npy --interval nan", "--interval: got nan"),
    "an interval of picks that is no number": (f"{PICK} -o a.csv --interval nan", "Invalid value for"),
    "a confidence that is no number": (f"{PICK} -o a.csv --confidence nan", "Invalid value for"),
    "a spacing that is no number": (f"{PICK} -o a.csv --spacing nan --source 1", "Invalid value for"),
    "a source that is no number": (f"{PICK} -o a.csv --spacing 1 --source nan", "write metres"),
    "cells that are no number": ("model tiny velocity.npy --spacing nan -o a.npy", "nan"),
    "a corner that is no number": (f"{MODEL} --at nan,0 -o a.npy", "nan"),
    "a unit that is no number": (f"{MODEL} --unit nan -o a.npy", "unit"),
    "a unit of zero": (f"{MODEL} --unit 0 -o a.npy", "unit"),
    "an interval in a preset": ("generate -p small.yml --set data.survey.interval=1.0e-9", "data.survey.interval"),
}


@pytest.mark.parametrize("what", KEPT)
def test_it_is_refused_and_nothing_is_lost(folder: Path, monkeypatch: Any, capsys: Any, what: str) -> None:
    command, complaint = KEPT[what]
    before = contents(folder)
    status, message = seisnas(monkeypatch, capsys, command)
    assert (status, complaint in message) == (2, True), message
    assert "Traceback" not in message
    assert {name: old for name, old in contents(folder).items() if not name.endswith(".lock")} == before


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system with options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if os.getuid() or subprocess.run(words, capture_output=True).returncode:
            pytest.skip("a file system can be mounted by root only")
        return place

    yield mount
    subprocess.run(["umount", "-l", str(place)], capture_output=True)


@pytest.mark.parametrize(
    "command",
    [
        *(f"{PREDICT} -o disk/a{ending}" for ending in (".npy", ".sgy", ".png")),
        *(f"{PICK} -o disk/a{ending}" for ending in (".csv", ".png")),
        "pick picker gather.npy --spacing 1 --source 2 -o disk/a.sgt",
        f"{IMPORT} -o disk/set",
        "show-data -p small.yml -o disk/a.png",
    ],
)
@pytest.mark.parametrize(
    ("options", "told"), [("ro", "read-only|Read-only"), ("size=4k,nr_inodes=3", "full|No space left")]
)
def test_a_disk_that_takes_nothing(
    folder: Path, disk: Callable[[str], Path], monkeypatch: Any, capsys: Any, command: str, options: str, told: str
) -> None:
    if command.startswith("show-data"):
        seisnas(monkeypatch, capsys, f"{IMPORT} -o data")
    place = disk(options)
    if options != "ro":
        (place / "rest").write_bytes(bytes(4096))
    status, message = seisnas(monkeypatch, capsys, command)
    assert status == 2, message
    assert any(word in message for word in told.split("|")), message
    assert "Traceback" not in message
    assert not [each for each in place.rglob("*") if each.is_file() and each.name not in ("rest", ".lock")]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_terminals_of_any_encoding(folder: Path, monkeypatch: Any, encoding: str) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    for words in (["--help"], ["predict", "→.npy", "ü"], ["pick", "picker", "\udcff.npy"]):
        monkeypatch.setattr(sys, "argv", ["seisnas", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code in (0, 2)


def test_text_files_are_utf_8_wherever_they_are_written() -> None:
    """Whatever the locale of the machine; sources name the encoding."""
    without = []
    for package in ("datagen", "search_spaces", "compressors", "trials"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    named = any(word.arg == "encoding" for word in node.keywords)
                    if node.func.attr == "write_text" and not named:
                        without.append(f"{file}:{node.lineno}")
    assert without == []


def test_a_backup_inside_an_openfwi_folder_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "FlatVel" / "backup" / "data").mkdir(parents=True)
    (folder / "FlatVel" / "backup" / "model").mkdir()
    for name in ("data", "model"):
        (folder / "FlatVel" / name).mkdir()
        for parent in ("FlatVel", "FlatVel/backup"):
            (folder / parent / name / f"{name}1.npy").write_bytes((folder / "wave" / f"{name}1.npy").read_bytes())
    for find in (find_pairs, find_shots):
        caplog.clear()
        find(folder / "FlatVel")
        assert "data1.npy: holds the same samples as" in caplog.text
        assert "taken twice" in caplog.text
    caplog.clear()
    np.save(folder / "FlatVel" / "backup" / "data" / "data1.npy", np.ones((24, 2, 60, 20), np.float32))
    assert len(find_pairs(folder / "FlatVel")) == 2
    assert "taken twice" not in caplog.text


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_single_dead_shot_is_found(folder: Path, value: float) -> None:
    shots = np.load(folder / "wave" / "data1.npy")
    shots[5, 1] = value
    np.save(folder / "wave" / "data1.npy", shots)
    data = load("small.yml").data
    import_shots(find_source(Path("wave"), data), data, workers=1, progress=False)
    with pytest.raises(InputError, match=r"row 5 \(sample 5\): dead shot 2 of 2"):
        check_data(data, progress=False)


FIELD = {"pretrain.source": "gathers", "pretrain.gathers": ["many.npy"], "pretrain.npy_interval": 0.001}


@pytest.mark.parametrize("scale", [1.0, 1e30, 1e200])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_gathers_that_are_no_numbers_are_left_out_of_pretraining(folder: Path, wrong: float, scale: float) -> None:
    gathers = scale * np.random.default_rng(0).standard_normal((12, 64, 16))
    gathers[0], gathers[1, :, 3], gathers[2, 5, 4] = wrong, wrong, wrong
    np.save(folder / "many.npy", gathers if scale > 1e38 else gathers.astype(np.float32))
    config = load(ROOT / "presets" / "field.yml", FIELD)
    told: list[object] = []
    if scale > 1e38:
        with pytest.raises(InputError, match="0 usable gathers"):
            make_samples(config, told.append)
        return
    samples = make_samples(config, told.append).values_N1ZX
    assert len(samples) == 11
    assert bool(np.isfinite(samples.numpy()).all())
    assert "18 traces with values that are not finite" in str(told[0])


@pytest.mark.parametrize(
    ("stored", "given", "complaint"),
    [({}, None, "has no sampling interval"), ({"dt": 0.001}, 0.002, "got 0.002 s, .* has 0.001 s")],
)
def test_labelled_gathers_need_their_interval(folder: Path, stored: Any, given: Any, complaint: str) -> None:
    np.savez(folder / "a.npz", gathers=np.ones((2, 64, 12)), first_break_s=np.full((2, 12), 0.01), **stored)
    changes = {"picking.labelled": "a.npz", "picking.interval": given}
    config = load(ROOT / "presets" / "field.yml", changes)
    with pytest.raises(InputError, match=f"picking.interval: .*{complaint}"):
        gather_set(config, "train")
