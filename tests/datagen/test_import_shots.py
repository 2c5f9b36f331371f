import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datagen.config import Split
from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.generate import ensure, generate
from datagen.import_shots import import_shots
from datagen.shards.manifest import load_manifest, verify
from datagen.shards.source import find_source
from datagen.show import contact_sheet

SAMPLES = 40  # of an OpenFWI folder: 5 pairs of 8


def samples(count):
    """Shots [n, 3, 20, 24] and models [n, 1, 16, 24] that fit the surveys of these tests."""
    random = np.random.default_rng(0)
    shots = random.standard_normal((count, 3, 20, 24)).astype(np.float32) * 20
    return shots, random.uniform(1500, 4500, (count, 1, 16, 24)).astype(np.float32)


@pytest.fixture
def openfwi(tmp_path):
    """A folder as FlatVel_A is published, but tiny."""
    folder = tmp_path / "FlatVel_A"
    shots, models = samples(SAMPLES)
    for number in range(5):
        for name, array in (("data", shots), ("model", models)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            np.save(folder / name / f"{name}{number + 1}.npy", array[8 * number : 8 * number + 8])
    return folder


def write_split_files(folder):
    for name, numbers in (("train", range(1, 5)), ("val", [5])):
        lines = [f"/elsewhere/FlatVel_A/data/data{n}.npy\t/elsewhere/FlatVel_A/model/model{n}.npy\n" for n in numbers]
        (folder / f"flatvel_a_{name}.txt").write_text("".join(lines))


def run(path, data, **options):
    models, migrate, engine = options.pop("models", None), options.pop("migrate", False), options.pop("engine", None)
    source = find_source(path, data, models=models, **options)
    return import_shots(source, data, migrate=migrate, workers=1, **({"engine": engine} if engine else {}))


def stored(data, kind):
    files = [record.files[kind].name for record in load_manifest(data.folder).shards]
    return np.concatenate([np.load(Path(data.folder) / name) for name in files])


def test_an_openfwi_folder_becomes_shards_with_the_same_values(openfwi, make_data):
    data = make_data()
    assert run(openfwi, data).made == SAMPLES
    shots, models = samples(SAMPLES)
    assert np.array_equal(stored(data, "data"), shots)
    assert np.array_equal(stored(data, "model"), models)
    verify(load_manifest(data.folder), data)
    assert run(openfwi, data).skipped == SAMPLES


def test_openfwis_test_files_are_the_test_split_and_the_end_of_its_training_files_validates(openfwi, make_data):
    data = make_data()
    write_split_files(openfwi)
    run(openfwi, data)
    manifest = load_manifest(data.folder)
    assert manifest.data.split == Split(train=29, validation=3, test=8)
    dataset = ShardDataset(data.folder, "test", "velocity")
    assert np.array_equal(dataset[0][0].numpy(), samples(SAMPLES)[0][32])


def test_without_split_files_neighbouring_samples_stay_together(openfwi, make_data):
    data = make_data()
    run(openfwi, data)
    assert load_manifest(data.folder).data.split == Split(train=32, validation=4, test=4)


def test_statistics_are_those_of_the_shots_as_they_are(openfwi, make_data):
    data = make_data()
    run(openfwi, data)
    statistics = load_manifest(data.folder).statistics
    shots, models = (array[:32] for array in samples(SAMPLES))
    assert statistics.shot_scale == pytest.approx(np.percentile(np.abs(shots).reshape(32, -1), 90, axis=1).mean())
    assert (statistics.velocity_min, statistics.velocity_max) == (models.min(), models.max())


def test_without_images_the_rtm_target_is_refused_and_velocity_is_not(openfwi, make_data, tmp_path):
    data = make_data()
    run(openfwi, data)
    assert not list(Path(data.folder).glob("image*"))
    with pytest.raises(InputError, match=r"target: got 'rtm'.*imported without images; set target to velocity"):
        ShardDataset(data.folder, "train", "rtm")
    assert ShardDataset(data.folder, "train", "velocity")[0][1].shape == (1, 16, 24)
    contact_sheet(data, "train", 2, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_images_are_made_of_the_models_if_asked_for(openfwi, make_data, echo_engine):
    data = make_data()
    run(openfwi, data, migrate=True, engine=echo_engine)
    assert np.allclose(stored(data, "image")[:, 0], np.gradient(samples(SAMPLES)[1][:, 0], axis=1) / 1000, atol=1e-6)
    assert ShardDataset(data.folder, "train", "rtm")[0][1].abs().max() > 0


def test_a_stopped_import_goes_on_and_another_source_does_not(openfwi, make_data):
    data = make_data()
    run(openfwi, data)
    (Path(data.folder) / "model2.npy").unlink()
    assert run(openfwi, data).made == 8
    file = openfwi / "data/data1.npy"
    np.save(file, np.load(file) + 1)
    with pytest.raises(InputError, match=r"data\.imported\.sha256"):
        run(openfwi, data)


def test_an_imported_data_set_is_never_made_from_geology(openfwi, make_data, echo_engine):
    data = make_data()
    run(openfwi, data)
    ensure(data)  # the preset speaks of geology, the folder holds the import
    assert generate(data, workers=1, engine=echo_engine).made == 0
    (Path(data.folder) / "data2.npy").unlink()
    with pytest.raises(InputError, match=r"data2\.npy: missing; import it again: `seisnas import .*FlatVel_A -o"):
        ensure(data)
    with pytest.raises(InputError, match=r"imported data set .* are missing; `seisnas import .*FlatVel_A"):
        generate(data, workers=1, engine=echo_engine)
    shutil.rmtree(data.folder)
    with pytest.raises(InputError, match="imported"):
        generate(replace(load_imported(openfwi, data), folder=data.folder), workers=1, engine=echo_engine)


def load_imported(openfwi, data):
    run(openfwi, data)
    described = load_manifest(data.folder).data
    shutil.rmtree(data.folder)
    return described


def test_a_preset_of_another_survey_does_not_take_an_imported_set(openfwi, make_data):
    data = make_data()
    run(openfwi, data)
    verify(load_manifest(data.folder), replace(data, seed=1, split=Split(train=1, validation=1, test=1)))
    with pytest.raises(InputError, match=r"data\.survey\.samples: 20 in the data set, 30 in the preset"):
        verify(load_manifest(data.folder), replace(data, survey=replace(data.survey, samples=30)))


@pytest.mark.parametrize("content", [lambda whole: whole[:-100], lambda whole: whole[:40], lambda _: b""])
def test_a_truncated_file_is_named(openfwi, make_data, content):
    file = openfwi / "data/data3.npy"
    file.write_bytes(content(file.read_bytes()))
    with pytest.raises(InputError, match=r"data3\.npy: truncated or no \.npy"):
        run(openfwi, make_data())


def test_a_pickle_is_not_loaded(openfwi, make_data):
    np.save(openfwi / "model/model1.npy", np.array([{}] * 8, dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"model1\.npy: truncated or no \.npy"):
        run(openfwi, make_data())


def test_files_that_do_not_go_together_are_refused(openfwi, make_data):
    data = make_data()
    np.save(openfwi / "model/model2.npy", samples(7)[1])
    with pytest.raises(InputError, match=r"model2\.npy: 7 models, .*data2\.npy has the shots of 8"):
        run(openfwi, data)
    np.save(openfwi / "model/model2.npy", samples(8)[1][..., :20])
    with pytest.raises(InputError, match=r"model2\.npy: samples of shape \(1, 16, 20\)"):
        run(openfwi, data)
    np.save(openfwi / "model/model2.npy", samples(8)[1])
    with pytest.raises(InputError, match=r"data1\.npy: samples of shape \[3, 20, 24\], the preset's are \[2, 20, 24\]"):
        run(openfwi, make_data("other", survey=replace(data.survey, shots=2)))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.nan, r"model4\.npy: nan at cell n 2, c 0, z 5, x 7"),
        (0.0, r"model4\.npy: 0\.0 at cell n 2"),
        (9000.0, r"values from 1\d\d\d.* to 9000 m/s; allowed are 300 to 8000"),
    ],
)
def test_models_that_are_no_velocities_are_named(openfwi, make_data, value, told):
    file = openfwi / "model/model4.npy"
    models = np.load(file)
    models[2, 0, 5, 7] = value
    np.save(file, models)
    with pytest.raises(InputError, match=told):
        run(openfwi, make_data())


def test_shots_that_are_not_finite_are_named_and_nothing_of_them_is_kept(openfwi, make_data):
    file = openfwi / "data/data4.npy"
    shots = np.load(file)
    shots[6, 1, 3, 3] = np.inf
    np.save(file, shots)
    data = make_data()
    with pytest.raises(InputError, match=r"data4\.npy, sample 6: not all values are finite"):
        run(openfwi, data)
    assert not (Path(data.folder) / "data4.npy").exists()


def test_own_arrays_with_and_without_models(make_data, tmp_path):
    shots, models = samples(12)
    np.save(tmp_path / "shots.npy", shots)
    np.save(tmp_path / "models.npy", models[:, 0])
    data, bare = make_data(), make_data("bare")
    run(tmp_path / "shots.npy", data, models=tmp_path / "models.npy")
    assert np.array_equal(stored(data, "model"), models)
    run(tmp_path / "shots.npy", bare)
    with pytest.raises(InputError, match=r"target: got 'velocity'.*without models; import it with --models"):
        ShardDataset(bare.folder, "train", "velocity")
    with pytest.raises(InputError, match=r"--migrate: .*give them with --models"):
        run(tmp_path / "shots.npy", make_data("third"), migrate=True)
    np.save(tmp_path / "models.npy", models[:5])
    with pytest.raises(InputError, match=r"models\.npy: 5 models for 12 samples"):
        run(tmp_path / "shots.npy", make_data("fourth"), models=tmp_path / "models.npy")


def test_gathers_without_an_axis_of_shots_are_samples_of_one_shot(make_data, tmp_path):
    gathers_NTR = samples(12)[0][:, 0]
    np.save(tmp_path / "field.npy", gathers_NTR)
    data = make_data()
    data = replace(data, survey=replace(data.survey, shots=1))
    run(tmp_path / "field.npy", data)
    assert np.array_equal(stored(data, "data")[:, 0], gathers_NTR)


def test_segy_shots_with_models_become_shards(make_data, tmp_path, write_gathers):
    shots, models = samples(6)
    write_gathers(tmp_path / "line.sgy", shots.reshape(18, 20, 24), h9=1 + np.arange(18)[:, None], h13=np.arange(24))
    np.save(tmp_path / "models.npy", models)
    data = make_data()
    run(tmp_path / "line.sgy", data, models=tmp_path / "models.npy")
    assert np.array_equal(stored(data, "data"), shots)
    with pytest.raises(InputError, match=r"20 in the file every 1 ms, 20 in the preset's survey every 2 ms"):
        run(tmp_path / "line.sgy", make_data("other", survey=replace(data.survey, interval=0.002)))


def test_too_few_samples_and_wrong_options_are_told(make_data, tmp_path, openfwi):
    np.save(tmp_path / "shots.npy", samples(2)[0])
    data = make_data()
    with pytest.raises(InputError, match=r"2 sample\(s\) in all; train, validation and test need one each"):
        run(tmp_path / "shots.npy", data)
    with pytest.raises(InputError, match="no such file or folder"):
        run(tmp_path / "nothing", data)
    with pytest.raises(InputError, match="--models: an OpenFWI folder contains its models"):
        run(openfwi, data, models=tmp_path / "shots.npy")
    with pytest.raises(InputError, match="--split-files: only an OpenFWI folder"):
        run(tmp_path / "shots.npy", data, split_files=tmp_path)
