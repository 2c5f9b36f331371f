import copy

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from compressors.config import Compress
from compressors.level import KeepZeros, apply_masks, measure_sparsity, prune, sparsities
from datagen.errors import InputError


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),  # depthwise: few weights
        nn.ConvTranspose2d(8, 4, 2, stride=2),
        nn.Flatten(),
        nn.Linear(4 * 8 * 8, 5),
    )


class Regression(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch, index):
        return (self.network(batch[0]) - 1).square().mean()

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.01, weight_decay=0.1)


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.77, 0.9])
def test_the_target_sparsity_is_reached_to_a_tenth_of_a_percent(sparsity):
    network = small_network()
    prune(network, sparsity)
    assert measure_sparsity(network) == pytest.approx(sparsity, abs=1e-3)


def test_every_layer_has_the_sparsity_and_none_vanishes():
    network = small_network()
    prune(network, 0.98, "layer")
    for layer in (network[0], network[3], network[4], network[6]):
        zeros = int((layer.weight == 0).sum())
        assert zeros < layer.weight.numel()
        assert zeros == pytest.approx(0.98 * layer.weight.numel(), abs=2)


def test_a_layer_of_one_weight_keeps_it():
    network = nn.Sequential(nn.Linear(50, 1), nn.Linear(1, 1), nn.Linear(1, 50))
    prune(network, 0.97)
    assert network[1].weight != 0


def test_the_smallest_weights_go_and_the_others_keep_their_value():
    network = small_network()
    before = network[6].weight.detach().clone()
    masks = prune(network, 0.5)
    kept = masks["6.weight"]
    assert before[~kept].abs().max() <= before[kept].abs().min()
    assert torch.equal(network[6].weight[kept], before[kept])


def test_biases_and_normalisation_are_left_alone():
    network = small_network()
    before = copy.deepcopy(network.state_dict())
    prune(network, 0.9)
    for name in ("0.bias", "1.weight", "1.bias", "1.running_var", "4.bias", "6.bias"):
        assert torch.equal(network.state_dict()[name], before[name])


def test_the_network_is_a_plain_module_afterwards():
    network = small_network()
    keys, parameters = list(network.state_dict()), list(network.parameters())
    prune(network, 0.5)
    assert list(network.state_dict()) == keys
    assert all(now is before for now, before in zip(network.parameters(), parameters, strict=True))
    assert not any("forward" in vars(layer) or hasattr(layer, "_nni_wrapper") for layer in network.modules())


@pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*smaller than the logging interval",
    "ignore:.*isinstance.treespec, LeafSpec:FutureWarning",  # Lightning on this torch
)
def test_zeros_stay_zero_through_training_and_the_rest_learns():
    network = small_network()
    masks = prune(network, 0.7)
    before = copy.deepcopy(network.state_dict())
    data = torch.utils.data.TensorDataset(torch.randn(16, 2, 4, 4))
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[KeepZeros(network, masks)],
    )
    trainer.fit(Regression(network), torch.utils.data.DataLoader(data, batch_size=4))
    for name, mask in masks.items():
        now = network.state_dict()[name]
        assert (now[~mask] == 0).all()
        assert not torch.equal(now[mask], before[name][mask])


def test_pruning_again_adds_to_the_zeros():
    network = small_network()
    first = prune(network, 0.4)
    second = prune(network, 0.6)
    assert measure_sparsity(network) == pytest.approx(0.6, abs=1e-3)
    assert all((network.get_parameter(name)[~first[name]] == 0).all() for name in second)


def test_masks_also_clear_weights_that_are_not_numbers():
    network = small_network()
    masks = prune(network, 0.5)
    with torch.no_grad():
        network[6].weight.fill_(float("nan"))
    apply_masks(network, masks)
    assert (network[6].weight[~masks["6.weight"]] == 0).all()


def test_the_gradual_schedule_rises_to_the_target_in_shrinking_steps():
    schedule = sparsities(Compress(sparsity=0.8, schedule="gradual", steps=4))
    steps = torch.tensor([0.0, *schedule]).diff()
    assert schedule[-1] == pytest.approx(0.8)
    assert (steps > 0).all()
    assert (steps.diff() < 0).all()


def test_one_shot_goes_straight_to_the_target():
    assert sparsities(Compress(sparsity=0.8, schedule="one_shot", steps=4)) == [0.8]


def test_a_network_that_is_one_layer_can_be_pruned():
    layer = nn.Linear(10, 10)
    assert set(prune(layer, 0.5)) == {"weight"}
    assert measure_sparsity(layer) == 0.5


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, float("nan")])
def test_a_sparsity_out_of_range_is_refused(sparsity):
    with pytest.raises(InputError, match=r"compress\.sparsity"):
        prune(small_network(), sparsity)


def test_a_network_without_weights_is_refused():
    with pytest.raises(InputError, match="no convolution"):
        prune(nn.ReLU(), 0.5)


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.77, 0.98])
def test_lamp_takes_the_weights_of_lowest_score_in_all_layers(sparsity):
    network = small_network()
    scores = {name: lamp_by_its_definition(layer.weight) for name, layer in network.named_children() if prunable(layer)}
    masks = prune(network, sparsity, "lamp")
    assert measure_sparsity(network) == pytest.approx(sparsity, abs=1e-3)
    gone = torch.cat([score[~masks[f"{name}.weight"]] for name, score in scores.items()])
    kept = torch.cat([score[masks[f"{name}.weight"]] for name, score in scores.items()])
    assert gone.max() <= kept.min()
    assert all(mask.any() for mask in masks.values())


def lamp_by_its_definition(weight: torch.Tensor) -> torch.Tensor:
    """Lee et al. 2021, equation 4, weight by weight."""
    squares = weight.detach().double().square()
    return torch.stack([s / squares[squares >= s].sum() for s in squares.flatten()]).view_as(squares)


def prunable(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)


def test_lamp_does_not_mind_the_scale_of_a_layer():
    """A normalisation behind a layer takes its scale out, so it says nothing of what the weights are worth."""
    network = small_network()
    scaled = copy.deepcopy(network)
    with torch.no_grad():
        scaled[6].weight.mul_(0.01)
    masks, same = prune(network, 0.6, "lamp"), prune(scaled, 0.6, "lamp")
    assert all(torch.equal(masks[name], same[name]) for name in masks)


def test_lamp_leaves_more_of_a_layer_with_few_weights():
    network = small_network()
    prune(network, 0.6, "lamp")
    zeros = {name: float((network.get_submodule(name).weight == 0).float().mean()) for name in ("3", "6")}
    assert zeros["3"] < 0.5 < zeros["6"]
