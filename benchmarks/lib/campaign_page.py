"""The results of a campaign: NAME.json, NAME.md to read beside it, and NAME.png, scores against samples seen."""

import json
import os
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

mpl.use("Agg")

Row = dict[str, Any]

COLUMNS = {
    "network": "network",
    "parameters": "parameters",
    "samples": "samples seen",
    "models": "models",
    "batch": "batch",
    "rate": "rate",
    "seconds": "seconds",
    "samples_per_s": "samples/s",
    "limit_share": "share of the limit",
    "velocity_ssim": "SSIM, velocity",
    "velocity_mae": "MAE, velocity",
    "rtm_ssim": "SSIM, RTM",
    "rtm_mae": "MAE, RTM",
}


class Page:
    """Rows by label; written after each, whole or not at all."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f"{name}.json"
        self.rows: list[Row] = json.loads(self.file.read_text())["rows"] if self.file.exists() else []

    def has(self, label: str) -> bool:
        """Whether this network has been trained to its end."""
        return any(row["label"] == label and not row["cut"] for row in self.rows)

    def add(self, row: Row, header: Row) -> None:
        """In the place of a row of the same label, that of a training that was cut."""
        self.rows = [other for other in self.rows if other["label"] != row["label"]] + [row]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        _replace(self.file, json.dumps(header | {"rows": self.rows}, indent=1) + "\n")
        _replace(self.file.with_suffix(".md"), self._text(header))
        curves(self.rows).savefig(self.file.with_suffix(".png"), dpi=110)

    def _text(self, header: Row) -> str:
        lines = ["# Networks on a growing pool of models, by the minute", ""]
        lines += [f"- {name}: {_cell(value)}" for name, value in header.items()]
        lines += ["", f"![SSIM against samples seen]({self.file.with_suffix('.png').name})", ""]
        lines += [f"| {' | '.join(COLUMNS.values())} | |", "|" + "---|" * (len(COLUMNS) + 1)]
        for row in self.rows:
            note = "cut" if row["cut"] else "diverged" if row["diverged"] else ""
            lines.append(f"| {' | '.join(_cell(row.get(name)) for name in COLUMNS)} | {note} |")
        return "\n".join(lines) + "\n"


def curves(rows: list[Row]) -> Figure:
    """SSIM on the validation split against samples seen, a panel a target."""
    targets = sorted({target for row in rows for target in row["targets"]}, reverse=True)
    figure = Figure(figsize=(5 * len(targets), 4), layout="constrained")
    for target, axes in zip(targets, figure.subplots(1, len(targets), squeeze=False)[0], strict=True):
        for row in rows:
            if target in row["targets"] and row["curve"]:
                place = row["targets"].index(target)
                label = f"{row['network']}, {row['parameters'] / 1e6:.2g} M"
                axes.plot([seen for seen, _ in row["curve"]], [ssim[place] for _, ssim in row["curve"]], label=label)
        axes.set(xscale="log", title=target, xlabel="samples seen", ylabel="SSIM, validation")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return figure


def _cell(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{name} {_cell(each)}" for name, each in value.items())
        case float():
            return f"{value:.4g}"
        case int() if not isinstance(value, bool):
            return f"{value:,}"
        case None:
            return ""
    return str(value)


def _replace(file: Path, text: str) -> None:
    temporary = file.with_suffix(f"{file.suffix}.tmp")
    temporary.write_text(text)
    os.replace(temporary, file)
