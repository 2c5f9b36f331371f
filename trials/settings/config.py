"""The whole configuration: preset (YAML) < NNI parameters < --set, checked together.

`load` reads a preset, applies the given settings (config path → value) and reports all problems together: path, value
got, what is allowed and where to change it.
"""

import dataclasses
import difflib
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ArgsKwargs

from compressors.config import Compress
from datagen.config import STRICT, Data, Effects
from datagen.errors import InputError
from datagen.files.reading import parse_yaml
from datagen.preset import put, read_preset
from datagen.targets import TargetName
from search_spaces.config import Gather, Migrate, Network
from trials.settings.paths import field_names, follow, further_down
from trials.settings.picking import Picking
from trials.settings.pretrain import Pretrain
from trials.settings.training import Training

SHOWN = 20  # problems in a message

Weight = Annotated[float, Field(ge=0, le=100)]
Epochs = Annotated[int, Field(ge=1, le=10_000)]
LearningRate = Annotated[float, Field(gt=0, le=1)]
ImageTarget = Literal["rtm", "velocity"]
ComparedModel = Literal["nasunet", "random_search", "unet_small", "unet", "resunet34", "inversionnet"]
FeatureKind = Literal["vgg16", "vgg19", "gan"]

MOVED = {  # former path of a setting → its path
    "picking.held": "picking.held_out",
    **{f"tune.{field.name}": f"training.{field.name}" for field in dataclasses.fields(Training)},
}


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Loss:
    """Weights of the loss terms (trials/training/losses.py); a term of weight 0 is not computed.

    l2 leads: images have both signs, and with l1 a network unsure of the sign predicts zero everywhere.
    """

    l1: Weight = 0.0
    l2: Weight = 1.0
    geology: Weight = 0.0  # l1 with more weight on reflectors, layer boundaries and flanks of salt
    gradient: Weight = 0.0
    ssim: Weight = 0.05
    ms_ssim: Weight = 0.0
    perceptual: Weight = 0.0
    perceptual_features: FeatureKind = "vgg16"
    perceptual_weights: str | None = None  # safetensors file of the features; None: torchvision downloads them
    distil: Weight = 0.0  # l2 to the image of training.teacher, in addition to the other terms

    def __post_init__(self) -> None:
        if self.l1 + self.l2 + self.geology + self.gradient + self.ssim + self.ms_ssim + self.perceptual == 0:
            raise ValueError("at least one loss weight other than distil must be above 0")


VELOCITY_LOSS: dict[str, Any] = {
    "l1": 1.0,
    "l2": 0.0,
    "ssim": 0.1,
}  # what is not given: velocities have jumps, which l2 smooths


def _velocity_loss(given: Any) -> Any:
    return VELOCITY_LOSS | given if isinstance(given, dict) else given


VelocityLoss = Annotated[Loss, BeforeValidator(_velocity_loss)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Search:
    """Search of the cells, one-shot on halves of the training split or by halving; a short training of the result."""

    strategy: Literal["darts", "gumbel", "parsec", "one_path", "random", "halving", "archai"] = "halving"
    samples: Annotated[int, Field(ge=4)] = 128  # training models the search sees; half train the weights
    epochs: Epochs = 2
    warmup_epochs: Annotated[int, Field(ge=0)] = 1  # weights alone, before the architecture moves
    learning_rate: LearningRate = 5.0e-3  # of the supernet's weights
    arch_learning_rate: LearningRate = 3.0e-2
    width: Annotated[int, Field(ge=4, le=128)] | None = None  # of the supernet; by default network.width
    candidates: Annotated[int, Field(ge=2, le=256)] = 8  # halving, archai, one_path: random cells that begin
    draws: Annotated[int, Field(ge=1, le=64)] = 4  # halving: cells drawn for each candidate, of which the widest begin
    archai: Literal["evolution_pareto", "regularized_evolution", "local_search", "random"] = "evolution_pareto"
    generations: Annotated[int, Field(ge=1, le=1000)] = 4  # archai, one_path
    architectures: Annotated[int, Field(ge=2, le=64)] = 4  # parsec: paths drawn for each step
    partial_channels: Annotated[int, Field(ge=1, le=8)] = 1  # darts: one in this many goes through the candidates
    stop_skip_share: Annotated[float, Field(gt=0, le=1)] = 1.0  # stops before the share of skips exceeds this
    retrain_epochs: Epochs = 6  # of the found network, from scratch: its score is the trial's score


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Tune:
    """Full training of one network; settings common to all trainings are in `training`."""

    epochs: Epochs = 12
    minutes: Annotated[float, Field(ge=0, le=100_000)] = 0.0  # above 0: train this long, whatever the epochs
    learning_rate: LearningRate = 1.0e-2  # peak of the one-cycle schedule; also for the network a search found


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Baseline:
    """The U-Net that `seisnas run` trains for comparison; 48 and 5 make 17 M parameters."""

    width: Annotated[int, Field(ge=4, le=128)] = 48
    depth: Annotated[int, Field(ge=2, le=6)] = 5
    epochs: Epochs | None = None  # by default as many as the pruned network has in both trainings of its weights


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Compare:
    """The table of `seisnas compare`: every model with the same data, loss, `training` and `tune` settings."""

    targets: tuple[ImageTarget, ...] = ("rtm", "velocity")
    models: tuple[ComparedModel, ...] = get_args(ComparedModel)
    seeds: Annotated[int, Field(ge=1, le=100)] = 3  # trainings of each network of the searched one's size
    big_seeds: Annotated[int, Field(ge=1, le=100)] = 2  # of the others
    learning_rates: tuple[LearningRate, ...] = (1.0e-3, 3.0e-3, 1.0e-2)  # the best on validation is used
    sweep_epochs: Epochs = 3  # of the trainings that choose it
    random_draws: Annotated[int, Field(ge=1, le=100)] = 3  # genotypes of the random search, for the cost of one search
    # Above 0: every model is trained this long instead of `tune.epochs`, for a separate table (equal time).
    minutes: Annotated[float, Field(ge=0, le=100_000)] = 0.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Config:
    """Everything a stage needs to know."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    target: TargetName = "rtm"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    devices: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = "auto"  # a training's GPUs, or processes on CPUs
    # auto: mixed on GPUs, full on CPUs.  mixed: on CPUs too, if they have instructions for bfloat16.
    precision: Literal["auto", "full", "mixed"] = "auto"
    data: Data
    effects: Effects = Effects()  # added to the shots in search and training; scores use clean ones
    network: Network = Network()
    loss: Loss = Loss()
    velocity_loss: VelocityLoss = Loss(**VELOCITY_LOSS)  # of the velocity, where target is both
    search: Search = Search()
    training: Training = Training()
    tune: Tune = Tune()
    compress: Compress = Compress()
    baseline: Baseline = Baseline()
    compare: Compare = Compare()
    picking: Picking = Picking()  # of target first_break
    pretrain: Pretrain = Pretrain()

    def __post_init__(self) -> None:
        if (self.loss.distil + self.velocity_loss.distil > 0) != (self.training.teacher is not None):
            raise ValueError("loss.distil above 0 and training.teacher (a run folder) need each other")
        if (self.target == "first_break") != isinstance(self.network.front, Gather):
            raise ValueError("target first_break and network.front gather need each other")
        if (self.target == "both") != isinstance(self.network.front, Migrate):
            raise ValueError("target both and network.front migrate need each other")
        if self.training.given.share > 0 and not isinstance(self.network.front, Migrate):
            raise ValueError(
                f"training.given.share: got {self.training.given.share:g}; allowed is 0 with network.front "
                f"{self.network.front.kind}, which does not migrate"
            )


def load(preset: str | Path, *layers: Mapping[str, Any]) -> Config:
    """The preset with `layers` of settings (config path → value) applied in order.

    Raises
    ------
    InputError
        The preset cannot be read, or any value is unknown, of the wrong type or out of its range.
    """
    tree = read_preset(preset)
    changed: set[str] = set()
    for layer in layers:
        for path, value in layer.items():
            put(tree, path, value)
            changed.add(path)
    try:
        config = TypeAdapter(Config).validate_python(tree)
    except ValidationError as error:
        problems = [_explain(item, str(preset), changed) for item in error.errors()[:SHOWN]]
        raise InputError(
            "\n".join([f"{error.error_count()} problem(s) in the configuration {preset}:", *problems])
        ) from None
    return config


def settings(pairs: list[str]) -> dict[str, Any]:
    """`["tune.epochs=3", …]` as config path → value; values are YAML."""
    result = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not path:
            raise InputError(f"--set {pair}: write it as path=value, for example --set tune.epochs=3")
        result[path.strip()] = parse_yaml(text, f"--set {path[:80]}")
    return result


def to_tree(config: Any) -> dict[str, Any]:
    """The configuration as plain dicts, lists and values, ready for YAML."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, tuple | list) else value

    tree: dict[str, Any] = plain(dataclasses.asdict(config))
    return tree


def _explain(item: Any, preset: str, changed: set[str]) -> str:
    names, _ = follow(Config, [str(part)[:80] for part in item["loc"]])
    path = ".".join(names) or "the whole"
    setting = path if names else "PATH"
    origin = "--set or the NNI parameters" if path in changed else f"{preset} (or --set {setting}=…)"
    if path in MOVED:
        return f"  {path}: has moved to {MOVED[path]}. Change it in {origin.replace(path, MOVED[path])}"
    if item["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        _, section = follow(Config, item["loc"][:-1])
        known = field_names(section)
        moved = [".".join((*names[:-1], path)) for path in further_down(section, names[-1])]
        close = moved or difflib.get_close_matches(names[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}? " if close else ""
        return f"  {path}: unknown key; {hint}known here: {', '.join(known)}. Change it in {origin}"
    if item["type"] in ("missing", "missing_argument"):
        return f"  {path}: missing; add it in {origin}"
    allowed = item["msg"].removeprefix("Value error, ")
    whole = isinstance(item["input"], dict | ArgsKwargs) or dataclasses.is_dataclass(item["input"])
    got = "" if whole else f"got {reprlib.repr(item['input'])}; "
    return f"  {path}: {got}{allowed}. Change it in {origin}"
