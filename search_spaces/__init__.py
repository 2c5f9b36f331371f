"""Networks from shots to image, and their search space."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from datagen.config import Data
    from search_spaces.config import Front
    from search_spaces.genotype import Genotype


def build_network(
    genotype: "Genotype | str", data: "Data", *, shot_scale: float, front: "Front | None" = None
) -> "nn.Module":
    """The NasUnet that a genotype describes, with fresh weights, for the survey and grid of `data`.

    It maps raw shots `[B, S, T, R]`, float32, to the image `[B, 1, Z, X]`, normalised to about ±1; behind a front
    of kind gather it maps single gathers `[B, 1, T, R]` to the logits of their first breaks, `[B, 1, rows, R]`.

    Parameters
    ----------
    genotype
        The record, or the JSON text of a `genotype.json`.
    data
        Settings of a data set [SI units], such as `trials.settings.config.load(preset).data`.
    shot_scale
        90th percentile of the amplitude of the training shots, in their own unit; it is saved with the weights.
    front
        How shots become features (search_spaces/config.py); by default `Stack()`.

    Raises
    ------
    InputError
        The text is not a genotype (the message names every wrong field), or `shot_scale` is not above 0.

    Examples
    --------
    >>> import torch
    >>> from datagen.config import Data, Grid, Split, Survey
    >>> from search_spaces import build_network
    >>> genotype = '{"depth": 2, "width": 8, "nodes": 1, "encoder": [["sep_conv_3x3"]], "decoder": [["skip"]]}'
    >>> data = Data(
    ...     folder="data/mine",
    ...     grid=Grid(nz=32, nx=40, spacing=10.0),
    ...     survey=Survey(shots=3, receivers=32, frequency=15.0, interval=0.001, samples=400),
    ...     split=Split(train=8, validation=4, test=4),
    ... )
    >>> network = build_network(genotype, data, shot_scale=0.05)
    >>> shots_BSTR = 0.05 * torch.randn(2, 3, 400, 32)
    >>> network(shots_BSTR).shape
    torch.Size([2, 1, 32, 40])
    """
    # Imported here, because torch takes a second.
    from search_spaces.build import build  # noqa: PLC0415
    from search_spaces.config import Network, Stack  # noqa: PLC0415
    from search_spaces.genotype import Genotype  # noqa: PLC0415
    from search_spaces.shape import Shape  # noqa: PLC0415

    found = Genotype.from_json(genotype) if isinstance(genotype, str) else genotype
    network = Network(genotype=found, front=front or Stack())
    return build(network, Shape.of(data, network.gather_rows), shot_scale)
