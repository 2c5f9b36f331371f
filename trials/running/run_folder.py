"""The folder of one run of a stage: its settings, its log, its results.

config.yml        the resolved configuration
provenance.json   command, parameters as given, git commit, versions, device, start
metrics.jsonl     one line per epoch
genotype.json     of a searched network; pareto.json: the front of a search by Archai
weights.safetensors
*-checkpoint.ckpt of a phase, while the run is under way
tensorboard/      curves and pictures
latency.json      of the deployed graph, once it was asked for
predictions/      pictures of the same validation models, a few epochs each
result.json       the final metrics: written last, so its presence means that the run succeeded
"""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save_file
from torch import Tensor

from datagen.errors import InputError
from datagen.files.reading import read_json, read_json_lines
from datagen.files.whole_files import whole
from search_spaces.weights_file import read_tensors
from trials.running.host_facts import versions
from trials.running.identity import Stage, differences
from trials.settings.config import Config, load, to_tree

LEFT = (
    "result.json",
    "metrics.jsonl",
    "genotype.json",
    "pareto.json",
    "weights.safetensors",
    "*-checkpoint.ckpt",
    "latency.json",
    "test.json",
)
PREDICTIONS = "predictions"
PACKAGES = ("seisnas", "torch", "nni", "pytorch-lightning", "devito", "numpy")


class RunFolder:
    """Paths and files of one run; see the module docstring."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).resolve()

    def start(
        self, config: Config, stage: Stage, parameters: dict[str, Any] | None = None, *, source: Path | None = None
    ) -> None:
        """Makes the folder and writes the run's settings.

        A run with the same settings continues from what is there; files of a run with other settings are removed.
        """
        if not self.was_asked(config, stage, parameters, source=source):
            self.require_own(config, source)
            self._clear()
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "result.json").unlink(missing_ok=True)
        provenance = {
            "command": sys.argv,
            "stage": stage,
            "source": str(source) if source else None,
            "parameters": parameters or {},
            "commit": _git_commit(),
            "versions": versions(PACKAGES),
            "python": sys.version.split()[0],
            "device": config.device,
            "seed": config.seed,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._write("provenance.json", json.dumps(provenance, indent=2))
        self.save_config(config)  # last: a folder with a configuration and no provenance is somebody else's

    def save_config(self, config: Config) -> None:
        """Called again when a run changes its network."""
        self._write("config.yml", yaml.safe_dump(to_tree(config), sort_keys=False))

    def was_asked(
        self, config: Config, stage: Stage, parameters: dict[str, Any] | None = None, *, source: Path | None = None
    ) -> bool:
        """Whether the run in the folder, finished or not, is this one."""
        if not all((self.path / name).exists() for name in ("config.yml", "provenance.json")):
            return False
        wanted = {"stage": stage, "source": str(source) if source else None, "parameters": parameters or {}}
        provenance = self.provenance
        same = all(provenance.get(name, value) == value for name, value in wanted.items())
        return same and not differences(self.config, config, stage)

    def require_own(self, config: Config, source: Path | None = None) -> None:
        """Raises InputError unless what `start` would remove is of an earlier run, and none that this one reads."""
        read = [source, config.training.teacher, config.picking.start and Path(config.picking.start).parent]
        if self.path in [Path(each).resolve() for each in read if each]:
            raise InputError(f"--run {self.path}: this run starts from there; give another folder")
        left = [file.name for pattern in ("config.yml", *LEFT) for file in self.path.glob(pattern)]
        if left and not (self.path / "provenance.json").exists():
            raise InputError(f"--run {self.path}: holds {left[0]}, and is no run; give another folder")

    def _clear(self) -> None:
        left = (name for pattern in LEFT for name in self.path.glob(pattern))
        for file in left:
            file.unlink()
        for folder in ("tensorboard", PREDICTIONS):
            shutil.rmtree(self.path / folder, ignore_errors=True)

    @property
    def provenance(self) -> dict[str, Any]:
        provenance: dict[str, Any] = read_json(self.path / "provenance.json", nan=True)
        return provenance

    @property
    def stage(self) -> Stage:
        """Which stage it is a run of."""
        stage: Stage = self.provenance["stage"]
        return stage

    @property
    def config(self) -> Config:
        return load(self.path / "config.yml")

    def add_metrics(self, row: dict[str, Any]) -> None:
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def forget_metrics(self, phase: str, epoch: int) -> None:
        """Drops a phase's lines from an epoch on, which will be repeated, and a last line that was cut off."""
        kept = [row for row in self.metrics if row["phase"] != phase or row["epoch"] < epoch]
        if (self.path / "metrics.jsonl").exists():
            self._write("metrics.jsonl", "".join(json.dumps(row) + "\n" for row in kept))

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """One row per epoch.  A last line that was cut off, by a kill or a full disk, does not count."""
        file = self.path / "metrics.jsonl"
        return read_json_lines(file) if file.exists() else []

    def save_weights(self, state: dict[str, Tensor]) -> None:
        with whole(self.path / "weights.safetensors") as part:
            save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, part)

    def load_weights(self) -> dict[str, Tensor]:
        file = self.path / "weights.safetensors"
        if not file.exists():
            raise InputError(f"{self.path}: no weights.safetensors here; give the folder of a finished tune run")
        return read_tensors(file)

    def save_genotype(self, text: str) -> None:
        self._write("genotype.json", text)

    def finish(self, result: dict[str, Any]) -> None:
        self._write("result.json", json.dumps(result, indent=2))

    @property
    def finished(self) -> bool:
        return (self.path / "result.json").exists()

    def require_finished(self) -> None:
        """Raises InputError unless the run has finished."""
        if not self.finished:
            raise InputError(f"{self.path}: no result.json, so this run did not finish")

    @property
    def result(self) -> dict[str, Any]:
        """The final metrics.  Raises InputError when the run did not finish."""
        self.require_finished()
        result: dict[str, Any] = read_json(self.path / "result.json", nan=True)
        return result

    def save_scores(self, split: str, scores: dict[str, float]) -> None:
        """Scores of the finished network on a split not used in the run."""
        self._write(f"{split}.json", json.dumps(scores, indent=2))

    def scores(self, split: str) -> dict[str, float] | None:
        """The scores written by `save_scores`, if any."""
        file = self.path / f"{split}.json"
        return read_json(file, nan=True) if file.exists() else None

    def _write(self, name: str, text: str) -> None:
        with whole(self.path / name) as part:
            part.write_text(text, encoding="utf-8")


def _git_commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
