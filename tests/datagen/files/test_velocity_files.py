from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.config import Salt, Survey, VelocityFile
from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.files.velocity_files import open_models, pinned, water_on_top
from datagen.generate import ensure, generate
from datagen.shards.manifest import load_manifest, verify
from datagen.velocity import draw_velocity

MARMOUSI = Path(__file__).parents[4] / "shared/data/marmousi/marmousi_vp_221x601.bin"
LAYERS_ZX = np.linspace(1600, 4400, 20)[:, None] * np.ones((1, 90))


@pytest.fixture
def from_file(make_data, tmp_path):
    def make(array_ZX: np.ndarray = LAYERS_ZX, **settings: Any):
        path = tmp_path / "v.npy"
        np.save(path, array_ZX.astype(np.float32))
        return make_data(velocity_file=VelocityFile(path=str(path), spacing=10.0, **settings))

    return make


@pytest.mark.parametrize("axes", ["zx", "xz", "nzx", "znx", "zyx", "yxz"])
def test_arrays_are_read_in_the_order_of_axes_they_have(tmp_path, axes):
    sizes = {"n": 3, "z": 4, "y": 5, "x": 6}
    standard = "zyx" if "y" in axes else "nzx"
    values = np.random.default_rng(0).random([sizes[axis] if axis in axes else 1 for axis in standard])
    stored = values if "y" in axes or "n" in axes else values[0]
    names = standard if stored.ndim == 3 else standard[1:]
    np.save(tmp_path / "v.npy", stored.transpose([names.index(axis) for axis in axes]))
    models = open_models(VelocityFile(path=str(tmp_path / "v.npy"), axes=axes, spacing=10.0))
    assert np.array_equal(models.array, values)
    assert models.cube == ("y" in axes)


def test_the_models_of_openfwi_are_a_stack(tmp_path):
    np.save(tmp_path / "model1.npy", np.ones((5, 1, 3, 4), np.float32))
    assert open_models(VelocityFile(path=str(tmp_path / "model1.npy"), spacing=10.0)).array.shape == (5, 3, 4)


def test_raw_floats_are_mapped_in_their_shape(tmp_path):
    values = np.arange(24, dtype="<f4").reshape(4, 6)
    values.tofile(tmp_path / "v.bin")
    models = open_models(VelocityFile(path=str(tmp_path / "v.bin"), shape=(4, 6), spacing=(5.0, 10.0)))
    assert np.array_equal(models.array, values[None])
    assert (models.spacing[0], models.spacing[2]) == (5.0, 10.0)


@pytest.mark.parametrize("code", [1, 5])
@pytest.mark.parametrize("endian", ["big", "little"])
def test_a_segy_model_has_a_trace_a_column(tmp_path, write_segy, code, endian):
    values_ZX = np.random.default_rng(0).uniform(1500, 4500, (20, 7)).astype(np.float32)
    write_segy(tmp_path / "v.sgy", values_ZX.T, code, endian=endian)
    models = open_models(VelocityFile(path=str(tmp_path / "v.sgy"), spacing=10.0))
    assert not models.cube
    assert np.abs(models.array[0] / values_ZX - 1).max() < 1e-6


def test_a_segy_cube_is_put_in_order_by_its_inlines_and_crosslines(tmp_path, write_segy):
    cube_ZYX = np.random.default_rng(0).uniform(1500, 4500, (8, 3, 5)).astype(np.float32)
    y, x = (index.ravel() for index in np.indices((3, 5)))
    mixed = np.random.default_rng(1).permutation(15)
    write_segy(tmp_path / "c.segy", cube_ZYX.reshape(8, 15).T[mixed], h189=100 + 2 * y[mixed], h193=7 + x[mixed])
    models = open_models(VelocityFile(path=str(tmp_path / "c.segy"), spacing=10.0))
    assert models.cube
    assert np.array_equal(models.array, cube_ZYX)


def test_a_segy_cube_with_a_hole_names_the_place(tmp_path, write_segy):
    y, x = (index.ravel()[:-1] for index in np.indices((3, 5)))
    write_segy(tmp_path / "c.sgy", np.full((14, 8), 2000.0), h189=y + 1, h193=x + 1)
    with pytest.raises(InputError, match=r"c\.sgy: 0 traces at inline 3, crossline 5"):
        open_models(VelocityFile(path=str(tmp_path / "c.sgy"), spacing=10.0))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"shape": (20, 91)}, r"bytes, float32 of shape \[20, 91\] are 7280"),
        ({"axes": "zyx"}, r"shape \(20, 90\) does not fit axes 'zyx'"),
        ({"axes": "zz"}, "does not fit axes 'zz'"),
        ({"sha256": "0" * 64}, r"its SHA-256 is [0-9a-f]{64}, data\.velocity_file\.sha256 is 0000"),
    ],
)
def test_a_file_that_is_not_as_described_is_refused(from_file, settings, told):
    with pytest.raises(InputError, match=told):
        pinned(from_file(**settings))


def test_a_cube_without_axes_is_not_taken_for_a_stack_when_spacing_has_three(tmp_path):
    np.save(tmp_path / "c.npy", np.full((20, 30, 40), 2000.0))
    with pytest.raises(InputError, match=r"spacing has 3 numbers; give one for all axes, or \(z, x\)"):
        open_models(VelocityFile(path=str(tmp_path / "c.npy"), spacing=(10.0, 10.0, 10.0)))


def test_truncated_missing_and_pickled_files_are_refused(from_file, tmp_path):
    data = from_file()
    path = Path(data.velocity_file.path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"v\.npy: cannot be read"):
        pinned(data)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"v\.npy: cannot be read"):
        pinned(data)
    path.unlink()
    with pytest.raises(InputError, match=r"v\.npy: no such file"):
        pinned(data)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -2000.0])
def test_a_value_that_is_no_velocity_is_named_with_its_place(from_file, bad):
    model_ZX = LAYERS_ZX.copy()
    model_ZX[7, 41] = bad
    with pytest.raises(InputError, match=r"v\.npy: \S+ at cell n 0, z 7, x 41; every value must be finite and above 0"):
        generate(from_file(model_ZX, clip=(1500, 4500)), workers=1)


def test_units_that_were_mistaken_are_recognised(from_file):
    with pytest.raises(InputError, match=r"values from 1\.6 to 4\.4 m/s.*look like km/s: give unit 1000"):
        pinned(from_file(LAYERS_ZX / 1000))
    with pytest.raises(InputError, match=r"look like m/s: give unit 1"):
        pinned(from_file(LAYERS_ZX, unit=1000.0))
    assert np.allclose(draw_velocity(from_file(LAYERS_ZX / 1000, unit=1000.0), 0)[0], 1600)


def test_velocities_the_grid_cannot_carry_are_told_with_the_file_and_brought_in_by_clip(from_file):
    slow_ZX = np.where(LAYERS_ZX < 2000, 1450.0, LAYERS_ZX)
    with pytest.raises(InputError, match=r"v\.npy: goes from 1450 to 4400 m/s.*frequency: 15 Hz gives 9\.7.*clip"):
        pinned(from_file(slow_ZX))
    data = pinned(from_file(slow_ZX, clip=(1500, 5000)))
    assert data.velocity_file.velocity == (1500, pytest.approx(4400))
    assert draw_velocity(data, 0).min() == 1500


def test_a_velocity_above_the_stable_limit_is_told_with_the_file(from_file, make_data):
    data = from_file(LAYERS_ZX * 1.7)
    plain = replace(data, survey=replace(data.survey, dispersion_correction=False))
    with pytest.raises(InputError, match=r"v\.npy: goes from 2720 to 7480 m/s.*interval: 0\.001 s is unstable"):
        pinned(plain)
    assert pinned(data).velocity_file.velocity[1] == pytest.approx(7480)  # shorter time steps carry it


def test_the_data_set_holds_checksum_and_range_and_needs_the_file_no_more(from_file, echo_engine, monkeypatch):
    data = from_file()
    generate(data, workers=1, engine=echo_engine)
    held = load_manifest(data.folder).data.velocity_file
    assert len(held.sha256) == 64
    assert held.velocity == (1600, pytest.approx(4400))
    Path(data.velocity_file.path).unlink()
    verify(load_manifest(data.folder), data)
    ensure(data)
    assert generate(data, workers=1, engine=echo_engine).made == 0


def test_another_file_under_the_same_name_does_not_go_on_with_the_data_set(from_file, echo_engine):
    data = from_file()
    generate(data, workers=1, engine=echo_engine)
    (Path(data.folder) / "data1.npy").unlink()
    from_file(LAYERS_ZX + 1)
    with pytest.raises(InputError, match=r"its SHA-256 is"):
        generate(data, workers=1, engine=echo_engine)
    from_file()
    assert generate(data, workers=1, engine=echo_engine).made == 8


def test_geology_and_file_are_different_data_sets(from_file, make_data, echo_engine):
    generate(from_file(), workers=1, engine=echo_engine)
    with pytest.raises(
        InputError, match=r"data\.velocity_file\.spacing: \(10\.0,\) in the data set, None in the preset"
    ):
        verify(load_manifest(make_data().folder), make_data())


@pytest.mark.parametrize("code", [1, 5])
def test_shots_and_images_of_a_segy_model_are_made_by_the_wave_equation(make_data, tmp_path, write_segy, code):
    write_segy(tmp_path / "v.sgy", LAYERS_ZX.T, code)
    survey = Survey(shots=1, receivers=24, frequency=15.0, interval=0.001, samples=150)
    data = make_data(velocity_file=VelocityFile(path=str(tmp_path / "v.sgy"), spacing=10.0), survey=survey)
    data = replace(data, split=replace(data.split, train=1, validation=1, test=1))
    assert generate(data, workers=1).made == 3
    shots_STR, target_1ZX = ShardDataset(data.folder, "train", "velocity")[0]
    assert shots_STR.abs().max() > 0
    assert target_1ZX[0, 0, 0] == pytest.approx(-1)


@pytest.mark.skipif(not MARMOUSI.exists(), reason="the Marmousi model is not there")
def test_marmousi_is_cut_into_sections_of_its_own_velocities(make_data):
    file = VelocityFile(
        path=str(MARMOUSI), shape=(221, 601), unit=1000.0, spacing=15.0, top=(0.0, 2000.0), clip=(1500.0, 6000.0)
    )
    data = pinned(make_data(velocity_file=file, salt=Salt(probability=0)))
    assert data.velocity_file.velocity[0] == 1500
    drawn = np.stack([draw_velocity(data, index) for index in range(33)])
    assert 1500 <= drawn.min() < 1600
    assert 3500 < drawn.max() < 5700
    assert len({section.tobytes() for section in drawn}) > 25  # in the water all are alike


def test_water_that_fills_the_top_of_all_sections_is_told_unless_it_is_left_out(from_file, echo_engine):
    wet_ZX = np.concatenate([np.full((6, 90), 1500.0), LAYERS_ZX])
    told = []
    for top in ((0.0, 0.0), (60.0, 60.0)):
        data = from_file(wet_ZX, top=top)
        generate(replace(data, folder=f"{data.folder}-{top[0]:g}"), workers=1, engine=echo_engine, report=told.append)
    (line,) = [line for line in told if "are water" in line]
    assert "the first 60 m of the sections' 150 m are water; data.velocity_file.top: [60, 60] begins below it" in line


@pytest.mark.skipif(not MARMOUSI.exists(), reason="../shared is absent")
def test_marmousi_begins_with_water():
    file = VelocityFile(path=str(MARMOUSI), shape=(221, 601), spacing=15.0, unit=1000.0)
    assert water_on_top(file) == 330  # 22 rows
