"""What pruning takes from a network that has finished learning, and what fine-tuning and a teacher give back.

    python benchmarks/bench_pruned.py small_muon_390000_2 --samples 32000

The dense network is a long training of bench_imaging.py (its label), whose weights lie in results/imaging.  Each row
starts from it and is fine-tuned for the same samples, in the first half of which it loses the share `sparsity` of its
weights, step by step, those of lowest score in all layers (LAMP, compressors/level.py) or, to compare, of each layer as
many; `fine-tuned` loses none, so that what more samples give is told apart from what pruning takes.
`taught`: the dense network's outputs count in the loss.  Scores are of the test split; `packed` is the size of
weights.seisnas, in float32 and with 8 bits a weight, `rtm_ssim_8_bits` the score of the latter.

    results/pruned.json, .md
"""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import torch
import typer
from bench_imaging import OPENFWI, WORK, Course, Lesson, examine, load_config, network_of, weights_of
from lib.grounds import Ground, lay_grounds, own_data
from lib.record import Record, Row
from lib.trained_imaging import trained_imaging

from compressors.bundles.packed import pack, rounded
from compressors.config import Compress
from compressors.level import Masks, apply_masks, prunable_weights, prune, sparsities
from search_spaces.build import nonzero_parameters
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape
from trials.settings.config import Config

RATE = 0.003  # peak of the fine-tuning, a third of the training's
DISTIL = 1.0  # weight of the mean square distance to the teacher's outputs
PRUNING, STEPS = 0.5, 20  # share of the samples in which weights become zero, by so many steps
Scope = Literal["lamp", "layer"]
ROWS: tuple[tuple[float, Scope, bool], ...] = (  # sparsity, scope, taught
    (0.6, "lamp", True),
    (0.8, "lamp", True),
    (0.9, "lamp", True),
    (0.6, "layer", True),
    (0.6, "lamp", False),
    (0.0, "lamp", False),
)


def main(
    label: Annotated[str, typer.Argument(help="Of a training in results/imaging.json.")],
    samples: Annotated[int, typer.Option(help="Of each fine-tuning.")] = 16_000,
    models: Annotated[int, typer.Option(help="Different ones among them.")] = 15_000,
    seeds: int = 1,
    rows: Annotated[int, typer.Option(help="The first of ROWS alone.", min=1)] = len(ROWS),
    preset: Path = OPENFWI,
    work: Annotated[Path, typer.Option(help="Data, kept features and checkpoints.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    config = load_config(preset)
    scale = own_data(preset, work).statistics.shot_scale
    dense = trained_imaging(network_of(label), weights_of(label), Shape.of(config.data), scale)
    (ground,) = lay_grounds(dense, [preset], models, work)
    record = Record(
        "pruned",
        "Pruning a network that has finished learning",
        f"python benchmarks/bench_pruned.py {label} --samples {samples} --seeds {seeds}",
        split="test",
    )
    if not record.has(network=label, how="as trained"):
        row = describe("as trained", 0.0, dense, ground, [examine(dense, ground.test)], [0.0])
        record.add({"network": label, "samples": 0} | row)
    for sparsity, scope, taught in ROWS[:rows]:
        how = f"pruned, {scope}" if sparsity > 0 else "fine-tuned"
        how += ", taught" if taught else ""
        if record.has(network=label, how=how, sparsity=sparsity, samples=samples):
            continue
        courses = []
        for seed in range(1, seeds + 1):
            lesson = Lesson(network="small", optimizer="muon", samples=samples, models=models, seed=seed)
            file = work / f"pruned_{label}_{sparsity}_{scope}_{taught}_{samples}_{seed}.safetensors"
            recipe = with_teacher(config, label) if taught else config
            courses.append(fine_tuned(dense, sparsity, scope, recipe, lesson, ground, file))
        exams = [examine(course.average, ground.test) for course in courses]
        minutes = [course.seconds / 60 for course in courses]
        row = describe(how, sparsity, courses[-1].average, ground, exams, minutes)
        record.add({"network": label, "samples": samples} | row)


def fine_tuned(
    dense: MigratingNetwork,
    sparsity: float,
    scope: Scope,
    config: Config,
    lesson: Lesson,
    ground: Ground,
    file: Path,
) -> Course:
    """The training, at its end, of what is left of `dense`, which teaches if the configuration has a teacher."""
    torch.manual_seed(lesson.seed)
    pruned = deepcopy(dense)
    teacher = dense if config.training.teacher else None
    course = Course(pruned, lesson, config, ground.training, ground.validation, file, rate=RATE, teacher=teacher)
    levels = sparsities(Compress(sparsity=sparsity, schedule="gradual", steps=STEPS))
    masks: Masks = {}
    reached = 0

    def keep_zeros(*_: Any) -> None:
        nonlocal masks, reached
        due = min(STEPS, int(course.seen / lesson.samples / PRUNING * STEPS))
        if due > reached:
            masks, reached = prune(pruned, levels[due - 1], scope), due
        apply_masks(pruned, masks)

    if sparsity > 0:
        course.optimizer.register_step_post_hook(keep_zeros)
    course.run()
    zeros: Masks = {f"{name}.weight": weight != 0 for name, weight in prunable_weights(pruned).items()}
    apply_masks(course.average, zeros)  # which remembers weights from before they were pruned
    return course


def with_teacher(config: Config, label: str) -> Config:
    return replace(
        config,
        loss=replace(config.loss, distil=DISTIL),
        velocity_loss=replace(config.velocity_loss, distil=DISTIL),
        training=replace(config.training, teacher=label),
    )


def describe(
    how: str, sparsity: float, net: MigratingNetwork, ground: Ground, exams: list[Row], minutes: list[float]
) -> Row:
    """A row; `net` is that of the last seed."""

    def spread(name: str) -> float | None:
        return round(stdev(exam[name] for exam in exams), 4) if len(exams) > 1 else None

    row: Row = {"how": how, "sparsity": sparsity, "nonzero": nonzero_parameters(net), "seeds": len(exams)}
    for target in ("rtm", "velocity"):
        row |= {
            f"{target}_ssim_mean": round(fmean(exam[f"{target}_ssim"] for exam in exams), 4),
            f"{target}_ssim_std": spread(f"{target}_ssim"),
            f"{target}_correlation": round(fmean(exam[f"{target}_correlation"] for exam in exams), 4),
        }
    eight = deepcopy(net)
    eight.load_state_dict(rounded(net.state_dict(), "int8"))
    row["rtm_ssim_8_bits"] = round(examine(eight, ground.test)["rtm_ssim"], 4)
    row |= {f"packed_{kind}": packed_bytes(net, kind) for kind in ("float32", "int8")}
    return row | {"core_minutes": round(fmean(minutes), 1), "blank_ssim": round(exams[0]["rtm_blank_ssim"], 4)}


def packed_bytes(net: MigratingNetwork, kind: Literal["float32", "int8"]) -> int:
    with TemporaryDirectory() as folder:
        file = Path(folder, "weights.seisnas")
        pack(net.state_dict(), file, kind)
        return file.stat().st_size


if __name__ == "__main__":
    typer.run(main)
