"""Recorded surveys against those of a bundle and of a preset: the same comparison, the same words."""

import csv
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressors.bundles.contents import read_contents
from compressors.graphs.runner import Imager
from datagen.config import Data
from datagen.errors import InputError
from datagen.import_shots import import_shots
from datagen.shards.manifest import load_manifest
from datagen.shards.source import find_source
from datagen.traces.trace_file import open_segy
from tests.field_files import write_segy
from trials.prediction.picking import pick as picking
from trials.prediction.picking.picking_network import PickingNetwork
from trials.prediction.predict import predict

S, T, R = 2, 60, 20  # of the tiny bundle
SOURCES, RECEIVERS = np.array([0, 190]), 10 * np.arange(R)  # [m]
MODELS = 24


def survey(
    path: Path, words: dict[int, Any] | None = None, samples: int = T, models: int = MODELS, **options: Any
) -> Path:
    """Shots into a fixed spread, that of the tiny bundle unless `words` say otherwise."""
    traces_NT = 0.06 * np.random.default_rng(2).standard_normal((models * S * R, samples)).astype(np.float32)
    line = {
        9: np.repeat(1 + np.arange(models * S), R),
        73: np.tile(np.repeat(SOURCES, R), models),
        81: np.tile(RECEIVERS, models * S),
    }
    return write_segy(path, traces_NT, {**line, **(words or {})}, **options)


def traces(count: int = MODELS * S * R) -> np.ndarray:
    return np.arange(count)


SHOT, RECEIVER = traces() // R, traces() % R
LINE_OF_49 = {9: traces(49 * R) // R, 81: 10 * (traces(49 * R) % R)}
DIFFERENT: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a moving spread": (lambda p: survey(p, {81: 10 * RECEIVER + 20 * (SHOT % 2)}), "they move with the shots"),
    "another spacing": (lambda p: survey(p, {81: 20 * RECEIVER}), "20 m and 10 m apart"),
    "moved sources": (lambda p: survey(p, {73: 30 + 100 * (SHOT % 2)}), "source positions of sample 0: 30, 130 m"),
    "another interval": (lambda p: survey(p, interval=2000), "every 2 ms, 60 in .* every 1 ms"),
    "a late start": (lambda p: survey(p, {109: 30}), r"first sample: at 0\.03 s .*what came before was not recorded"),
    "an early start": (lambda p: survey(p, {109: -30}), r"first sample: at -0\.03 s .*ends at 0\.029 s, 0\.059 s are"),
    "late traces": (lambda p: survey(p, {109: 30 * (RECEIVER == 3)}), "time samples: 90 in the file, 60 in"),
    "hills": (lambda p: survey(p, {41: 5 * RECEIVER, 45: 1}), r"heights: 0 to 95 m .*one datum"),
    "feet": (lambda p: survey(p, binary={3255: ("i2", 2)}), r"3\.048 m and 10 m apart"),
    "no interval": (lambda p: survey(p, interval=0), "no sampling interval in its headers; give it with --interval"),
    "angles": (lambda p: survey(p, {89: 2}), r"coordinates: angles in the file .*, metres in the .*'s survey"),
    "one shot in all": (
        lambda p: survey(p, {9: 1, 73: 0}),
        rf"(?s)shots: 1 in the file, no multiple of the 2.*receivers: {MODELS * S * R} in the file",
    ),
    "an odd number of shots": (lambda p: survey(p, {9: SHOT // 2, 73: 0}), "receivers: 40 in the file, 20 in"),
    "a shot more, every 2 ms": (
        lambda p: write_segy(p, np.zeros((49 * R, T)), LINE_OF_49, interval=2000),
        r"(?s)shots: 49 in the file, no multiple of the 2.*time samples: 60 in the file every 2 ms",
    ),
    "a shot without its last receiver, hills, angles": (
        lambda p: survey(p, {73: np.where(traces() == R - 1, 50, 5), 89: 2, 41: 5 * RECEIVER, 117: 2000}),
        r"(?s)receivers: shot 1 has 19, shot 1 has 1, .* fix the file.*coordinates: angles.*time samples",
    ),
    "delays between two samples, of a moving spread, and hills": (
        lambda p: survey(p, {109: 4 * (RECEIVER == 3), 215: -10, 81: 10 * RECEIVER + 20 * SHOT, 41: 5 * RECEIVER}),
        r"(?s)delays that differ by less.*heights.*they move with the shots",
    ),
    "everything at once": (
        lambda p: survey(p, {73: 30 + 100 * (SHOT % 2), 81: 20 * RECEIVER}, interval=2000),
        r"(?s)source positions.*time samples.*receivers: 20",
    ),
}  # fmt: skip


@pytest.fixture
def data(tiny_bundle: Path, tmp_path: Path) -> Data:
    return replace(read_contents(tiny_bundle).data, folder=str(tmp_path / "set"), shard_size=8)


@pytest.mark.parametrize("what", DIFFERENT)
def test_predict_and_import_refuse_the_same(tiny_bundle: Path, data: Data, tmp_path: Path, what: str) -> None:
    make, complaint = DIFFERENT[what]
    file = make(tmp_path / "in.sgy")
    with pytest.raises(InputError, match=complaint):
        predict(tiny_bundle, file, [tmp_path / "image.npy"])
    with pytest.raises(InputError, match=complaint):
        find_source(file, data)
    assert [each.name for each in tmp_path.iterdir()] == ["in.sgy"]


def imported(file: Path, data: Data, **options: Any) -> np.ndarray:
    source = find_source(file, data, **options)
    import_shots(source, data, workers=1, progress=False)
    files = [record.files["data"].name for record in load_manifest(data.folder).shards]
    return np.concatenate([np.load(Path(data.folder) / name) for name in files])


def test_the_survey_of_the_preset_is_imported_as_it_is(data: Data, tmp_path: Path) -> None:
    file = survey(tmp_path / "in.sgy", {41: 300, 45: 300, 29: np.where(traces() == 5, 2, 1)})
    shots_MSTR = imported(file, data)
    values = open_segy(file).values().reshape(MODELS, S, R, T).swapaxes(-1, -2)
    values[0, 0, :, 5] = 0  # dead
    assert np.array_equal(shots_MSTR, values)


@pytest.mark.parametrize("before", [0, 30, 12])
def test_resample_cuts_what_is_longer_at_both_ends(tiny_bundle: Path, data: Data, tmp_path: Path, before: int) -> None:
    file = survey(tmp_path / "in.sgy", {109: -before}, samples=T + 40)
    values = open_segy(file).values().reshape(MODELS, S, R, -1).swapaxes(-1, -2)[:, :, before : before + T]
    predict(tiny_bundle, file, [tmp_path / "image.npy"], resample=True)
    assert np.allclose(np.load(tmp_path / "image.npy"), Imager(tiny_bundle)(values), atol=1e-5)
    assert np.allclose(imported(file, data, resample=True), values, atol=1e-7)


def test_an_interval_given_counts_and_is_told(tiny_bundle: Path, tmp_path: Path, caplog: Any) -> None:
    file = survey(tmp_path / "in.sgy", interval=0)
    predict(tiny_bundle, file, [tmp_path / "image.npy"], interval=0.001)
    with caplog.at_level(logging.WARNING):
        predict(tiny_bundle, survey(tmp_path / "b.sgy", interval=2000), [tmp_path / "b.npy"], interval=0.001)
    assert "--interval 0.001 s is used instead" in caplog.text
    assert np.array_equal(np.load(tmp_path / "image.npy"), np.load(tmp_path / "b.npy"))


@pytest.mark.parametrize("interval", [0.0, -0.001, float("nan"), float("inf"), 250.0])
def test_an_interval_that_cannot_be_is_refused(tiny_bundle: Path, tmp_path: Path, interval: float) -> None:
    np.save(tmp_path / "a.npy", np.ones((S, T, R), np.float32))
    with pytest.raises(InputError, match="--interval: an interval of"):
        predict(tiny_bundle, tmp_path / "a.npy", [tmp_path / "image.npy"], interval=interval)
    with pytest.raises(InputError, match="--interval: an interval of"):
        picking.pick(tiny_bundle, [tmp_path / "a.npy"], [tmp_path / "a.csv"], interval=interval)


@pytest.fixture
def pick_loudest(monkeypatch: pytest.MonkeyPatch, data: Data) -> Callable[..., list[dict[str, str]]]:
    """Picks the largest sample of each trace; returns the rows of the .csv."""

    def run(gather_B1TR: np.ndarray) -> np.ndarray:
        gather_BTR = np.abs(gather_B1TR[:, 0])
        return np.stack([gather_BTR.argmax(1), np.minimum(gather_BTR.max(1), 1)], axis=1).astype(np.float32)

    network = PickingNetwork(run=run, survey=data.survey)
    monkeypatch.setattr(picking, "load_network", lambda source: network)

    def pick(file: Path, *outputs: Path, **options: Any) -> list[dict[str, str]]:
        table = file.with_suffix(".csv")
        picking.pick("bundle", [file], [table, *outputs], **options)
        with table.open() as stream:
            return list(csv.DictReader(stream))

    return pick


Rows = Callable[..., list[dict[str, str]]]


def spikes(path: Path, words: dict[int, Any], **options: Any) -> Path:
    """Six traces with a break at 20 ms of their own records."""
    traces_NT = np.zeros((6, T), np.float32)
    traces_NT[:, 20] = 0.5
    return write_segy(path, traces_NT, {9: 1, 73: 5, 81: 10 * np.arange(6), **words}, **options)


def test_picks_count_from_the_shot_with_the_delay_of_each_trace(pick_loudest: Rows, tmp_path: Path) -> None:
    rows = pick_loudest(spikes(tmp_path / "a.sgy", {109: np.array([0, -5, 3, 0, 10, 0])}))
    assert [float(row["pick_s"]) for row in rows] == pytest.approx([0.02, 0.015, 0.023, 0.02, 0.03, 0.02])


def test_dead_and_auxiliary_traces_have_no_pick_anywhere(pick_loudest: Rows, tmp_path: Path) -> None:
    words = {29: np.array([1, 2, 1, 7, 1, 1]), 233: 4711, 237: 4711}
    rows = pick_loudest(spikes(tmp_path / "a.sgy", words), tmp_path / "b.sgy")
    assert [(row["trace_in_file"], bool(row["pick_s"])) for row in rows] == [
        ("0", True), ("1", False), ("2", True), ("4", True), ("5", True)
    ]  # fmt: skip
    copy = open_segy(tmp_path / "b.sgy")
    assert copy.word(233).tolist() == [20_000, -1, 20_000, -1, 20_000, 20_000]
    assert copy.word(237).tolist() == [5000, 0, 5000, 0, 5000, 5000]
    assert np.array_equal(copy.values(), open_segy(tmp_path / "a.sgy").values())


def points(file: Path) -> list[list[float]]:
    lines = file.read_text().splitlines()
    return [[float(word) for word in line.split()] for line in lines[2 : 2 + int(lines[0].split()[0])]]


@pytest.mark.parametrize(
    ("words", "wanted", "told"),
    [
        ({}, [[0, 0], [5, 0], [10, 0]], "has no heights"),
        ({41: 100 + np.arange(6), 45: 107}, [[0, 100], [5, 107], [10, 101]], ""),
        ({73: 15, 77: 20, 81: 30 * np.arange(6), 85: 40 * np.arange(6)}, [[0, 0], [25, 0], [50, 0]], "has no heights"),
    ],
    ids=["flat", "hills", "oblique"],
)
def test_sgt_has_distances_along_the_line_and_heights(
    pick_loudest: Rows, tmp_path: Path, caplog: Any, words: dict[int, Any], wanted: Any, told: str
) -> None:
    pick_loudest(spikes(tmp_path / "a.sgy", words), tmp_path / "a.sgt")
    assert np.allclose(points(tmp_path / "a.sgt")[:3], wanted)
    assert ("has no heights" in caplog.text) == bool(told)


def test_pick_asks_for_an_interval_that_headers_lack(pick_loudest: Rows, tmp_path: Path) -> None:
    file = spikes(tmp_path / "a.sgy", {}, interval=0)
    with pytest.raises(InputError, match="no sampling interval in its headers"):
        pick_loudest(file)
    assert float(pick_loudest(file, interval=0.001)[0]["pick_s"]) == pytest.approx(0.02)
