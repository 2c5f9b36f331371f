"""The recipe of `seisnas pick-train`."""

import numpy as np
import pytest
import yaml

from compressors.bundles.untrained import untrained_bundle
from datagen.errors import InputError
from tests.trials.training.picking.test_picking import SETTINGS, wavelets
from trials import pick_train as recipe
from trials.results.pick_errors import Found
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import load
from trials.stages.execute import execute
from trials.training.picking.fine_tuning import pairs_held_out


def test_neighbours_are_held_out_together_and_each_once():
    folds = pairs_held_out(5)
    assert [held for _, held in folds] == [[0, 1], [2, 3], [4]]
    assert all(sorted(train + held) == list(range(5)) for train, held in folds)
    assert pairs_held_out(2) == []


def test_the_table_counts_what_is_far_off_and_what_a_confidence_is_worth():
    found = Found(error_N=np.array([1.0, -1, 2, 20]), confidence_N=np.array([0.9, 0.8, 0.8, 0.1]), interval=0.00025)
    told = recipe.table(found, found)
    assert "mean error 6.00 ms, median 1.50 ms, bias +1.50 ms, 25% more than 15 samples off" in told
    assert "confidence of 0.7 or more: 75% of the traces, 100% within 3 ms" in told


def test_a_few_labelled_gathers_become_a_bundle_and_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipe, "recipe", lambda labelled: (1.0e-3, 2))
    times_SR = 12.0 + np.arange(8) + np.arange(4)[:, None]
    np.savez("mine.npz", gathers=wavelets(times_SR), first_break_s=1e-3 * times_SR, interval=0.001)
    (tmp_path / "tiny.yml").write_text(yaml.safe_dump(SETTINGS))
    config = load("tiny.yml")
    bundle = untrained_bundle(tmp_path / "start", config.network, config.data, "first_break")
    told = []
    folder = recipe.pick_train(
        [tmp_path / "mine.npz"],
        None,
        told.append,
        preset=tmp_path / "tiny.yml",
        changes={},
        start=bundle,
    )
    assert (folder / "model.onnx").exists()
    assert told[0].startswith("32 traces of gathers held out")
    assert "classical" in told[0]


def test_gathers_without_labels_teach_by_their_own_onsets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipe, "own_recipe", lambda gathers: (1.0e-3, 2))
    times_SR = 12.0 + np.arange(8) + np.arange(4)[:, None]
    np.savez("picked.npz", gathers=wavelets(times_SR), first_break_s=1e-3 * times_SR, interval=0.001)
    (tmp_path / "mine").mkdir()
    for number, gather_TR in enumerate(wavelets(times_SR)):
        np.savez(tmp_path / f"mine/{number}.npz", gather=gather_TR, interval=0.001)
    (tmp_path / "tiny.yml").write_text(yaml.safe_dump(SETTINGS))
    config = load("tiny.yml", {"picking.labelled": "picked.npz"})
    execute("tune", config, RunFolder("base"), Channel())
    told = []
    folder = recipe.pick_train(
        [tmp_path / "mine"],
        None,
        told.append,
        preset=tmp_path / "tiny.yml",
        changes={},
        start=tmp_path / "base/weights.safetensors",
    )
    assert (folder / "model.onnx").exists()
    assert told[0].startswith("round 1 of 2: ")
    assert "4 gather(s)" in told[0]
    assert told[-1] == "the error is not known: nobody has picked these gathers"


def test_labels_in_one_of_several_files_are_told(tmp_path):
    (tmp_path / "tiny.yml").write_text(yaml.safe_dump(SETTINGS))
    for name, labels in (("a", {"first_break_s": np.full((1, 8), 0.01)}), ("b", {})):
        np.savez(tmp_path / f"{name}.npz", gathers=np.ones((1, 64, 8)), interval=0.001, **labels)
    with pytest.raises(InputError, match=r"a\.npz: has labels and is one of 2 files"):
        recipe.pick_train(
            [tmp_path / "a.npz", tmp_path / "b.npz"], None, print, preset=tmp_path / "tiny.yml", changes={}
        )


def test_gathers_without_an_interval_are_refused_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yml").write_text(yaml.safe_dump(SETTINGS))
    np.savez("a.npz", gathers=np.ones((1, 64, 8)))
    np.savez("labelled.npz", gathers=np.ones((1, 64, 8)), first_break_s=np.full((1, 8), 0.01))
    for name in ("a.npz", "labelled.npz"):
        with pytest.raises(InputError, match=f"{name}: has no sampling interval; give it with --interval"):
            recipe.pick_train([tmp_path / name], None, print, preset=tmp_path / "tiny.yml", changes={})
    assert not (tmp_path / "runs").exists()
