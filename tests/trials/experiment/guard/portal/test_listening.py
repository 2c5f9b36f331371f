"""NNI listens on this machine only."""

from pathlib import Path
from typing import Any


def test_the_manager_listens_on_this_machine_only(node: Any, manager: Path) -> None:
    manager.write_text("require('./listen');")
    assert node(manager) == ["127.0.0.1"]


def test_the_helper_on_a_remote_host_is_guarded_too(node: Any, manager: Path) -> None:
    keeper = manager.with_name("common") / "trial_keeper" / "main.js"
    keeper.write_text("require('../../listen');\nconsole.log(process.umask());")
    assert node(keeper) == ["127.0.0.1"]
