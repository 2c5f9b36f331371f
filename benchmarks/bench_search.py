"""What a search costs and what it finds: every strategy, and every remedy against collapse, in processes of their own.

    python benchmarks/bench_search.py [--preset presets/openfwi.yml] [--seeds 2]

seconds                   of the one-shot search alone, and with the short training of what it found (`with_retraining`)
cost_over_unet_training   beside the 17 M U-Net's training in full: its steps are timed before and after each search,
                          and multiplied by the preset's models and epochs
peak_memory_mb            of another process, which searches for an epoch and gives back at once what it has freed:
                          above what it held before its first step, and without the files it has mapped
ssim                      validation split, of what was found, trained for the preset's `search.retrain_epochs`

The fading skip of DARTS- (Chu et al. 2021) was measured as well and then removed: it found nothing better, at a
higher cost.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import psutil
import torch
import typer
from lib.record import Record
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from datagen.dataset import ShardDataset, loader
from search_spaces.build import build
from search_spaces.genotype import Genotype, skip_share
from search_spaces.supernets.supernet import NasUnetSpace
from trials.running.channel import Channel
from trials.running.quiet import quiet_libraries
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.one_shot import find_genotype
from trials.stages.train import train
from trials.training.fit import Phase
from trials.training.losses import loss_terms
from trials.training.networks import geometry, with_genotype
from trials.training.precision import precision

STRATEGIES: dict[str, Mapping[str, Any]] = {
    "parsec": {"search.strategy": "parsec"},
    "random": {"search.strategy": "random"},
    "gumbel": {"search.strategy": "gumbel"},
    "darts": {"search.strategy": "darts"},
    "darts, no warm-up": {"search.strategy": "darts", "search.warmup_epochs": 0},
    "darts, half of the channels": {"search.strategy": "darts", "search.partial_channels": 2},
    "darts, stop at skips": {"search.strategy": "darts", "search.stop_skip_share": 0.34},
}
STEPS = 4  # of the U-Net that are timed before, and after
LOOK = 0.005  # [s] between looks at the memory
MEMORY = "memory: "  # before the name of a strategy: the job that measures it
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}  # glibc; half as slow again
BRIEF = {"search.epochs": 1, "search.warmup_epochs": 0, "search.samples": 128}


def main(
    preset: Annotated[Path, typer.Option()] = Path("presets/openfwi.yml"),
    seeds: Annotated[int, typer.Option()] = 2,
    strategies: Annotated[str, typer.Option(help="With semicolons between; all, if not given.")] = ";".join(STRATEGIES),
    one: Annotated[str, typer.Option(hidden=True)] = "",
    seed: Annotated[int, typer.Option(hidden=True)] = 1,
) -> None:
    if one:
        strategy = STRATEGIES.get(one.removeprefix(MEMORY), {})
        job = unet_training if one == "unet" else memory if one.startswith(MEMORY) else search
        brief = BRIEF if job is memory else {}
        sys.stdout.write(json.dumps(job(load(preset, strategy, brief, {"seed": seed}))))
        return
    split = load(preset).data.split
    record = Record(
        "search",
        "What a search costs and finds",
        f"python benchmarks/bench_search.py --preset {preset} --seeds {seeds}",
        split="validation",
        data=f"{split.train} / {split.validation} models; search: {load(preset).search}",
    )
    for strategy in strategies.split(";"):
        if record.has(strategy=strategy, seeds=seeds):
            continue
        found = [beside_unet(preset, strategy, seed) for seed in range(1, seeds + 1)]
        row = {name: fmean(each[name] for each in found) for name in found[0] if name != "genotype"}
        scores = [each["ssim"] for each in found]
        row["ssim_std"] = stdev(scores) if seeds > 1 else None
        row |= {"seeds": seeds, "split": "validation", "genotypes": [each["genotype"] for each in found]}
        record.add({"strategy": strategy, **row})


def beside_unet(preset: Path, strategy: str, seed: int) -> dict[str, Any]:
    before, found, after = (in_a_process(preset, job, seed) for job in ("unet", strategy, "unet"))
    found |= in_a_process(preset, MEMORY + strategy, seed, GIVES_BACK)
    unet = fmean([before["seconds"], after["seconds"]])
    costs = {"unet_training_seconds": unet, "cost_over_unet_training": found["seconds"] / unet}
    return found | costs | {"cost_with_retraining": found["seconds_with_retraining"] / unet}


def in_a_process(preset: Path, job: str, seed: int, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Each job has a process of its own, so that neither speed nor memory is another's."""
    command = [sys.executable, __file__, "--preset", str(preset), "--one", job, "--seed", str(seed)]
    inherited = os.environ | (environment or {})
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=inherited)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def search(config: Config) -> dict[str, Any]:
    quiet_libraries()
    with TemporaryDirectory() as folder:
        run = RunFolder(folder)
        run.start(config, "search")
        start = time.monotonic()
        genotype = find_genotype(config, run, Channel())
        seconds = time.monotonic() - start
        measured = retrained(config, genotype, run)
        both = time.monotonic() - start
    return {
        "seconds": seconds,
        "seconds_with_retraining": both,
        "skip_share": skip_share(genotype),
        "parameters": measured["parameters"],
        "ssim": measured["ssim"],
        "genotype": genotype.to_json(),
    }


def memory(config: Config) -> dict[str, float]:
    quiet_libraries()
    watch = Memory()
    with TemporaryDirectory() as folder:
        run = RunFolder(folder)
        run.start(config, "search")
        find_genotype(config, run, Channel())
        watch.stop()
    return {"peak_memory_mb": watch.above_mb}


def retrained(config: Config, genotype: Genotype, run: RunFolder) -> dict[str, Any]:
    phase = Phase(name="retrain", epochs=config.search.retrain_epochs, learning_rate=config.tune.learning_rate)
    return train(with_genotype(config, genotype), run, Channel(), phase)


def unet_training(config: Config) -> dict[str, float]:
    """Of its steps, without the loader, the moving average and the validation: a little less than in full."""
    network = replace(config.network, model="unet", width=config.baseline.width, depth=config.baseline.depth)
    net = build(network, *geometry(config)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters())
    batches = iter(loader(ShardDataset(config.data.folder, "train", config.target), config.training.batch_size))
    mixed = precision(config, gpu=False, network=net) == "bf16-mixed"
    times = []
    for _ in range(1 + STEPS):
        shots_BSTR, target_B1ZX = next(batches)
        start = time.monotonic()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss = loss_terms(config.loss, net(shots_BSTR), target_B1ZX)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append((time.monotonic() - start) / len(target_B1ZX))
    return {"seconds": fmean(times[1:]) * config.data.split.train * config.tune.epochs}


class Memory:
    """Watches this process from the first forward pass of a supernet until `stop`."""

    def __init__(self) -> None:
        self.held = self.peak = 0
        self.done = threading.Event()
        self.hook = register_module_forward_pre_hook(self._begin)

    @property
    def above_mb(self) -> float:
        return (self.peak - self.held) / 1e6

    def stop(self) -> None:
        self.hook.remove()
        self.done.set()

    def _begin(self, module: nn.Module, _: Any) -> None:
        if isinstance(module, NasUnetSpace):
            self.hook.remove()
            self.held = own_memory()
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.done.wait(LOOK):
            self.peak = max(self.peak, own_memory())


def own_memory() -> int:
    """[bytes] in pages that no file backs."""
    memory = psutil.Process().memory_info()
    return int(memory.rss - memory.shared)


if __name__ == "__main__":
    typer.run(main)
