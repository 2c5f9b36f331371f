"""The page beside the terminal's display of an experiment."""

import io
from contextlib import closing
from pathlib import Path

from rich.console import Console

from tests.trials.results.page.stored import BUDGETS, store
from trials.experiment.watch import Snapshot, progress
from trials.results.display import ExperimentDisplay
from trials.results.page.server import PageServer


def test_the_terminal_names_both_pages_and_ours_shows_the_experiment(tmp_path: Path) -> None:
    store(tmp_path / "exp1", "finished")
    printed = io.StringIO()
    console = Console(file=printed, width=200)
    with closing(PageServer(0, "salt")) as page, ExperimentDisplay(console, page, tmp_path) as display:
        page.doing = "Something else"
        before = page.content()["experiment"]
        assert (before["status"], before["name"], before["doing"]) == ("starting", "salt", "Something else")
        display.update(Snapshot("exp1", "http://127.0.0.1:8080", progress(BUDGETS, []), None))
        after = page.content()["experiment"]
        assert (after["status"], after["id"], after["doing"]) == ("finished", "exp1", "Something else")
    said = f"experiment exp1: watch it at {page.url} (NNI's page: http://127.0.0.1:8080)"
    assert said in printed.getvalue()
