"""A bundle's files and its description of itself, read without torch.

model.safetensors   weights; not in a small bundle
genotype.json       of a searched network
config.yml          network, shapes, scales, survey and geology it was trained on, scores
model.onnx          raw shots [B, S, T, R] float32 → images in physical units [B, C, Z, X], or picks [B, 2, R]
README.md           the model card
picture.png         what it makes of a test model, if there is one
cells.png           of a searched network
weights.seisnas     the weights packed, so that zeros cost little (packed.py); a small bundle has only these, in 8 bits
checksums.json      SHA-256 of all of them
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from compressors.bundles.flat_fronts import with_front
from compressors.bundles.ready_made import find_bundle
from compressors.bundles.seal import SEAL, check_seal, inside
from compressors.bundles.versions import FORMAT, of_another_version, require_known_format
from datagen.config import STRICT, Data
from datagen.errors import InputError
from datagen.files.reading import read_text, read_yaml
from datagen.shards.manifest import Statistics
from datagen.targets import Target, TargetName, make_targets
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from search_spaces.shape import Shape

WEIGHTS, GENOTYPE, CONFIG, ONNX = "model.safetensors", "genotype.json", "config.yml", "model.onnx"
CARD, PICTURE, CELLS, PACKED = "README.md", "picture.png", "cells.png", "weights.seisnas"
REQUIRED = (CONFIG, ONNX, CARD)
OPTIONAL = (WEIGHTS, GENOTYPE, PICTURE, CELLS, PACKED)


Score = Annotated[float, Field(allow_inf_nan=True)]  # the error of a picker without picks is NaN


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Contents:
    """The record in config.yml.  Its `network.genotype` is empty: that is in genotype.json."""

    format: Literal[1] = FORMAT  # versions.py says what follows from another
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    target: TargetName
    network: Network
    shape: Shape
    statistics: Statistics  # of the training split
    data: Data  # the recipe of the data set
    scores: dict[str, Score]  # on the test split
    # The same for all seeds of this training, this one included; empty if it is the only one.
    scores_by_seed: dict[str, list[Score]] = Field(default_factory=dict)
    made_with: dict[str, str]  # package → version
    notes: list[str] = Field(default_factory=list)  # sentences for the model card, such as what it was adapted to

    @property
    def scaled(self) -> tuple[Target, ...]:
        """The targets, one for each channel of the output, with the scale of their training."""
        return make_targets(self.target, self.statistics)


def to_yaml(contents: Contents) -> str:
    """As in config.yml."""
    bare = replace(contents, network=replace(contents.network, genotype=None))
    text: str = yaml.safe_dump(TypeAdapter(Contents).dump_python(bare, mode="json"), sort_keys=False)
    return text


def read_contents(folder: str | Path) -> Contents:
    """Checks every file of a bundle and reads its description; `folder` may be the name of a ready-made one.

    Raises
    ------
    InputError
        A file is missing, changed, unknown or leads out of the folder; config.yml is invalid, or of a newer
        format; the shapes do not match the survey.
    """
    folder = find_bundle(folder)
    names = check_seal(folder, required=REQUIRED, optional=OPTIONAL)
    if WEIGHTS not in names and PACKED not in names:
        raise InputError(f"{folder}: not a whole bundle, {SEAL} lacks {WEIGHTS}, and {PACKED} too; export it again")
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
    genotype = Genotype.from_json(read_text(inside(folder, GENOTYPE)))
    return replace(contents, network=replace(contents.network, genotype=genotype))


def _parse(folder: Path) -> Contents:
    tree = read_yaml(inside(folder, CONFIG))
    require_known_format(folder / CONFIG, tree)
    try:
        return TypeAdapter(Contents).validate_python(with_front(tree))
    except ValidationError as error:
        problems = [
            f"  {'.'.join(map(str, item['loc']))[:80]}: got {str(item['input'])[:80]!r}; {item['msg']}"
            for item in error.errors()[:20]
        ]
        problems += of_another_version(tree)
        raise InputError("\n".join([f"{folder / CONFIG}: {error.error_count()} problem(s):", *problems])) from None
