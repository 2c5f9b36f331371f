"""Trials as the manager starts, ends and shows them."""

from pathlib import Path
from typing import Any

SERVICE = "require('./prelude');\nrequire('./service');\n"


def test_each_trial_gets_and_shows_its_own_parameters(node: Any, manager: Path) -> None:
    manager.write_text(
        SERVICE + "service.start().then(async () => {\n"
        "  const old = form(2, { id: 'old', envId: 'x' });\n"
        "  const jobs = [await begin(0), await begin(1), await service.submitTrialJob(old)];\n"
        "  for (const job of [...jobs].reverse()) await on.ask(job.id);\n"
        "  const shown = job => job.form.hyperParameters.value;\n"
        "  say(jobs.map(job => [given[job.id], shown(job), job.url.split('/').at(-1) === job.id]));\n"
        "});"
    )
    assert node(manager) == [["p0", "p0", True], ["p1", "p1", True], ["p2", "p2", True]]


def test_a_trial_that_finds_no_place_waits_and_tries_again(node: Any, manager: Path) -> None:
    manager.write_text(
        SERVICE + "service.start().then(async () => {\n"
        "  refusals = 1;\n"
        "  const before = Date.now();\n"
        "  const job = await begin(0);\n"
        "  await on.ask(job.id);\n"
        "  say([given[job.id], Date.now() - before > 900]);\n"
        "});"
    )
    assert node(manager) == ["p0", True]


def test_trials_end_with_the_right_status(node: Any, manager: Path) -> None:
    manager.write_text(
        SERVICE + "const end = async (code, early) => {\n"
        "  const { id } = await begin(Math.random());\n"
        "  if (early !== undefined) await service.cancelTrialJob(id, early);\n"
        "  await on.end(id, 0, code);\n"
        "  return (await service.getTrialJob(id)).status;\n"
        "};\n"
        "service.start().then(async () => say([await end(0), await end(3), await end(null),\n"
        "  await end(null, false), await end(null, true), await end(130, true)]));"
    )
    ends = ["SUCCEEDED", "FAILED", "FAILED", "USER_CANCELED", "EARLY_STOPPED", "EARLY_STOPPED"]
    assert node(manager) == ends


def test_a_result_that_is_in_stands_when_the_trial_is_killed_after_it(node: Any, manager: Path) -> None:
    manager.write_text(
        SERVICE + "const end = async type => {\n"
        "  const { id } = await begin(Math.random());\n"
        "  await on.metric(id, JSON.stringify({ type, value: '0.5' }));\n"
        "  await on.end(id, 0, null);\n"
        "  return (await service.getTrialJob(id)).status;\n"
        "};\n"
        "service.start().then(async () => say([await end('PERIODICAL'), await end('FINAL')]));"
    )
    assert node(manager) == ["FAILED", "SUCCEEDED"]


def test_no_file_but_a_trials_logs_is_shown(node: Any, manager: Path) -> None:
    manager.write_text(
        SERVICE + "const read = (id, name) => service.getTrialFile(id, name).catch(error => error.message);\n"
        "const names = [['t1', '../../etc/passwd'], ['..', 'stdout'], ['t1', 'model.onnx'], ['t1', 'stderr']];\n"
        "Promise.all(names.map(one => read(...one))).then(say);"
    )
    *refused, allowed = node(manager)
    assert refused == ["refused: this is no log of a trial"] * 3
    assert "/tmp/t1/trial.stderr" in allowed  # it is looked for
