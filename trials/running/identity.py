"""The identity of a run: the part of the configuration that its stage reads.

    facts(existing, stage) == facts(wanted, stage)    ⟺    the existing run can be used as the wanted one

`seisnas search, tune, compress` continue it, `compare` counts it, `pretrain` resumes it, and `export` groups runs whose
facts differ only in the seed.
"""

from typing import Any, Literal

from trials.settings.config import Config, to_tree

Stage = Literal["pretrain", "search", "tune", "compress"]

MACHINE = ("device", "devices", "precision")
# Read wherever a network is trained on labels; the name goes into its bundle.
TRAINED = (
    "name",
    "target",
    "seed",
    *MACHINE,
    "data",
    "effects",
    "picking",
    "network",
    "loss",
    "velocity_loss",
    "training",
)
READ: dict[Stage, tuple[str, ...]] = {
    "pretrain": ("seed", "data", "network", "pretrain"),
    "search": (*TRAINED, "search", "tune.learning_rate"),  # for training the found network
    "tune": (*TRAINED, "tune"),
    "compress": (*TRAINED, "compress"),
}


def facts(config: Config, stage: Stage) -> dict[str, Any]:
    """Config path → value of every setting that a run of `stage` reads.

    Excludes what a compress run writes there itself: its channels, and its source as teacher.
    """
    tree = to_tree(config)
    if stage == "compress":
        del tree["network"]["channels"]
        if config.compress.distil > 0:
            del tree["training"]["teacher"]
    settings = _leaves(tree, "")
    read = READ[stage]
    return {
        path: value
        for path, value in settings.items()
        if any(path == each or path.startswith(f"{each}.") for each in read)
    }


def differences(config: Config, other: Config, stage: Stage) -> list[str]:
    """The config paths in which runs of `stage` with these configurations differ."""
    mine, theirs = facts(config, stage), facts(other, stage)
    return [path for path in {**mine, **theirs} if mine.get(path) != theirs.get(path)]


def _leaves(tree: dict[str, Any], before: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{before}{name}"
        found |= _leaves(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return found
