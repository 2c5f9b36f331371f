"""One run of a stage, from its configuration to its result, under NNI or alone."""

import time
from typing import Any, Literal

import pytorch_lightning as pl

from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.full_disk import report_unwritable
from datagen.generate import ensure
from trials.running.channel import Channel
from trials.running.checkpoint import EPOCHS_KEPT, remove_checkpoints
from trials.running.devices import device_count
from trials.running.host_facts import data_digest
from trials.running.memory import report_short_memory
from trials.running.quiet import quiet_libraries
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.stages.search import search
from trials.stages.tune import tune
from trials.training.perceptual import load_features
from trials.training.tasks import make_task
from trials.training.transferring.transfer import resolved

TrialStage = Literal["search", "tune", "compress"]


def execute(
    stage: TrialStage,
    config: Config,
    run: RunFolder,
    channel: Channel,
    *,
    source: RunFolder | None = None,
    parameters: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Runs `stage` in its folder and reports the final metrics.

    A run with the same settings continues where it stopped; a finished one just reports its result again.
    `source` is the finished run whose network `compress` starts from.  A missing data set is made first.
    Raises InputError when the data set does not fit the configuration, the source did not finish, `run` is its folder,
    pretrained weights, the features of the perceptual loss or a checkpoint cannot be read, or the disk is full;
    OutOfMemory; KeyboardInterrupt on Ctrl-C.
    """
    quiet_libraries()
    config = resolved(config)
    asked_of = None if source is None else source.path
    if stage == "compress":
        if source is None:
            raise InputError("compress: needs the folder of a finished tune run to start from (--from)")
        source.require_finished()
        from trials.stages.compress import fine_tuning  # noqa: PLC0415  NNI, which the other stages do without

        config = fine_tuning(config, source)
    if run.finished and run.was_asked(config, stage, parameters, source=asked_of):
        channel.final(run.result)
        return run.result
    run.require_own(config, asked_of)
    if config.loss.perceptual > 0:
        load_features(config.loss.perceptual_features, config.loss.perceptual_weights)  # reports missing ones early
    device_count(config)  # so is a wrong number
    start = time.monotonic()
    task = make_task(config)
    manifest = ensure(config.data) if task.reads_data_set else None
    if manifest is not None:  # a missing target is reported before the run begins
        ShardDataset(config.data.folder, "train", config.target, manifest=manifest)
    with report_unwritable(run.path, EPOCHS_KEPT):
        run.start(config, stage, parameters, source=asked_of)
        pl.seed_everything(config.seed, verbose=False)
        with report_short_memory(stage, config):
            if stage == "search":
                result = search(config, run, channel)
            elif stage == "tune":
                result = tune(config, run, channel)
            else:
                assert source is not None
                from trials.stages.compress import compress  # noqa: PLC0415

                result = compress(config, run, channel, source)
        bits = data_digest(config.data.folder)  # other kinds of hosts may make other bits
        result |= {"run": str(run.path), "seconds": time.monotonic() - start, "data": bits}
        run.finish(result)
        remove_checkpoints(run.path)
    channel.final(result)
    return result
