"""The distribution of GPUs to trials."""

import json
from pathlib import Path
from typing import Any

GPUS = """
require('./prelude');
const { TaskScheduler, UnitTestHelpers } = require('common/trial_keeper/task_scheduler/scheduler');
const gpus = async count => {
  const info = { gpuNumber: count, gpus: [...Array(count).keys()].map(index => ({ index })), processes: [] };
  UnitTestHelpers.mockGpuInfo(info);
  const scheduler = new TaskScheduler();
  await scheduler.init();
  return scheduler;
};
const take = (scheduler, trial, wanted, restrictions) =>
  scheduler.schedule('abc', trial, wanted, restrictions).then(found => found && found.CUDA_VISIBLE_DEVICES);
"""


def test_a_single_gpu_is_given_away_whole_and_shared(node: Any, manager: Path) -> None:
    manager.write_text(
        GPUS + "gpus(1).then(async one => {\n"
        "  const found = [await take(one, 'a', 1), await take(one, 'b', 1)];\n"
        "  await one.release('abc', 'a');\n"
        "  for (const trial of ['c', 'd', 'e', 'f']) found.push(await take(one, trial, 1 / 3));\n"
        "  say([...found, await take(one, 'g', 0), await take(one, 'h', 2)]);\n"
        "});"
    )
    assert node(manager) == ["0", None, "0", "0", "0", None, "", None]


def test_two_gpus_go_to_two_trials_or_to_one(node: Any, manager: Path) -> None:
    manager.write_text(
        GPUS + "gpus(2).then(async two => {\n"
        "  const found = [await take(two, 'a', 1), await take(two, 'b', 1), await take(two, 'c', 1)];\n"
        "  for (const trial of ['a', 'b']) await two.release('abc', trial);\n"
        "  found.push(await take(two, 'd', 2));\n"
        "  for (const index of [1, 7]) found.push(await take(await gpus(2), 'e', 1, { onlyUseIndices: [index] }));\n"
        "  say(found);\n"
        "});"
    )
    assert node(manager) == ["0", "1", None, "0,1", "1", None]


def test_gpus_are_read_by_one_process_at_a_time(node: Any, manager: Path, tmp_path: Path) -> None:
    reader = tmp_path / "python"
    reader.write_text(
        f'#!/bin/sh\necho >> {tmp_path}/readings\nsleep 0.2\necho \'{{"success": true, "gpuNumber": 1}}\'\n'
    )
    reader.chmod(0o755)
    manager.write_text(
        "require('./prelude');\n" + f"nni.args.pythonInterpreter = {json.dumps(str(reader))};\n"
        "const { collectGpuInfo } = require('common/trial_keeper/task_scheduler/collect_info');\n"
        "Promise.all([collectGpuInfo(), collectGpuInfo(), collectGpuInfo(true)]).then(found => say(found.length));"
    )
    assert node(manager) == 3
    assert (tmp_path / "readings").read_text() == "\n"
