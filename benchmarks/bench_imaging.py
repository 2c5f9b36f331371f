"""The network that migrates, trained for hours: scores against the samples seen, and rows on the test split.

    python benchmarks/bench_imaging.py --samples 224000 --models 15000 --seed 1
    python benchmarks/bench_imaging.py --samples 16000 --models 7000 --network unet
    python benchmarks/bench_imaging.py --samples 16000 --models 7000 --optimizer adamw
    python benchmarks/bench_imaging.py --samples 64000 --models 4000 --start small_muon_200000_2 \\
        --preset presets/openfwi_wide.yml --preset presets/openfwi.yml --preset presets/openfwi_curves.yml
    python benchmarks/bench_imaging.py --samples 224000 --models 15000 --given 0.25

The preset's own data set gives statistics, validation and test split, as in every other benchmark; more training models
come from the next seeds (lib/grounds.py).  What the cells see of the shots is computed once and kept
(lib/kept_features.py).  A training that was stopped goes on from its last checkpoint, and a row is written when it has
ended:

    results/imaging.json   rows and curves                 results/imaging/LABEL.safetensors   weights, half precision
    results/imaging.md     the same to read                results/imaging.png                 curves

    Muon or AdamW · rate up, flat, then linearly down · gradients clipped · moving average · mirrored half
"""

import json
import time
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal

import numpy as np
import torch
import typer
from lib.campaign_networks import CELLS
from lib.campaign_state import load_state, save_state
from lib.campaign_train import follow
from lib.grounds import Ground, lay_grounds, own_data
from lib.imaging_page import add_training
from lib.kept_features import Kept, mirror
from lib.record import RESULTS, made_by
from safetensors.torch import save_file
from torch import Tensor, nn

from search_spaces.build import build, count_parameters
from search_spaces.config import Migrate, Network
from search_spaces.genotype import Genotype
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape
from search_spaces.weights_file import read_tensors
from trials.settings.config import Config, load
from trials.training.averaging import decay_after
from trials.training.metrics import blank_ssim
from trials.training.migrating.given_velocities import draw_given
from trials.training.migrating.velocity_and_image import VELOCITY, scores_of_both, terms_of_both
from trials.training.muon import make_optimizer
from trials.training.precision import fast_in_bfloat16

NETWORKS = {
    "small": Network(model="nasunet", genotype=replace(CELLS, width=24), front=Migrate()),  # 0.69 M parameters
    "climbed": Network(  # 0.68 M, the cells of the best climb in results/found.md
        model="nasunet",
        genotype=Genotype(
            depth=4,
            width=22,
            nodes=2,
            encoder=(("conv_3x3",), ("sep_conv_3x3", "none")),
            decoder=(("conv_3x3",), ("skip", "dil_conv_3x3")),
            down="skip",
            up="skip",
        ),
        front=Migrate(),
    ),
    "unet": Network(model="unet", depth=5, width=34, front=Migrate()),  # 17.5 M, in two U-Nets
}
LOSSES = {"loss.ssim": 0.15, "velocity_loss.ssim": 0.2}  # a little more of what is scored than by default
OPENFWI, WORK = Path("presets/openfwi.yml"), Path("runs/imaging")
PRESETS = [OPENFWI]
BATCH, RATE, WEIGHT_DECAY, DECAY, GRADIENT_CLIP = 16, 0.01, 1e-4, 0.999, 1.0
WARM_UP, FALL = 0.005, 0.68  # shares of the samples; the rate falls over the last
EXAM = 8000  # samples between two scores

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One training."""

    network: Literal["small", "climbed", "unet"]
    optimizer: Literal["muon", "adamw"]
    samples: int
    models: int
    seed: int
    grounds: str = "openfwi"  # names of presets, with blanks between them
    start: str = ""  # label of the training whose weights it begins with, if any
    given: float = 0.0  # share of the samples that migrate in a velocity that is given

    @property
    def label(self) -> str:
        parts = [self.network, self.optimizer, str(self.samples), str(self.seed)]
        parts += [] if self.grounds == OPENFWI.stem else self.grounds.split()
        return "_".join(parts + ([f"given_{100 * self.given:g}"] if self.given > 0 else []))


def main(
    samples: Annotated[int, typer.Option(help="To train with, all passes together.")],
    models: Annotated[int, typer.Option(help="Different ones among them, of each preset.")] = 15_000,
    network: Annotated[Literal["small", "climbed", "unet"], typer.Option()] = "small",
    optimizer: Annotated[Literal["muon", "adamw"], typer.Option()] = "muon",
    seed: int = 1,
    given: Annotated[float, typer.Option(min=0, max=1, help="training.given.share.")] = 0.0,
    preset: Annotated[list[Path], typer.Option(help="Ground to learn; repeatable: all of them, mixed.")] = PRESETS,
    start: Annotated[str, typer.Option(help="Label of a training to begin with, instead of anew.")] = "",
    work: Annotated[Path, typer.Option(help="Data, kept features and checkpoints.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    lesson = Lesson(
        network=network,
        optimizer=optimizer,
        samples=samples,
        models=models,
        seed=seed,
        grounds=" ".join(each.stem for each in preset),
        start=start,
        given=given,
    )
    config = load_config(preset[0], given)
    torch.manual_seed(seed)
    net = make_network(network, config, preset[0], work)
    if start:
        scale = {"front.shot_scale": net.front.shot_scale.clone()}  # of this ground, as the features are kept
        net.load_state_dict(read_tensors(weights_of(start)) | scale)
    grounds = lay_grounds(net, preset, models, work)
    training = [each for ground in grounds for each in ground.training]
    course = Course(net, lesson, config, training, grounds[0].validation, work / f"{lesson.label}.safetensors")
    course.run()
    finish(lesson, course, grounds)


def load_config(preset: Path, given: float = 0.0) -> Config:
    return load(preset, {"target": "both", "network.front": "migrate", "training.given.share": given} | LOSSES)


def make_network(name: str, config: Config, preset: Path, work: Path) -> MigratingNetwork:
    """With weights drawn anew."""
    net = build(NETWORKS[name], Shape.of(config.data), own_data(preset, work).statistics.shot_scale)
    assert isinstance(net, MigratingNetwork)
    return net


def network_of(label: str) -> Network:
    """That which a training had: its label begins with the name."""
    return NETWORKS[label.split("_")[0]]


def weights_of(label: str) -> Path:
    """The file that a training leaves, in half precision."""
    return RESULTS / "imaging" / f"{label}.safetensors"


class Course:
    """A training under way; its state is on disk at every exam."""

    def __init__(
        self,
        net: MigratingNetwork,
        lesson: Lesson,
        config: Config,
        training: list[Kept],
        validation: Kept,
        file: Path,
        rate: float = RATE,
        teacher: MigratingNetwork | None = None,
        between: int = 0,
    ) -> None:
        self.net, self.lesson, self.config, self.rate, self.teacher = net.train(), lesson, config, rate, teacher
        self.between = between or EXAM  # samples from exam to exam
        self.training, self.validation, self.file = training, validation, file
        self.optimizer = make_optimizer(lesson.optimizer, net, rate, WEIGHT_DECAY)
        self.average = deepcopy(net).requires_grad_(False)
        state = load_state(file, net, self.average, self.optimizer)
        self.seen: int = state.get("seen", 0)
        self.seconds: float = state.get("seconds", 0.0)  # of a core
        self.curve: list[Row] = state.get("curve", [])
        self.losses: list[float] = []  # of the steps since the last exam

    def run(self, until: int | None = None) -> None:
        """To the end, or until so many samples are seen; from there it goes on, with the same rates."""
        until = self.lesson.samples if until is None else until
        if self.seen >= until:
            return
        begun, next_exam = time.process_time(), self.between * (self.seen // self.between + 1)
        for place, rows in self.order():
            self.step(self.training[place].batch(rows))
            if self.seen >= min(next_exam, until):
                self.seconds += time.process_time() - begun
                self.exam()
                next_exam += self.between
                begun = time.process_time()
            if self.seen >= until:
                return

    def order(self) -> Any:
        """(set, rows) of batch after batch, every pass in an order of its own; a resumed training begins a new pass."""
        number = self.seen
        while self.seen < self.lesson.samples:
            draws = np.random.default_rng([self.lesson.seed, number])
            batches = [
                (place, np.sort(rows))
                for place, each in enumerate(self.training)
                for rows in np.array_split(draws.permutation(len(each)), max(1, len(each) // BATCH))
            ]
            for index in draws.permutation(len(batches)):
                yield batches[index]
            number = self.seen

    def step(self, batch: tuple[Tensor, Tensor, Tensor]) -> None:
        level_BSNG, stacks_BCZX, target_B2ZX = batch
        mirror(batch, torch.randperm(len(target_B2ZX)) < len(target_B2ZX) // 2)
        settings = self.config.training.given
        given = draw_given(settings, target_B2ZX[:, VELOCITY], self.net.limits) if settings.share > 0 else None
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_in_bfloat16(torch.device("cpu"))):
            prediction_B3ZX = self.net.from_features(level_BSNG, stacks_BCZX, given)
            with torch.no_grad():
                taught_B2ZX = None if self.teacher is None else self.teacher.from_features(level_BSNG, stacks_BCZX)
        loss = terms_of_both(self.config, prediction_B3ZX, target_B2ZX, taught_B2ZX)["loss"]
        self.losses.append(float(loss.detach()))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), GRADIENT_CLIP)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * rate_at(self.seen / self.lesson.samples)
        self.optimizer.step()
        self.seen += len(target_B2ZX)
        follow(self.average, self.net, decay_after(self.seen // BATCH, DECAY))

    def exam(self) -> None:
        found = examine(self.average, self.validation)
        head = {"samples_seen": self.seen, "core_minutes": self.seconds / 60, "loss": fmean(self.losses)}
        self.curve.append(head | found)
        self.losses = []
        counters = {"seen": self.seen, "seconds": self.seconds, "curve": self.curve}
        save_state(self.file, self.net, self.average, self.optimizer, counters)
        print(json.dumps(self.curve[-1]), flush=True)


def rate_at(share: float) -> float:
    """Of the peak, when so much of the samples is seen."""
    return min(1.0, (share + 1e-4) / WARM_UP, max(0.0, 1 - share) / FALL)


@torch.no_grad()
def examine(network: "MigratingNetwork | Mirrored", kept: Kept, most: int = 2**31) -> Row:
    """rtm_ssim, velocity_mae … of the first samples, with the SSIM of a blank image beside them."""
    network.eval()
    rows: list[dict[str, Tensor]] = []
    count = min(len(kept), most)
    for first in range(0, count, 32):
        level_BSNG, stacks_BCZX, target_B2ZX = kept.batch(np.arange(first, min(first + 32, count)))
        prediction_B2ZX = network.from_features(level_BSNG, stacks_BCZX)
        rows.append(scores_of_both(prediction_B2ZX, target_B2ZX) | blank_ssim(scores_of_both, target_B2ZX))
    return {
        name if name.startswith("velocity_") else f"rtm_{name}": fmean(torch.cat([row[name] for row in rows]).tolist())
        for name in rows[0]
    }


class Mirrored(nn.Module):
    """The mean of what a network makes of shots and of their mirror image, turned back."""

    def __init__(self, network: MigratingNetwork) -> None:
        super().__init__()
        self.network = network

    def from_features(self, level_BSNG: Tensor, stacks_BCZX: Tensor) -> Tensor:
        turned = level_BSNG.clone(), stacks_BCZX.clone(), torch.zeros(len(level_BSNG), 1, 1, 1)
        mirror(turned, torch.ones(len(level_BSNG), dtype=torch.bool))
        prediction_B2ZX = self.network.from_features(level_BSNG, stacks_BCZX)
        return (prediction_B2ZX + self.network.from_features(*turned[:2]).flip(3)) / 2


def finish(lesson: Lesson, course: Course, grounds: list[Ground]) -> None:
    """Adds the row, and the weights if they are few."""
    mirrored = Mirrored(course.average)
    training = {
        "label": lesson.label,
        **vars(lesson),
        "parameters": count_parameters(course.net),
        "core_minutes": course.seconds / 60,
        "made_by": made_by(),
        "test": {ground.name: examine(course.average, ground.test) for ground in grounds},
        "test_mirrored": {ground.name: examine(mirrored, ground.test) for ground in grounds},
        "trained_with": {
            ground.name: examine(course.average, ground.training[0], len(ground.test)) for ground in grounds
        },
        "curve": course.curve,
    }
    add_training(training)
    if lesson.network != "unet":
        weights = {name: value.half().contiguous() for name, value in course.average.state_dict().items()}
        save_file(weights, weights_of(lesson.label))


if __name__ == "__main__":
    typer.run(main)
