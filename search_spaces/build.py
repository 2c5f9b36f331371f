"""From the configuration to a network."""

from math import isfinite

from torch import nn

from datagen.errors import InputError
from search_spaces.config import Migrate, Network
from search_spaces.fronts.migration import Migration
from search_spaces.fronts.survey_front import SurveyFront, make_front
from search_spaces.genotype import Genotype
from search_spaces.narrow import narrow
from search_spaces.networks.contract import Features, ImagingNetwork
from search_spaces.networks.inversion_net import InversionNet
from search_spaces.networks.migrating import MigratingNetwork, given_fronts
from search_spaces.networks.nas_unet import NasUnet
from search_spaces.networks.unet import UNet, doubling
from search_spaces.networks.unet_small import shrunk_unet
from search_spaces.shape import Shape


def build(network: Network, shape: Shape, shot_scale: float) -> nn.Module:
    """The network with fresh weights: shots `[B, S, T, R]` → normalised image `[B, 1, Z, X]`.

    Behind a front that migrates: velocity and image, `[B, 2, Z, X]`, as networks/migrating.py.

    `shot_scale` is the 90th percentile of the amplitude of the training shots.  A NasUnet has the size of its
    genotype; a pruned network has the channels that remain.  `network.encoder_init` is applied in training.
    Raises InputError for shots that are mostly zero, for a NasUnet without a genotype, for a size that a small
    U-Net cannot have, and for channels that do not fit.
    """
    whole = _whole(network, shape, shot_scale)
    if network.channels is not None:
        narrow(whole, network.channels, shape)
    return whole


def _whole(network: Network, shape: Shape, shot_scale: float) -> nn.Module:
    """The unpruned network."""
    if not (isfinite(shot_scale) and shot_scale > 0):
        raise InputError(
            f"shots: their scale (90th percentile of the amplitude) is {shot_scale}, it must be above 0; "
            "mostly empty records cannot be normalised, check the data set"
        )
    if network.model == "inversionnet":
        return InversionNet(shape, shot_scale)
    if network.model == "nasunet":
        _genotype(network)  # a missing one is reported before a front is made
    if isinstance(network.front, Migrate):
        return _migrating(network, network.front, shape, shot_scale)
    return network_behind(make_front(network, shape, shot_scale), network)


def _migrating(network: Network, migrate: Migrate, shape: Shape, shot_scale: float) -> MigratingNetwork:
    front, migration = _migration(migrate, shape, shot_scale)
    velocity, image = (network_behind(given, network) for given in given_fronts(front, migration, (shape.nz, shape.nx)))
    assert shape.geometry is not None, "a migration needs the geometry of the survey"
    limits = shape.geometry.velocity_limits
    return MigratingNetwork(front, velocity, migration, image, limits, migrate.passes)


def _migration(migrate: Migrate, shape: Shape, shot_scale: float) -> tuple[SurveyFront, Migration]:
    rows = migrate.fold * shape.nz
    return (
        SurveyFront(shape, shot_scale, migrate.stack),
        Migration(shape, rows, migrate.group, smoothing=migrate.smoothing),
    )


def cell_fronts(network: Network, shape: Shape, shot_scale: float) -> tuple[Features, ...]:
    """What stands before each U-Net of cells in `build`'s network: two behind a front that migrates, else one."""
    if isinstance(network.front, Migrate):
        return given_fronts(*_migration(network.front, shape, shot_scale), (shape.nz, shape.nx))
    return (make_front(network, shape, shot_scale),)


def network_behind(front: Features, network: Network) -> ImagingNetwork:
    """Encoder, decoder and head of the configuration, with fresh weights, behind any front.

    Raises InputError as `build`, and for an InversionNet, which has no such parts.
    """
    match network.model:
        case "unet":
            return UNet(doubling(network.width, network.depth), front)
        case "unet_small":
            assert network.parameters is not None  # Network checks it
            return shrunk_unet(network.parameters, network.depth, front)
        case "inversionnet":
            raise InputError("network.model: an inversionnet needs the whole survey; known: nasunet, unet, resunet34")
        case "resunet34" | "denseunet":
            from search_spaces.networks import torchvision_unets  # noqa: PLC0415  torchvision takes a second to import

            kind = {"resunet34": torchvision_unets.ResUNet34, "denseunet": torchvision_unets.DenseUNet}[network.model]
            return kind(front)
        case "nasunet":
            return NasUnet(_genotype(network), front)


def _genotype(network: Network) -> Genotype:
    if network.genotype is None:
        raise InputError(
            "network.genotype: a nasunet is built from a genotype, got none; "
            "search for one first, or set network.model to 'unet'"
        )
    return network.genotype


def count_parameters(net: nn.Module) -> int:
    """All trainable parameters."""
    return sum(weight.numel() for weight in net.parameters())


def nonzero_parameters(net: nn.Module) -> int:
    """Those that are not exactly 0, which pruning leaves."""
    return sum(int(weight.count_nonzero()) for weight in net.parameters())
