from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from datagen.errors import InputError
from search_spaces.picks import REACH, find_picks, row_to_sample, sample_to_row
from trials.results.export import export
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import load
from trials.settings.picking import Picking
from trials.stages.execute import execute
from trials.training.fit import evaluate
from trials.training.networks import trained
from trials.training.picking.gather_set import gather_set
from trials.training.picking.pick_scores import pick_scores
from trials.training.picking.picking import pick_loss
from trials.training.picking.vary import vary, with_fewer_receivers

SETTINGS = {
    "name": "tiny",
    "target": "first_break",
    "data": {
        "folder": "none",
        "grid": {"nz": 16, "nx": 16, "spacing": 1.0},
        "survey": {"shots": 1, "receivers": 8, "frequency": 60.0, "interval": 0.001, "samples": 64},
        "split": {"train": 1, "validation": 1, "test": 1},
    },
    "network": {"model": "unet", "front": {"kind": "gather", "rows": 32}, "depth": 3, "width": 8},
    "training": {"batch_size": 8, "mirror": False, "ema": 0.9},
    "tune": {"epochs": 4, "learning_rate": 1.0e-2},
    "picking": {"draws": 160, "width": 2.0e-3},
}


def wavelets(times_SR, samples=64):
    """A gather of damped swings that start at these samples, over weak noise."""
    after = np.arange(samples)[None, :, None] - times_SR[:, None]
    swing = np.where(after >= 0, np.sin(0.8 * after) * np.exp(-0.1 * np.clip(after, 0, None)), 0)
    return (swing + 0.01 * np.random.default_rng(0).standard_normal(swing.shape)).astype(np.float32)


@pytest.fixture
def labelled(tmp_path):
    times_SR = np.stack([12 + slope * np.abs(np.arange(8) - at) for slope, at in ((3, 1), (4, 3), (5, 5), (3.5, 6))])
    np.savez(tmp_path / "a.npz", shots=wavelets(times_SR), first_break_s=1e-3 * times_SR, interval=0.001)
    return tmp_path / "a.npz"


@pytest.fixture
def make_config(tmp_path, labelled):
    (tmp_path / "tiny.yml").write_text(yaml.safe_dump(SETTINGS))
    return lambda **changes: load(
        tmp_path / "tiny.yml",
        {"picking.labelled": str(labelled)},
        {k.replace("__", "."): v for k, v in changes.items()},
    )


def test_a_peak_between_rows_is_picked_between_samples():
    logits = -0.5 * ((torch.arange(32.0)[:, None] - torch.tensor([10.3, 20.0])) / 1.2) ** 2
    time, confidence = find_picks(logits[None, None], 64)[0]
    assert torch.allclose(sample_to_row(time, 64, 32), torch.tensor([10.3, 20.0]), atol=0.02)
    assert (confidence > 0.99).all()


def test_confidence_is_the_share_near_the_peak():
    share = torch.full((1, 1, 40, 1), 1e-9)
    share[0, 0, 10], share[0, 0, 10 + REACH + 2] = 0.7, 0.3
    time, confidence = find_picks(share.log(), 40)[0, :, 0]
    assert (float(time), float(confidence)) == (pytest.approx(10, abs=1e-4), pytest.approx(0.7, abs=1e-4))


def test_rows_and_samples_are_each_others_inverse():
    at = torch.linspace(0, 767, 9)
    assert torch.allclose(row_to_sample(sample_to_row(at, 768, 256), 768, 256), at, atol=1e-3)


def test_traces_without_a_label_do_not_count():
    logits, labels = torch.randn(1, 1, 32, 3), torch.tensor([[10.0, float("nan"), 20.0]])
    alone = pick_loss(logits[..., [0, 2]], labels[:, [0, 2]], 64, 2.0)
    assert torch.allclose(pick_loss(logits, labels, 64, 2.0), alone)
    assert float(pick_loss(logits, torch.full((1, 3), torch.nan), 64, 2.0)) == 0
    scores = pick_scores(torch.tensor([[11.0, 0.0, 24.0]]), labels, 0.001)
    assert (float(scores["mae_ms"]), float(scores["hit_3"])) == (pytest.approx(2.5), 0.5)


def test_labels_move_with_their_gathers():
    onset = np.array([[20.0, 24, 28, 32, 30, 26, 22, 18]])
    step = (np.arange(64)[:, None] >= onset[0]).astype(np.float32)
    picking = Picking(stretch=(0.7, 1.3), shift=(0.0, 0.01), gain=(0.0, 0.0), echo=0.0)
    for seed in range(8):
        gather_TR, picks_R = vary(step, onset[0], 64, picking, 0.001, np.random.default_rng(seed))
        found_R = (np.abs(gather_TR) > 0.5).argmax(0)
        known = np.isfinite(picks_R)
        assert known.sum() > 3
        assert np.abs(found_R - picks_R)[known].max() <= 1.5


def test_a_window_elsewhere_has_no_break_that_it_does_not_show():
    onset = np.linspace(20.0, 40, 8)
    record = np.where(np.arange(80)[:, None] >= onset, 10.0, 1.0).astype(np.float32)
    picking = Picking(stretch=(1.0, 1.0), gain=(0.0, 0.0), echo=0.0, elsewhere=1.0)
    shown = []
    for seed in range(40):
        gather_TR, picks_R = vary(record, onset, 64, picking, 0.001, np.random.default_rng(seed))
        high_TR = np.abs(gather_TR) > 5
        changes_R = (np.diff(high_TR, axis=0) != 0).sum(0)
        assert (changes_R == np.isfinite(picks_R)).mean() >= 0.75  # others break at its very edge
        shown.append(np.isfinite(picks_R).mean())
    assert min(shown) == 0
    assert max(shown) == 1


def test_fewer_receivers_keep_their_labels_and_leave_the_rest_dead():
    gather_TR = np.ones((16, 1), np.float32) * np.arange(1, 25)
    for seed in range(20):
        fewer_TR, picks_R = with_fewer_receivers(gather_TR, np.arange(1.0, 25), np.random.default_rng(seed))
        alive_R = fewer_TR.any(0)
        assert 6 <= alive_R.sum() <= 24
        assert np.array_equal(fewer_TR[0, alive_R], picks_R[alive_R])
        assert np.isnan(picks_R[~alive_R]).all()
        assert len(set(np.diff(picks_R[alive_R]))) == 1


def test_a_break_outside_the_window_makes_all_rows_alike():
    labels = torch.tensor([[torch.inf]])
    flat, sure = torch.zeros(1, 1, 32, 1), torch.zeros(1, 1, 32, 1)
    sure[0, 0, 5] = 5
    assert float(pick_loss(flat, labels, 64, 2.0)) == pytest.approx(float(np.log(32)))
    assert pick_loss(sure, labels, 64, 2.0) > pick_loss(flat, labels, 64, 2.0)
    assert float(find_picks(flat, 64)[0, 1, 0]) < 0.3


def test_breaks_late_in_a_long_record_are_learned_from(make_config, tmp_path):
    times_SR = np.stack([300 + 3 * np.arange(8), 500 - 4 * np.arange(8)])
    np.savez(tmp_path / "long.npz", shots=wavelets(times_SR, 1000), first_break_s=1e-3 * times_SR, interval=0.001)
    gathers = gather_set(make_config(picking__labelled=str(tmp_path / "long.npz")), "train")
    for gather_TR, picks_R in zip(gathers.gathers_NTR, gathers.picks_NR, strict=True):
        known = np.isfinite(picks_R)
        assert known.any()
        loud_R = (np.abs(gather_TR) > 0.1).argmax(0)
        assert np.abs(loud_R - picks_R)[known].max() <= 3


def test_the_same_seed_epoch_and_number_draw_the_same_gather(make_config):
    first, second = (gather_set(make_config(), "train", varied=True) for _ in range(2))
    assert torch.equal(first.__getitems__([3, 5])[0], second.__getitems__([5, 3])[0].flip(0))
    second.epoch = 1
    assert not torch.equal(first[3][0], second[3][0])


def test_held_gathers_are_not_trained_on(make_config):
    config = make_config(picking__held_out=[1])
    assert (len(gather_set(config, "train").picks_NR), len(gather_set(config, "test").picks_NR)) == (3, 1)
    with pytest.raises(InputError, match=r"\[1\] are in picking\.train too"):
        gather_set(make_config(picking__held_out=[1], picking__train=[0, 1]), "train")
    with pytest.raises(InputError, match="has gathers 0 to 3"):
        gather_set(make_config(picking__held_out=[4]), "train")


def test_labels_keep_their_time_when_gathers_are_resampled(make_config):
    config = make_config()
    coarse = replace(config, data=replace(config.data, survey=replace(config.data.survey, interval=0.002, samples=32)))
    fine_NR, coarse_NR = (gather_set(each, "train").picks_NR for each in (config, coarse))
    assert np.nanmax(np.abs(2 * coarse_NR + 0.5 - fine_NR)) < 1e-3


def test_a_file_without_labels_is_refused(make_config, tmp_path):
    np.save(tmp_path / "b.npy", np.zeros((2, 64, 8)))
    with pytest.raises(InputError, match="has no labels"):
        gather_set(make_config(picking__labelled=str(tmp_path / "b.npy")), "train")


def test_target_and_front_need_each_other(make_config):
    with pytest.raises(InputError, match=r"first_break and network.front gather need each other"):
        make_config(target="rtm")


def test_a_picker_learns_goes_on_from_weights_and_is_exported(make_config, tmp_path):
    config = make_config(picking__held_out=[3])
    run = RunFolder(tmp_path / "run")
    result = execute("tune", config, run, Channel())
    untrained = evaluate(trained(run).apply(_forget), config, "test")
    assert result["mae_ms"] < 0.5 * untrained["mae_ms"]
    assert result["default"] == result["hit_5"]
    again = make_config(
        picking__held_out=[3], picking__start=str(run.path / "weights.safetensors"), picking__draws=8, tune__epochs=1
    )
    assert execute("tune", again, RunFolder(tmp_path / "more"), Channel())["mae_ms"] < untrained["mae_ms"]
    card = (export(run, tmp_path / "bundle") / "README.md").read_text()
    assert "hit_5" in card
    assert "seisnas pick" in card


def _forget(module):
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()


def test_a_picker_is_searched_and_pruned_as_other_networks(make_config, tmp_path):
    small = {"picking__draws": 16, "tune__epochs": 1, "network__model": "nasunet", "network__operations": "small"}
    search = {"search__epochs": 1, "search__warmup_epochs": 0, "search__samples": 16, "search__retrain_epochs": 1}
    compress = {"compress__epochs": 1, "compress__sparsity": 0.5}
    config = make_config(network__depth=2, network__width=4, **small, **search, **compress)
    searched = RunFolder(tmp_path / "search")
    found = execute("search", config, searched, Channel())
    assert 0 <= found["hit_5"] <= 1
    config = make_config(network__depth=2, network__width=4, network__genotype=found["genotype"], **small, **compress)
    pruned = execute("compress", config, RunFolder(tmp_path / "compress"), Channel(), source=_tuned(config, tmp_path))
    assert pruned["nonzero"] < 0.7 * pruned["parameters"]


def _tuned(config, folder):
    run = RunFolder(folder / "tune")
    execute("tune", config, run, Channel())
    return run
