"""What the manager tells of an experiment with stages."""

from pathlib import Path
from typing import Any


def test_an_experiment_whose_tuner_waits_is_running(node: Any, manager: Path) -> None:
    manager.write_text(
        "require('./prelude');\n"
        "const words = ['TUNER_NO_MORE_TRIAL', 'NO_MORE_TRIAL', 'RUNNING', 'DONE', 'ERROR', 'VIEWED'];\n"
        "const shown = status => NNIManager.prototype.getStatus.call({ status: { status, errors: ['e'] } });\n"
        "say(words.map(word => Object.values(shown(word)).flat()));"
    )
    words = ["RUNNING", "RUNNING", "RUNNING", "DONE", "ERROR", "VIEWED"]
    assert node(manager) == [[word, "e"] for word in words]


def test_as_many_trials_are_shown_as_the_budgets_have(node: Any, manager: Path) -> None:
    manager.write_text(
        "require('./prelude');\n"
        "const shown = async (budgets, maxTrialNumber, currSubmittedTrialNum) => {\n"
        "  const experimentProfile = { params: { maxTrialNumber, tuner: { classArgs: { budgets } } } };\n"
        "  const it = { experimentProfile, currSubmittedTrialNum };\n"
        "  const { params } = await NNIManager.prototype.getExperimentProfile.call(it);\n"
        "  return [params.maxTrialNumber ?? null, experimentProfile.params.maxTrialNumber ?? null];\n"
        "};\n"
        "const budgets = { search: 2, tune: 4 };\n"
        "Promise.all([shown(budgets, undefined, 0), shown(budgets, 1000, 3), shown(budgets, 5, 5),\n"
        "  shown(budgets, 1000, 7), shown(undefined, undefined, 3)]).then(say);"
    )
    # a host was lost: a seventh trial; of a tuner without budgets what NNI says
    assert node(manager) == [[6, None], [6, 1000], [5, 5], [7, 1000], [None, None]]
