"""SEG-Y in, images out: geometry, 3-D surveys, and what --resample may fix."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segyio
from segyio import TraceField

from compressors.graphs.runner import Imager
from datagen.errors import InputError
from trials.prediction.predict import predict

SOURCES, RECEIVERS = np.array([0.0, 190.0]), 10.0 * np.arange(20)  # [m] of the tiny bundle
AZIMUTH, CORNER = np.array([0.6, 0.8]), np.array([500_000.0, 4_200_000.0])


def shots(count: int, seed: int = 2) -> np.ndarray:
    return 0.06 * np.random.default_rng(seed).standard_normal((count, 2, 60, 20)).astype(np.float32)


def write(
    file: Path,
    gathers_STR: np.ndarray,
    sources_S2: np.ndarray,
    receivers_SR2: np.ndarray,
    *,
    interval: int = 1000,
    code: int = 5,
    delay: int = 0,
) -> Path:
    """Coordinates in decimetres, traces in disorder."""
    count, samples, receivers = gathers_STR.shape
    spec = segyio.spec()
    spec.format, spec.samples, spec.tracecount = code, range(samples), count * receivers
    disorder = np.random.default_rng(1).permutation(count * receivers)
    with segyio.create(file, spec) as segy:
        segy.bin[segyio.BinField.Interval] = interval
        for trace, place in enumerate(disorder):
            shot, receiver = divmod(int(place), receivers)
            segy.trace[trace] = np.ascontiguousarray(gathers_STR[shot, :, receiver])
            (sx, sy), (gx, gy) = (
                np.rint(10 * at).astype(int) for at in (sources_S2[shot], receivers_SR2[shot, receiver])
            )
            segy.header[trace] = {
                TraceField.FieldRecord: shot + 1,
                TraceField.SourceGroupScalar: -10,
                TraceField.SourceX: sx,
                TraceField.SourceY: sy,
                TraceField.GroupX: gx,
                TraceField.GroupY: gy,
                TraceField.TRACE_SAMPLE_INTERVAL: interval,
                TraceField.DelayRecordingTime: delay,
            }
    return file


def on_line(along: np.ndarray) -> np.ndarray:
    return CORNER + along[..., None] * AZIMUTH


def write_line(
    file: Path, shots_NSTR: np.ndarray, sources: Any = SOURCES, receivers: Any = RECEIVERS, **options: Any
) -> Path:
    gathers = shots_NSTR.reshape(-1, *shots_NSTR.shape[2:])
    sources_S2 = on_line(np.tile(sources, len(shots_NSTR)))
    receivers_SR2 = np.broadcast_to(on_line(np.asarray(receivers)), (len(gathers), len(receivers), 2))
    return write(file, gathers, sources_S2, receivers_SR2, **options)


@pytest.mark.parametrize("code", [1, 5], ids=["IBM", "IEEE"])
def test_an_image_lies_in_segyio_where_its_line_was_shot(tiny_bundle, tmp_path, code):
    given = shots(1)
    predict(tiny_bundle, write_line(tmp_path / "in.sgy", given, code=code), [tmp_path / "out.sgy"])
    with segyio.open(tmp_path / "out.sgy") as image:
        assert (list(image.ilines), list(image.xlines)) == ([1], list(range(1, 21)))
        assert list(image.samples) == [10.0 * row for row in range(16)]
        assert np.allclose(image.trace.raw[:].T, Imager(tiny_bundle)(given)[0, 0], atol=2e-5)
        scalar = image.attributes(TraceField.SourceGroupScalar)[:]
        x, y = (image.attributes(field)[:] / -scalar for field in (TraceField.CDP_X, TraceField.CDP_Y))
        assert np.allclose(np.stack([x, y], -1), on_line(RECEIVERS), atol=0.01)
        assert b"DEPTH STEP IN MILLIMETRES" in bytes(image.text[0])
    assert {file.name for file in tmp_path.iterdir()} == {"in.sgy", "out.sgy"}


def test_shots_that_follow_one_another_are_samples(tiny_bundle, tmp_path):
    given = shots(10)
    predict(tiny_bundle, write_line(tmp_path / "in.sgy", given), [tmp_path / "image.npy", tmp_path / "image.sgy"])
    images = np.load(tmp_path / "image.npy")
    assert np.allclose(images, Imager(tiny_bundle)(given), atol=1e-5)
    with segyio.open(tmp_path / "image.sgy") as image:
        assert np.array_equal(segyio.tools.cube(image), images[:, 0].swapaxes(1, 2))


@pytest.mark.parametrize("transposed", [False, True], ids=["lines along x", "lines along y"])
def test_a_cube_is_cut_into_lines_imaged_and_put_together(tiny_bundle, tmp_path, transposed):
    """Three lines 40 m apart; every shot is recorded by the receivers of all three."""
    given, lines = shots(3), np.array([0.0, 40.0, 80.0])
    gathers = np.random.default_rng(5).standard_normal((3, 2, 60, 3, 20)).astype(np.float32)
    for line in range(3):
        gathers[line, :, :, line] = given[line]
    corner = np.array([1000.0, 2000.0])
    sources_L2 = np.stack(np.meshgrid(lines, SOURCES, indexing="ij")[::-1], -1).reshape(-1, 2)
    receivers_R2 = np.stack(np.meshgrid(lines, RECEIVERS, indexing="ij")[::-1], -1).reshape(-1, 2)
    turn = slice(None, None, -1) if transposed else slice(None)
    back = [3, 0, 5, 2, 1, 4]  # neither lines nor sources are shot in order
    receivers_SR2 = np.broadcast_to(corner + receivers_R2[:, turn], (6, 60, 2))
    file = write(
        tmp_path / "cube.sgy", gathers.reshape(6, 60, 60)[back], corner + sources_L2[back][:, turn], receivers_SR2
    )
    predict(tiny_bundle, file, [tmp_path / "image.npy", tmp_path / "image.sgy"])
    cube_YZX = np.load(tmp_path / "image.npy")
    assert cube_YZX.shape == (3, 16, 20)
    assert np.allclose(cube_YZX, Imager(tiny_bundle)(given)[:, 0], atol=1e-5)
    with segyio.open(tmp_path / "image.sgy") as image:
        assert np.array_equal(segyio.tools.cube(image), cube_YZX.swapaxes(1, 2))
        x, y = (image.attributes(field)[:].reshape(3, 20) / 100 for field in (TraceField.CDP_X, TraceField.CDP_Y))
        along, across = (y - 2000, x - 1000) if transposed else (x - 1000, y - 2000)
        assert np.allclose(along, RECEIVERS, atol=0.01)
        assert np.allclose(across, lines[:, None], atol=0.01)


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"sources": [0.0, 150.0]}, r"source positions of sample 0: 0, 150 m .*, 0, 190 m in the bundle's"),
        ({"interval": 2000}, r"every 2 ms, 60 in the bundle's survey every 1 ms"),
        ({"delay": 100}, r"first sample: at 0\.1 s in the file"),
        ({"receivers": 10.0 * np.arange(20) + 3.0 * (np.arange(20) == 7)}, "receivers: .* not evenly spaced"),
    ],
    ids=["sources", "interval", "delay", "receivers"],
)
def test_what_the_headers_tell_is_compared_with_the_survey(tiny_bundle, tmp_path, options, difference):
    file = write_line(tmp_path / "in.sgy", shots(2), **options)
    for resample in (False, True) if "interval" not in options else (False,):
        with pytest.raises(InputError, match=difference):
            predict(tiny_bundle, file, [tmp_path / "image.npy"], resample=resample)


def test_receivers_that_move_with_the_shots_are_refused(tiny_bundle, tmp_path):
    moving = on_line(RECEIVERS + np.array([[0.0], [100.0]]))
    file = write(tmp_path / "in.sgy", shots(1)[0], on_line(SOURCES), moving)
    with pytest.raises(InputError, match="they move with the shots"):
        predict(tiny_bundle, file, [tmp_path / "image.npy"])


def waves(times_T: np.ndarray, places_R: np.ndarray) -> np.ndarray:
    """Shots [1, 2, T, R] of 33 Hz in time and of wavelengths of 76 m and more, with no slope at their ends."""
    time_T = np.cos(np.pi * 4 * times_T / 0.06)
    across_R = np.cos(np.pi * 5 * places_R / 190) + np.cos(np.pi * 2 * places_R / 190)
    return (0.1 * np.array([1.0, -0.5])[:, None, None] * time_T[:, None] * across_R)[None].astype(np.float32)


def test_what_was_sampled_otherwise_is_resampled_when_asked_for(tiny_bundle, tmp_path, caplog):
    fine, coarse = 0.001 * np.arange(60), 0.002 * np.arange(31)
    places = np.linspace(0, 190, 16)
    file = write_line(tmp_path / "in.sgy", waves(coarse, places), receivers=places, interval=2000)
    with pytest.raises(InputError) as error:
        predict(tiny_bundle, file, [tmp_path / "image.npy"])
    assert str(error.value).count("--resample converts it to the bundle's") == 2
    with caplog.at_level(logging.WARNING):
        predict(tiny_bundle, file, [tmp_path / "image.npy"], resample=True)
    assert "every 2 ms were resampled to every 1 ms" in caplog.text
    assert "12.6667 m apart, were interpolated to 20" in caplog.text
    wanted = Imager(tiny_bundle)(waves(fine, RECEIVERS))
    assert np.allclose(np.load(tmp_path / "image.npy"), wanted, atol=1e-4 * np.abs(wanted).max())


def test_every_second_sample_of_a_record_as_long_is_enough(tiny_bundle, tmp_path, caplog):
    fine = waves(0.001 * np.arange(60), RECEIVERS)
    np.save(tmp_path / "shots.npy", fine[:, :, ::2])
    with caplog.at_level(logging.WARNING):
        predict(tiny_bundle, tmp_path / "shots.npy", [tmp_path / "image.npy"], resample=True, interval=0.002)
    assert "its last one is held for 1 ms" in caplog.text
    wanted = Imager(tiny_bundle)(fine)
    assert np.allclose(np.load(tmp_path / "image.npy"), wanted, atol=0.02 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("interval", "samples", "receivers", "reason"),
    [
        (0.012, 60, 20, r"15 Hz, which reaches 52\.5 Hz"),
        (0.001, 60, 10, r"waves of up to 52\.5 Hz need 14\.3 m or less"),
        (0.001, 40, 20, r"the record ends at 0\.039 s, 0\.059 s are needed"),
        (0.002, 29, 20, r"the record ends at 0\.056 s, 0\.059 s are needed"),
    ],
    ids=["too coarse in time", "too far apart", "too short", "too short by one sample"],
)
def test_what_was_not_recorded_is_not_made_up(tiny_bundle, tmp_path, interval, samples, receivers, reason):
    np.save(tmp_path / "shots.npy", waves(interval * np.arange(samples), np.linspace(0, 190, receivers)))
    with pytest.raises(InputError, match=reason):
        predict(tiny_bundle, tmp_path / "shots.npy", [tmp_path / "image.npy"], resample=True, interval=interval)


def test_an_openfwi_folder_is_imaged_in_the_order_of_its_numbers(tiny_bundle, tmp_path):
    given, folder = shots(11), tmp_path / "FlatVel_A"
    folder.mkdir()
    np.save(folder / "data2.npy", given[:3])
    np.save(folder / "data10.npy", given[3:])
    predict(tiny_bundle, folder, [tmp_path / "image.npy"])
    assert np.allclose(np.load(tmp_path / "image.npy"), Imager(tiny_bundle)(given), atol=1e-5)


def test_an_unfinished_segy_never_bears_its_name(tiny_bundle, tmp_path):
    (tmp_path / "image.sgy").write_bytes(b"old")
    broken = shots(12)
    broken[10, 1, 5, 5] = np.nan
    np.save(tmp_path / "shots.npy", broken)
    with pytest.raises(InputError, match="model 10"):
        predict(tiny_bundle, tmp_path / "shots.npy", [tmp_path / "image.sgy"])
    assert (tmp_path / "image.sgy").read_bytes() == b"old"
    assert {file.name for file in tmp_path.iterdir()} == {"shots.npy", "image.sgy"}
