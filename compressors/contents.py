"""What a bundle holds and says about itself, read without torch.

model.safetensors   weights
genotype.json       of a searched network
config.yml          network, shapes, scales, survey and geology it was trained on, scores
model.onnx          raw shots [B, S, T, R] float32 → image in physical units [B, 1, Z, X], or picks [B, 2, R]
README.md           the model card
picture.png         if there is one
weights.seisnas     the weights once more, packed: what they are worth in bytes (packed.py)
checksums.json      SHA-256 of all of them
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from compressors.outputs import Target
from compressors.seal import check_seal, read_small
from datagen.config import STRICT, Data
from datagen.errors import InputError
from datagen.shards import Statistics
from search_spaces.config import Network
from search_spaces.shape import Shape

WEIGHTS, GENOTYPE, CONFIG, ONNX = "model.safetensors", "genotype.json", "config.yml", "model.onnx"
CARD, PICTURE, PACKED = "README.md", "picture.png", "weights.seisnas"
REQUIRED = (WEIGHTS, CONFIG, ONNX, CARD)
OPTIONAL = (GENOTYPE, PICTURE, PACKED)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Contents:
    """The record in config.yml.  There `network.genotype` is empty: it lies in genotype.json."""

    format: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    target: Target
    network: Network
    shape: Shape
    statistics: Statistics  # of the training split
    data: Data  # the recipe of the data set
    scores: dict[str, float]  # on the test split
    # The same of networks trained alike from other seeds, this one's included; empty where it is the only one.
    scores_by_seed: dict[str, list[float]] = Field(default_factory=dict)
    made_with: dict[str, str]  # package → version


def to_yaml(contents: Contents) -> str:
    """As it stands in config.yml."""
    bare = replace(contents, network=replace(contents.network, genotype=None))
    text: str = yaml.safe_dump(TypeAdapter(Contents).dump_python(bare, mode="json"), sort_keys=False)
    return text


def read_contents(folder: str | Path) -> Contents:
    """Checks every file of a bundle and reads what it says about itself.

    Raises
    ------
    InputError
        A file is missing, changed, unknown or leads out of the folder; config.yml does not fit; the shapes
        are not those of the survey.
    """
    folder = Path(folder)
    names = check_seal(folder, required=REQUIRED, optional=OPTIONAL)
    contents = _parse(folder)
    shape = Shape.of(contents.data, contents.network.gather_rows)
    if contents.shape != shape:
        raise InputError(
            f"{folder / CONFIG}: shape is {contents.shape}, but data gives {shape}; export the bundle again"
        )
    if contents.network.model != "nasunet":
        return contents
    if GENOTYPE not in names:
        raise InputError(f"{folder}: a nasunet needs {GENOTYPE}, which is missing; export it again")
    return replace(contents, network=replace(contents.network, genotype=read_small(folder, GENOTYPE)))


def _parse(folder: Path) -> Contents:
    try:
        return TypeAdapter(Contents).validate_python(yaml.safe_load(read_small(folder, CONFIG)))
    except yaml.YAMLError as error:
        raise InputError(f"{folder / CONFIG}: not YAML: {error}") from None
    except ValidationError as error:
        problems = [
            f"  {'.'.join(map(str, item['loc']))}: got {str(item['input'])[:80]!r}; {item['msg']}"
            for item in error.errors()
        ]
        raise InputError("\n".join([f"{folder / CONFIG}: {len(problems)} problem(s):", *problems])) from None
