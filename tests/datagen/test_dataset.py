from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Subset

from datagen.config import Data
from datagen.dataset import ShardDataset, loader
from datagen.errors import InputError
from datagen.generate import generate
from datagen.velocity import draw_velocity

MakeData = Callable[..., Data]


@pytest.fixture
def data(make_data: MakeData, echo_engine: Any) -> Data:
    data = make_data(dtype="float16")
    generate(data, workers=1, engine=echo_engine)
    return data


def test_each_split_holds_its_own_samples_in_order(data: Data) -> None:
    for split, first, models in (("train", 0, 20), ("validation", 20, 8), ("test", 28, 5)):
        dataset = ShardDataset(data.folder, split, "velocity")
        assert len(dataset) == models
        statistics = dataset.statistics
        half_range = (statistics.velocity_max - statistics.velocity_min) / 2
        for index in (0, models // 2, models - 1):
            _, target_1ZX = dataset[index]
            velocity_ZX = (target_1ZX[0].numpy() + 1) * half_range + statistics.velocity_min
            np.testing.assert_allclose(velocity_ZX, draw_velocity(data, first + index), rtol=1e-5)


def test_an_index_beyond_the_split_is_refused(data: Data) -> None:
    for split, models in (("train", 20), ("validation", 8), ("test", 5)):
        with pytest.raises(IndexError):
            ShardDataset(data.folder, split)[models]


def test_targets_are_normalised(data: Data) -> None:
    _, velocity_B1ZX = next(iter(loader(ShardDataset(data.folder, "train", "velocity"), 20)))
    assert velocity_B1ZX.min() == -1
    assert velocity_B1ZX.max() == 1
    dataset = ShardDataset(data.folder, "train", "rtm")
    _, image_B1ZX = next(iter(loader(dataset, 20)))
    stored = np.load(Path(data.folder) / "image1.npy") / dataset.statistics.image_scale
    np.testing.assert_allclose(image_B1ZX[:8].numpy(), np.clip(stored, -1, 1), rtol=1e-5)
    assert image_B1ZX.abs().max() == 1


def test_a_batch_is_its_samples_whatever_shards_they_are_in(data: Data) -> None:
    dataset = ShardDataset(data.folder, "train")
    indices = [17, 3, 9, 8, 3, 19]
    shots_BSTR, target_B1ZX = dataset.__getitems__(indices)
    assert shots_BSTR.shape == (6, 3, 20, 24)
    assert shots_BSTR.dtype == target_B1ZX.dtype == torch.float32
    for row, index in enumerate(indices):
        torch.testing.assert_close(shots_BSTR[row], dataset[index][0], rtol=0, atol=0)
        torch.testing.assert_close(target_B1ZX[row], dataset[index][1], rtol=0, atol=0)


def test_the_loader_visits_every_sample_once_in_the_order_of_its_seed(data: Data) -> None:
    dataset = ShardDataset(data.folder, "train")

    def two_epochs(seed: int) -> torch.Tensor:
        batches = loader(dataset, 6, shuffle=True, seed=seed)
        return torch.cat([shots.abs().sum((1, 2, 3)) for _ in range(2) for shots, _ in batches])

    ordered = torch.cat([shots.abs().sum((1, 2, 3)) for shots, _ in loader(dataset, 6)])
    first, again, other = two_epochs(1), two_epochs(1), two_epochs(2)
    torch.testing.assert_close(first[:20].sort().values, ordered.sort().values, rtol=0, atol=0)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[:20], first[20:])


@pytest.mark.parametrize(("batch", "shuffle", "sizes"), [(19, True, [19]), (19, False, [19, 1]), (9, True, [9, 9, 2])])
def test_a_single_sample_is_no_batch_to_train_with(data: Data, batch: int, shuffle: bool, sizes: list[int]) -> None:
    dataset = ShardDataset(data.folder, "train")
    assert [len(shots) for shots, _ in loader(dataset, batch, shuffle=shuffle)] == sizes


def test_shuffling_leaves_the_global_generator_alone(data: Data) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    list(loader(ShardDataset(data.folder, "train"), 6, shuffle=True, seed=1))
    assert torch.equal(torch.rand(3), expected)


def test_mirroring_flips_shots_receivers_and_target_together(data: Data) -> None:
    plain = ShardDataset(data.folder, "train")
    mirrored = ShardDataset(data.folder, "train", mirror=True)
    torch.manual_seed(0)
    flips = 0
    for (shots, target), (shots_m, target_m) in zip(loader(plain, 5), loader(mirrored, 5), strict=True):
        for row in range(len(shots)):
            flip = not torch.equal(target[row], target_m[row])
            flips += flip
            expected = (shots[row].flip(0, 2), target[row].flip(2)) if flip else (shots[row], target[row])
            torch.testing.assert_close((shots_m[row], target_m[row]), expected, rtol=0, atol=0)
    assert 4 <= flips <= 16


def test_a_survey_that_is_not_its_own_mirror_image_is_not_mirrored(make_data: MakeData, echo_engine: Any) -> None:
    survey = replace(make_data().survey, source_positions=(0.0, 10.0, 20.0))
    data = make_data("one_sided", survey=survey)
    generate(data, workers=1, engine=echo_engine)
    with pytest.raises(InputError, match=r"training.mirror: .* cells off"):
        ShardDataset(data.folder, "train", mirror=True)
    assert len(ShardDataset(data.folder, "train")) == 20


def test_a_subset_is_loaded_batch_by_batch(data: Data) -> None:
    dataset = ShardDataset(data.folder, "train", mirror=True)
    batches = list(loader(Subset(dataset, range(1, 20, 2)), 4, shuffle=True, seed=3))
    assert [len(shots) for shots, _ in batches] == [4, 4, 2]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine of one core
@pytest.mark.parametrize("workers", [0, 2])
def test_worker_processes_give_the_same_batches(data: Data, workers: int) -> None:
    dataset = ShardDataset(data.folder, "train")
    batches = torch.utils.data.DataLoader(dataset, 8, collate_fn=lambda batch: batch, num_workers=workers)
    shots_BSTR = torch.cat([shots for shots, _ in batches])
    torch.testing.assert_close(shots_BSTR, dataset.__getitems__(range(20))[0], rtol=0, atol=0)


def test_wrong_names_list_the_known_ones(data: Data) -> None:
    with pytest.raises(InputError, match="got 'tset'; known: train, validation, test"):
        ShardDataset(data.folder, "tset")
    with pytest.raises(InputError, match="got 'depth'; known: rtm, velocity"):
        ShardDataset(data.folder, "train", "depth")


def test_a_truncated_shard_is_refused_when_opened(data: Data) -> None:
    file = Path(data.folder) / "data2.npy"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"data2\.npy: damaged"):
        ShardDataset(data.folder, "train")
    ShardDataset(data.folder, "test")


def test_a_missing_data_set_is_told(make_data: MakeData) -> None:
    with pytest.raises(InputError, match="seisnas generate"):
        ShardDataset(make_data("nowhere").folder, "train")
