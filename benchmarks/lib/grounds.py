"""The data of a long training, kept as features: one ground for each preset, all over the same survey.

The first preset's own training split gives the statistics of all, so what is kept lies under its name.  More models
than a preset's own are drawn in data sets of the next seeds.

    WORK/data/NAME            the preset's own data set         WORK/features/FIRST/NAME_train …    what a network sees
    WORK/data/NAME_pool1 …    more training models
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.kept_features import Kept, keep

from datagen import make_data_set
from datagen.shards.manifest import Manifest
from search_spaces.networks.migrating import MigratingNetwork

POOL = 8000  # models of a further data set


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a network sees of the data of one preset."""

    name: str
    training: list[Kept]
    validation: Kept
    test: Kept


def own_data(preset: Path, work: Path) -> Manifest:
    """The preset's own data set, made if it is not there yet."""
    return make_data_set(preset, work / "data" / preset.stem)


def lay_grounds(net: MigratingNetwork, presets: Sequence[Path], models: int, work: Path) -> list[Ground]:
    """One for each of `presets`, with so many training models each."""
    manifests = [own_data(preset, work) for preset in presets]
    features, statistics = work / "features" / presets[0].stem, manifests[0].statistics

    def kept(name: str, split: str) -> Kept:
        return keep(net, str(work / "data" / name), split, statistics, features / f"{name}_{split}")

    grounds = []
    for preset, manifest in zip(presets, manifests, strict=True):
        seed, own = manifest.data.seed, preset.stem
        training = [kept(own, "train")]
        while (missing := models - sum(map(len, training))) > 0:
            name = f"{own}_pool{len(training)}"
            split = {"train": min(POOL, missing), "validation": 1, "test": 1}
            changes = {"data.seed": 100 * seed + len(training), "data.split": split}
            make_data_set(preset, work / "data" / name, changes=changes)
            training.append(kept(name, "train"))
        found = Ground(name=own, training=training, validation=kept(own, "validation"), test=kept(own, "test"))
        grounds.append(found)
    return grounds
