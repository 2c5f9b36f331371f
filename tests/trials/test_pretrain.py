"""Pretraining: what it reads and mends, what it leaves, how it goes on, and where its weights arrive."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from datagen.errors import InputError
from datagen.generate import generate
from search_spaces.build import build, network_behind
from search_spaces.networks.contract import SingleChannel
from trials.pretraining.gan_training import GanTraining
from trials.pretraining.gan_velocity import copy_distance, nearest, with_gan_velocity
from trials.pretraining.pretrain import pretrain
from trials.pretraining.pretrain_data import make_samples
from trials.pretraining.show_gan import show_gan, slerp
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import load
from trials.stages.execute import execute
from trials.training.networks import geometry
from trials.training.perceptual import load_features, perceptual
from trials.training.transferring.pretrained import initialise
from trials.training.transferring.pretrained_files import load_generator, pretrain_folder, read_part
from trials.training.transferring.transfer import resolved

TINY = {
    "name": "tiny",
    "network": {"model": "unet", "depth": 2, "width": 4},
    "training": {"batch_size": 4},
    "tune": {"epochs": 1},
    "pretrain": {"gather": {"rows": 24}, "columns": 16, "steps": 4, "batch_size": 4, "latent": 4},
}


def nothing(line):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pretrain")


@pytest.fixture(scope="module")
def config(folder, tiny_data):
    """Gathers in a file; the data set is there too."""
    gathers_STR = np.random.default_rng(0).standard_normal((20, 48, 16)).astype(np.float32)
    np.save(folder / "gathers.npy", gathers_STR)
    source = {"source": "gathers", "gathers": [str(folder / "gathers.npy")], "npy_interval": 0.001}
    tree = TINY | {"data": tiny_data, "pretrain": TINY["pretrain"] | source}
    (folder / "tiny.yml").write_text(yaml.safe_dump(tree))
    return load(folder / "tiny.yml")


def changed(config, **pretrain_settings):
    return replace(config, pretrain=replace(config.pretrain, **pretrain_settings))


@pytest.fixture(scope="module")
def gan(config, folder) -> RunFolder:
    run = RunFolder(folder / "gan")
    pretrain(config, run, nothing)
    return run


@pytest.fixture(scope="module")
def autoencoder(config, folder) -> RunFolder:
    run = RunFolder(folder / "autoencoder")
    pretrain(changed(config, kind="autoencoder"), run, nothing)
    return run


@pytest.fixture(scope="module")
def velocity_gan(config, folder) -> RunFolder:
    run = RunFolder(folder / "velocity")
    pretrain(changed(config, source="velocity", gathers=()), run, nothing)
    return run


def samples_from(config, folder, array, **settings):
    """The samples of an array in a file, and what was told."""
    np.save(folder / "other.npy", array)
    told = []
    return make_samples(changed(config, gathers=(str(folder / "other.npy"),), **settings), told.append), " ".join(told)


def test_a_record_that_ends_early_is_continued_with_silence_and_told(config, folder):
    short = np.random.default_rng(1).standard_normal((10, 24, 16)).astype(np.float32)
    samples, told = samples_from(config, folder, short, duration=0.048)
    assert samples.values_N1ZX[:, :, :11].std(2).min() > 0.5
    assert samples.values_N1ZX[:, :, 14:].std(2).max() < 1e-5  # at what the mean was
    assert "end before 48 ms" in told


def test_gathers_sampled_twice_as_often_give_the_same_samples(config, folder):
    time = np.arange(96) * 0.5e-3
    waves = np.sin(2 * np.pi * np.arange(10, 20)[:, None, None] * time[:, None]) * np.ones((1, 1, 16))
    fine, _ = samples_from(config, folder, waves, npy_interval=0.5e-3)
    coarse, _ = samples_from(config, folder, waves[:, ::2], npy_interval=1e-3)
    torch.testing.assert_close(fine.values_N1ZX, coarse.values_N1ZX, rtol=0, atol=0.3)


def test_weak_and_strong_traces_become_alike(config, folder):
    given = np.random.default_rng(1).standard_normal((10, 48, 16)).astype(np.float32)
    weak = given * np.float32([1e-3] * 8 + [1e4] * 8)
    (one, _), (other, _) = samples_from(config, folder, given), samples_from(config, folder, weak)
    torch.testing.assert_close(one.values_N1ZX, other.values_N1ZX, rtol=0, atol=1e-3)


def test_wide_gathers_are_cut_into_windows_that_cover_them(config, folder):
    wide = np.random.default_rng(1).standard_normal((8, 24, 40)).astype(np.float32)
    samples, _ = samples_from(config, folder, wide)
    assert samples.values_N1ZX.shape == (24, 1, 24, 16)


def test_dead_and_broken_traces_are_mended_and_told(config, folder):
    given = np.random.default_rng(1).standard_normal((10, 48, 16)).astype(np.float32)
    given[0, :, :3], given[1, 5, 4], given[2] = 0.0, np.nan, 0.0
    samples, told = samples_from(config, folder, given)
    assert torch.isfinite(samples.values_N1ZX).all()
    assert len(samples.values_N1ZX) == 9
    for part in ("19 dead traces", "1 traces with values that are not finite", "1 windows of mostly"):
        assert part in told


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((20, 48, 16)), "0 usable gathers"),
        (np.full((20, 48, 16), np.nan), "0 usable gathers"),
        (np.ones((20, 48, 1)), "a gather of 1 traces"),
        (np.ones((20, 48, 12)), "12 traces"),
        (np.array(["a"]), "holds"),
    ],
)
def test_files_of_no_use_are_refused_with_the_reason(config, folder, array, reason):
    with pytest.raises(InputError, match=reason):
        samples_from(config, folder, array)


def test_a_file_that_does_not_tell_its_interval_needs_one(config, folder):
    with pytest.raises(InputError, match=r"npy_interval"):
        make_samples(changed(config, npy_interval=None), nothing)


def test_the_shots_of_the_data_set_are_samples_too(config):
    samples = make_samples(changed(config, source="shots", gathers=(), npy_interval=None), nothing)
    assert samples.values_N1ZX.shape == (16 * 2 * 2, 1, 24, 16)
    assert samples.facts["duration"] == pytest.approx(0.24)


def test_a_gan_that_was_interrupted_comes_to_the_same_bits(config, gan, folder, monkeypatch):
    monkeypatch.setattr("trials.settings.pretrain.EPOCH", 2)
    two = changed(config, steps=4)
    whole, stopped = RunFolder(folder / "whole"), RunFolder(folder / "stopped")
    pretrain(two, whole, nothing)

    with monkeypatch.context() as during:
        during.setattr(GanTraining, "training_step", stopping(GanTraining.training_step))
        with pytest.raises(KeyboardInterrupt):
            pretrain(two, stopped, nothing)
    assert (stopped.path / "pretrain-checkpoint.ckpt").exists()
    other = replace(two, network=replace(two.network, width=8))
    with pytest.raises(InputError, match="another network"):
        pretrain(other, stopped, nothing)
    pretrain(two, stopped, nothing)
    for name in ("encoder", "decoder", "generator"):
        mine, theirs = (load_file(run.path / f"{name}.safetensors") for run in (whole, stopped))
        assert all(torch.equal(mine[key], theirs[key]) for key in mine), name


def stopping(step):
    def training_step(training, number, index):
        if training.current_epoch == 1:
            raise KeyboardInterrupt
        return step(training, number, index)

    return training_step


def test_a_masked_autoencoder_misses_less_and_less(config, folder):
    layered = np.sin(np.arange(48)[None, :, None] * np.linspace(0.2, 0.6, 20)[:, None, None]) * np.ones((1, 1, 16))
    np.save(folder / "layered.npy", layered.astype(np.float32))
    longer = changed(
        config, kind="autoencoder", steps=60, learning_rate=1e-2, mask=0.3, gathers=(str(folder / "layered.npy"),)
    )
    result = pretrain(longer, RunFolder(folder / "longer"), nothing)
    assert result["missed"] < 0.7


def test_the_weights_tell_how_samples_were_scaled(gan):
    _, facts = read_part(gan.path / "encoder.safetensors")
    assert (facts["scaling"], facts["duration"], facts["size"], facts["kind"]) == ("trace", 0.048, [24, 16], "gan")


@pytest.mark.parametrize("kind", ["gan", "autoencoder"])
def test_encoder_and_decoder_arrive_in_the_network_that_is_trained(config, kind, request, folder, monkeypatch):
    source = request.getfixturevalue(kind)
    monkeypatch.chdir(folder)
    target = pretrain_folder(config, kind)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.path)
    wanted = replace(config, network=replace(config.network, encoder_init=kind, decoder_init=kind))
    run = RunFolder(folder / f"tuned_{kind}")
    execute("tune", wanted, run, Channel())
    report = json.loads((run.path / "transfer.json").read_text())
    assert report["encoder"]["fresh"] == []
    assert report["decoder"]["fresh"] == report["decoder"]["unused"] == []


def test_the_first_convolution_of_the_picker_arrives_as_it_is_and_that_of_shots_adapted(config, gan):
    file = gan.path / "encoder.safetensors"
    given = load_file(file)["levels.0.0.weight"]
    single = network_behind(SingleChannel(), config.network)
    assert initialise(single, str(file)).fresh == ()
    assert torch.equal(single.encoder.levels[0][0].weight, given)
    shots = build(config.network, *geometry(config))
    assert initialise(shots, str(file)).fresh == ()
    torch.testing.assert_close(shots.encoder.levels[0][0].weight.sum(1, keepdim=True), given)


def test_words_without_a_pretraining_tell_how_to_make_one(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for network in (
        replace(config.network, encoder_init="gan"),
        replace(config.network, decoder_init="autoencoder"),
    ):
        with pytest.raises(InputError, match=r"seisnas pretrain --set pretrain\.kind="):
            resolved(replace(config, network=network))


def test_discriminator_features_measure_how_far_images_are_apart(gan):
    features = load_features("gan", str(gan.path / "encoder.safetensors"))
    image = torch.rand(2, 1, 24, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert perceptual(features, image, image.clone()) == 0
    assert perceptual(features, 0.9 * image, image) < perceptual(features, 0.2 * image, image)


def test_features_of_something_else_are_refused(gan, autoencoder):
    for file in (gan.path / "generator.safetensors", autoencoder.path / "encoder.safetensors"):
        with pytest.raises(InputError, match=r"loss\.perceptual_weights"):
            load_features("gan", str(file))


def test_slerp_stays_on_the_sphere_and_ends_where_it_should():
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    path = slerp(a, b, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(path.norm(dim=1), torch.full((3,), 3.0))
    torch.testing.assert_close(path[[0, 2]], torch.stack([a, b]))


def test_show_gan_writes_a_film_and_a_sheet_that_the_seed_decides(gan, tmp_path):
    film, sheet = show_gan(gan.path / "generator.safetensors", tmp_path / "one", points=3, steps=4, seed=2)
    again, _ = show_gan(gan.path / "generator.safetensors", tmp_path / "two", points=3, steps=4, seed=2)
    with Image.open(film) as opened:
        assert opened.n_frames > 1
    assert film.read_bytes() == again.read_bytes()
    assert sheet.stat().st_size > 0


@pytest.mark.parametrize("name", ["encoder.safetensors", "nothing.safetensors", "config.yml"])
def test_what_is_no_generator_is_refused(gan, name):
    with pytest.raises(InputError, match=name):
        load_generator(gan.path / name)


def test_models_of_a_gan_are_a_data_set_like_any_other(config, velocity_gan, tmp_path):
    data = replace(config.data, folder=str(tmp_path / "drawn"))
    drawn = with_gan_velocity(data, velocity_gan.path / "generator.safetensors", nothing)
    models_NZX = np.load(drawn.velocity_file.path)
    assert models_NZX.shape == (32, 24, 24)
    assert 1000 < models_NZX.min() < models_NZX.max() < 5000
    again = with_gan_velocity(data, velocity_gan.path / "generator.safetensors", nothing)
    np.testing.assert_array_equal(np.load(again.velocity_file.path), models_NZX)
    assert generate(drawn, workers=1, progress=False).made == 32


def test_models_of_another_grid_or_of_shots_are_refused(config, gan, velocity_gan):
    other = replace(config.data, grid=replace(config.data.grid, nx=32))
    with pytest.raises(InputError, match="24 x 24 cells"):
        with_gan_velocity(other, velocity_gan.path / "generator.safetensors", nothing)
    with pytest.raises(InputError, match="a generator of gathers"):
        with_gan_velocity(config.data, gan.path / "generator.safetensors", nothing)


def test_a_copy_of_a_training_model_is_nearer_than_the_limit_mirrored_too():
    known = torch.rand(20, 8, 8, generator=torch.Generator().manual_seed(1))
    limit = copy_distance(known)
    assert (nearest(known[:2].flip(2) + 0.01, known) < limit).all()
    assert (nearest(1 - known[:2] + 3, known) > limit).all()
