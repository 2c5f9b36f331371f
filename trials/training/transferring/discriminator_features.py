"""A discriminator's features, for the perceptual loss.

image ─► range of its training data ─► encoder ─► maps, fine to coarse
"""

from pathlib import Path

from torch import Tensor, nn

from datagen.errors import InputError
from search_spaces.weights_file import load_into
from trials.training.transferring.pretrained_files import fresh_network, read_part


class DiscriminatorFeatures(nn.Module):
    """The maps of a discriminator's encoder: image `[B, 1, Z, X]` in [-1, 1] → list, fine to coarse.

    The image is scaled to the range of the discriminator's training data.  A first map that is the input itself (of a
    ResNet) is left out.
    """

    def __init__(self, file: str | Path) -> None:
        super().__init__()
        weights, facts = read_part(file)
        if facts.get("part") != "encoder" or facts.get("kind") != "gan":
            raise InputError(
                f"loss.perceptual_weights {file}: holds the {facts.get('part')} of a pretraining of kind "
                f"{facts.get('kind')}; give the encoder.safetensors of `seisnas pretrain`, kind gan"
            )
        self.limit = float(facts["limit"])
        self.encoder = fresh_network(file, facts).encoder
        load_into(self.encoder, weights, Path(file), "the network that it describes")

    def forward(self, image_B1ZX: Tensor) -> list[Tensor]:
        scaled = self.limit * image_B1ZX
        maps: list[Tensor] = self.encoder(scaled)
        return [each for each in maps if each is not scaled]
