"""results/imaging.json, .md and .png: what bench_imaging.py has trained.

trainings    one by one, with curve and scores        rows    the same by network and samples, mean over seeds
"""

import json
from itertools import groupby, product
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from lib.record import RESULTS
from matplotlib.figure import Figure

from datagen.files.whole_files import whole

Row = dict[str, Any]
FILE = RESULTS / "imaging.json"
KIND = ("network", "optimizer", "samples", "models", "grounds", "start", "given")  # of a training, but for its seed
NAMES = {
    "small": "NasUnet cells, width 24 and 24",
    "climbed": "NasUnet cells of a climb, width 22 and 22",
    "unet": "U-Nets of 5 scales, width 34 and 34",
}
EXAMS = {"test": "", "test_mirrored": ", mean with what it makes of the mirrored shots"}
TITLE = "Images and velocities of the network that migrates"
ABOUT = (
    "Data of presets/openfwi.yml with salt; scores on its test split, curves on its validation split. SSIM of a blank "
    "image and the correlation stand beside each SSIM. given: share of the samples that migrated in the true velocity "
    "with an error (training.given). core_minutes: of one core, scores left out."
)


def add_training(training: Row) -> None:
    """Adds it, or replaces the one of the same label, and writes the pages anew."""
    record = json.loads(FILE.read_text()) if FILE.exists() else {"trainings": []}
    trainings = [each for each in record["trainings"] if each["label"] != training["label"]]
    trainings.append(training)
    with whole(FILE) as part:
        part.write_text(json.dumps({"trainings": trainings, "rows": rows(trainings)}, indent=1) + "\n")
    with whole(FILE.with_suffix(".md")) as part:
        part.write_text(page(trainings))
    draw(trainings, FILE.with_suffix(".png"))


def rows(trainings: list[Row]) -> list[Row]:
    """A row for each target and kind of training."""

    def kind(training: Row) -> tuple[Any, ...]:
        return tuple(training[name] for name in KIND)

    found = []
    for (network, optimizer, samples, models, grounds, start, given), group in groupby(
        sorted(trainings, key=kind), key=kind
    ):
        alike = list(group)
        exams = [each for each in EXAMS if each in alike[0]]
        for exam, ground, target in product(exams, grounds.split(), ("rtm", "velocity")):
            scores = [each[exam][ground] for each in alike]
            ssim = [each[f"{target}_ssim"] for each in scores]
            found.append(
                {
                    "target": target,
                    "model": NAMES[network] + EXAMS[exam],
                    "front": "migrate",
                    "test_split_of": ground,
                    "parameters": alike[0]["parameters"],
                    "optimizer": optimizer,
                    "trained_on": grounds,
                    "started_from": start or None,
                    "samples_seen": samples,
                    "models": models,
                    "given": given,
                    "core_minutes": round(fmean(each["core_minutes"] for each in alike), 1),
                    "seeds": len(alike),
                    "ssim_mean": round(fmean(ssim), 4),
                    "ssim_std": round(stdev(ssim), 4) if len(ssim) > 1 else None,
                    "mae_mean": round(fmean(each[f"{target}_mae"] for each in scores), 4),
                    "blank_ssim": round(scores[0][f"{target}_blank_ssim"], 4),
                    "correlation_mean": round(fmean(each[f"{target}_correlation"] for each in scores), 4),
                }
            )
    return found


def page(trainings: list[Row]) -> str:
    table = rows(trainings)
    lines = [f"# {TITLE}", "", ABOUT, "", "![Curves](imaging.png)", ""]
    lines += [f"| {' | '.join(table[0])} |", "|" + "---|" * len(table[0])]
    lines += [f"| {' | '.join('' if cell is None else str(cell) for cell in row.values())} |" for row in table]
    lines += ["", "| training | command | commit | machine | date |", "|---|---|---|---|---|"]
    for each in trainings:
        made = each["made_by"]
        lines.append(
            f"| {each['label']} | `{made['command']}` | {made['commit']} | {made['machine']} | {made['date']} |"
        )
    return "\n".join(lines) + "\n"


def draw(trainings: list[Row], file: Path) -> None:
    """SSIM on the validation split of the first ground against samples seen and core time, on logarithmic axes."""
    figure = Figure(figsize=(9.0, 6.6), layout="constrained")
    axes = figure.subplots(2, 2, sharey="col")
    shown = [each for each in trainings if each["grounds"] == trainings[0]["grounds"]]
    for row, (along, name) in enumerate((("samples_seen", "samples seen"), ("core_minutes", "minutes of one core"))):
        for column, (target, title) in enumerate((("rtm", "RTM image"), ("velocity", "velocity"))):
            for each in shown:
                points = [(point[along], point[f"{target}_ssim"]) for point in each["curve"]]
                label = f"{each['network']}, {each['optimizer']}, {each['samples']:,} samples, seed {each['seed']}"
                axes[row, column].plot(*zip(*points, strict=True), marker=".", label=label)
            axes[row, column].set(xscale="log", xlabel=name, ylabel="SSIM, validation split", title=title)
            axes[row, column].grid(alpha=0.3, which="both")
    axes[0, 0].legend(fontsize=8)
    with whole(file) as part:
        figure.savefig(part, dpi=130, format="png")
