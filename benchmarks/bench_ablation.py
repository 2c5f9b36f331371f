"""What each part of the network that migrates gains: trainings from scratch, alike but for one part.

python benchmarks/bench_ablation.py --samples 16000

stacks only     the image cells see no migrated shots, the front's stacks at constant velocities alone
migrated        each shot migrated in the estimate, as the network has it
focusing        the sum of the shots at times a few per cent too short and too long beside it: does the echo focus?
two passes      migrated again in the corrected velocity, with the same weights

results/ablation.json, .md
"""

from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated

import torch
import typer
from bench_imaging import NETWORKS, OPENFWI, WORK, Course, Lesson, examine, load_config, make_network
from lib.grounds import lay_grounds
from lib.record import Record
from torch import Tensor

from search_spaces.build import count_parameters, network_behind
from search_spaces.config import Migrate
from search_spaces.fronts.migration import SIDES, AlongTimes, Migration
from search_spaces.networks.migrating import MigratingNetwork, given_fronts
from search_spaces.shape import Shape

PARTS = ("stacks only", "migrated", "focusing", "two passes")
FACTORS = (0.97, 1.03)  # of the travel times
SCORES = ("rtm_ssim", "rtm_correlation", "rtm_mae", "velocity_ssim", "velocity_correlation", "velocity_mae")


def main(
    samples: Annotated[int, typer.Option(help="Of each training.")] = 16_000,
    models: Annotated[int, typer.Option(help="Different ones among them.")] = 15_000,
    seeds: int = 2,
    preset: Annotated[Path, typer.Option()] = OPENFWI,
    work: Annotated[Path, typer.Option(help="Of bench_imaging.py, whose kept features are used.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    config = load_config(preset)
    record = Record(
        "ablation",
        "What each part of the network that migrates gains",
        f"python benchmarks/bench_ablation.py --samples {samples} --seeds {seeds}",
        split="test",
    )
    record.rows = []
    (ground,) = lay_grounds(make_network("small", config, preset, work), [preset], models, work)
    for part in PARTS:
        exams, minutes = [], []
        for seed in range(1, seeds + 1):
            torch.manual_seed(seed)
            net = with_part(part, make_network("small", config, preset, work), Shape.of(config.data))
            lesson = Lesson(network="small", optimizer="muon", samples=samples, models=models, seed=seed)
            file = work / f"ablation_{part.replace(' ', '_')}_{samples}_{seed}.safetensors"
            course = Course(net, lesson, config, ground.training, ground.validation, file)
            course.run()
            exams.append(examine(course.average, ground.test))
            minutes.append(course.seconds / 60)
        row = {"part": part, "parameters": count_parameters(net), "samples": samples, "seeds": seeds}
        row |= {f"{name}_mean": round(fmean(exam[name] for exam in exams), 4) for name in SCORES}
        if seeds > 1:
            row |= {
                f"{name}_std": round(stdev(exam[name] for exam in exams), 4) for name in ("rtm_ssim", "velocity_ssim")
            }
        row |= {"rtm_blank_ssim": round(exams[0]["rtm_blank_ssim"], 4), "core_minutes": round(fmean(minutes), 1)}
        record.add(row)


def with_part(part: str, net: MigratingNetwork, shape: Shape) -> MigratingNetwork:
    """`net` itself with another part in it, or one like it whose image cells see more."""
    if part == "stacks only":
        net.migration = Blind(shape)
    elif part == "two passes":
        net.passes = 2
    elif part == "focusing":
        migration = Focusing(shape)
        _, seen = given_fronts(net.front, migration, (shape.nz, shape.nx))
        image = network_behind(seen, NETWORKS["small"])
        return MigratingNetwork(net.front, net.velocity, migration, image, net.limits)
    return net


class Usual(Migration):
    """With the settings of the network's own."""

    def __init__(self, shape: Shape) -> None:
        front = NETWORKS["small"].front
        assert isinstance(front, Migrate)
        super().__init__(shape, front.fold * shape.nz, front.group, smoothing=front.smoothing)


class Blind(Usual):
    """Zeros."""

    def forward(self, level_BSNG: Tensor, velocity_B1ZX: Tensor) -> Tensor:
        return level_BSNG.new_zeros(len(level_BSNG), self.channels, *self.size)


class Focusing(Usual):
    """The sum over the shots, at each of `FACTORS` times the travel times, follows the migrated shots."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.channels += SIDES * len(FACTORS)

    def forward(self, level_BSNG: Tensor, velocity_B1ZX: Tensor) -> Tensor:
        row_BEP = self.times(self.smooth(1 / velocity_B1ZX)[:, 0] * self.rows_per_sample).flatten(2)
        level_BSGN = level_BSNG.transpose(2, 3).contiguous()

        def migrated(factor: float) -> Tensor:
            source_BSP, receiver_BGP = factor * row_BEP[:, : self.shots] + self.onset, factor * row_BEP[:, self.shots :]
            return AlongTimes.apply(level_BSGN, source_BSP, receiver_BGP, self.weight_KGP)

        summed = [migrated(factor).mean(1) * self.shots**0.5 for factor in FACTORS]
        seen_BCP = torch.cat([migrated(1.0).flatten(1, 2), *summed], dim=1)
        return seen_BCP.unflatten(2, self.size)


if __name__ == "__main__":
    typer.run(main)
