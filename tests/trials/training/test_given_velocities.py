"""Velocities that a migrating network is given in training: errors, samples, a training that goes on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from datagen.config import Data
from datagen.dataset import ShardDataset
from datagen.targets import VelocityModel
from search_spaces.build import build
from search_spaces.config import Migrate, Network
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, Tune
from trials.settings.training import Given, Training
from trials.stages.execute import execute
from trials.training.migrating.given_velocities import LENGTH, draw_given, smooth_errors
from trials.training.tasks import Batch, make_task

LIMITS = (1500.0, 4500.0)  # [m/s]


@pytest.fixture(scope="module")
def config(tiny_data: dict[str, Any]) -> Config:
    return Config(
        name="tiny",
        target="both",
        device="cpu",
        data=TypeAdapter(Data).validate_python(tiny_data),
        network=Network(model="unet", depth=2, width=4, front=Migrate(fold=2)),
        training=Training(batch_size=4, given=Given(share=0.5, error=0.05)),
        tune=Tune(epochs=2),
    )


@pytest.fixture
def network(config: Config) -> MigratingNetwork:
    torch.manual_seed(0)
    network = build(config.network, Shape.of(config.data), 1.0)
    assert isinstance(network, MigratingNetwork)
    return network


@pytest.fixture(scope="module")
def batch(config: Config) -> Batch:
    return ShardDataset(config.data.folder, "train", "both").__getitems__(range(8))


def tuned(config: Config, folder: Path, channel: Channel | None = None) -> RunFolder:
    run = RunFolder(folder)
    execute("tune", config, run, channel or Channel())
    return run


def test_errors_have_the_size_that_is_asked() -> None:
    size_B = torch.tensor([0.0, 0.01, 0.05, 0.1])
    torch.testing.assert_close(smooth_errors(size_B, 70, 50).square().mean((1, 2, 3)).sqrt(), size_B)


def test_errors_are_smooth_and_as_large_at_the_edges_as_in_the_middle() -> None:
    torch.manual_seed(0)
    error_BZX = smooth_errors(torch.ones(512), 70, 50)[:, 0]
    slope = error_BZX.diff(dim=2).square().mean().sqrt()
    assert float(slope) == pytest.approx(1 / (2**0.5 * LENGTH), rel=0.1)  # that of noise behind a Gaussian
    for place_BZX in (error_BZX[:, :4, :4], error_BZX[:, 33:37, 23:27], error_BZX[:, -4:, 23:27]):
        assert float(place_BZX.square().mean().sqrt()) == pytest.approx(1, rel=0.15)


def test_sizes_are_even_up_to_the_largest_and_errors_those_of_the_velocity_itself() -> None:
    torch.manual_seed(0)
    scale = VelocityModel(lowest=LIMITS[0], highest=LIMITS[1])
    true_B1ZX = torch.rand(512, 1, 24, 24) - 0.5
    given_B1ZX, chosen_B = draw_given(Given(share=0.25, error=0.08), true_B1ZX, LIMITS)
    ratio_B1ZX = scale.denormalise(given_B1ZX) / scale.denormalise(true_B1ZX)
    size_B = (ratio_B1ZX - 1).square().mean((1, 2, 3)).sqrt()
    assert size_B.max() < 0.0801
    assert float(size_B.quantile(0.5)) == pytest.approx(0.04, rel=0.1)
    assert float(chosen_B.float().mean()) == pytest.approx(0.25, abs=0.06)


def test_a_velocity_without_an_error_is_the_true_one() -> None:
    true_B1ZX = torch.rand(4, 1, 24, 24)
    given_B1ZX, chosen_B = draw_given(Given(share=1.0, error=0.0), true_B1ZX, LIMITS)
    torch.testing.assert_close(given_B1ZX, true_B1ZX)
    assert chosen_B.all()


def test_a_training_step_migrates_in_what_is_given(config: Config, network: MigratingNetwork, batch: Batch) -> None:
    network.eval()  # batches are not normalised together
    shots_BSTR, (velocity_B1ZX, chosen_B) = make_task(config).seen(network, batch)
    assert 0 < chosen_B.sum() < len(chosen_B)
    image_B1ZX = network(shots_BSTR, (velocity_B1ZX, chosen_B))[:, 1:2]
    in_it_B1ZX = network.in_velocity(shots_BSTR, velocity_B1ZX)
    torch.testing.assert_close(image_B1ZX[chosen_B], in_it_B1ZX[chosen_B])
    assert (image_B1ZX[~chosen_B] != in_it_B1ZX[~chosen_B]).any()


def test_a_share_of_zero_draws_nothing_and_shows_the_shots_alone(
    config: Config, network: MigratingNetwork, batch: Batch
) -> None:
    without = replace(config, training=replace(config.training, given=Given(share=0.0, error=0.3)))
    before = torch.get_rng_state()
    seen = make_task(without).seen(network, batch)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(seen) == 1
    assert seen[0] is batch[0]


def test_all_parts_learn_where_every_sample_is_given_a_velocity(
    config: Config, network: MigratingNetwork, batch: Batch
) -> None:
    task = make_task(replace(config, training=replace(config.training, given=Given(share=1.0))))
    task.terms(network(*task.seen(network, batch)), batch)["loss"].backward()
    for weight in network.parameters():
        assert weight.grad is not None
        assert weight.grad.isfinite().all()
    assert all(weight.grad.abs().max() > 0 for weight in network.velocity.head.parameters())


def test_a_training_that_goes_on_draws_the_same_velocities(config: Config, tmp_path: Path) -> None:
    class Interrupted(Channel):
        def intermediate(self, metrics: Any) -> None:
            if metrics["epoch"] == 2:  # the first has left its checkpoint
                raise KeyboardInterrupt

    whole = tuned(config, tmp_path / "whole").load_weights()
    with pytest.raises(KeyboardInterrupt):
        tuned(config, tmp_path / "cut", Interrupted())
    resumed = tuned(config, tmp_path / "cut").load_weights()
    other = replace(config, training=replace(config.training, given=Given()))
    never = tuned(other, tmp_path / "never").load_weights()
    for name, weight in whole.items():
        torch.testing.assert_close(resumed[name], weight, rtol=1e-4, atol=1e-5)
    assert any(not torch.allclose(never[name], weight) for name, weight in whole.items())
