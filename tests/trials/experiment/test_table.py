"""`seisnas ls`: the trials of an experiment, in a terminal and in a pipe."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.trials.results.page.stored import store
from trials.commands.experiment import list_trials
from trials.experiment.record import read_record
from trials.experiment.table import trial_table


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines in a pipe, of an experiment that was moved since it ran."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    store(tmp_path / "before", "finished").rename(tmp_path / "e")
    (tmp_path / "nni_config.yml").write_text("experimentWorkingDirectory: .\n")
    picture = tmp_path / "e" / "environments" / "local-env" / "trials" / "t0003" / "predictions"
    for file in picture.glob("*.png"):
        file.unlink()
    list_trials("e", tmp_path / "nni_config.yml")
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_in_a_pipe_each_trial_is_a_line_that_ends_with_the_path_of_its_picture(listed: list[str]) -> None:
    rows = {number: next(line for line in listed if line.startswith(f"{number} ")) for number in range(7)}
    ends = [Path(row.split()[-1]) for row in rows.values()]
    assert [end.name for end in ends if end.is_file()] == ["retrain-002.png"] * 2 + ["tune-006.png"] + [
        "compress-1-003.png"
    ] * 3
    assert rows[3].endswith("loss.ssim=0.14")  # nothing was drawn


def test_in_a_terminal_of_80_columns_the_settings_keep_their_room(tmp_path: Path) -> None:
    record = read_record(store(tmp_path / "e", "finished"))
    shown = Console(file=io.StringIO(), width=80, force_terminal=True, legacy_windows=False)
    picture = tmp_path / "with space" / "tune-006.png"
    plain, named = (trial_table(record.jobs, pictures, interrupted=False) for pictures in ({}, {"t0002": picture}))
    assert shown.measure(named) == shown.measure(plain)
    shown.print(named)
    written = shown.file.getvalue()  # type: ignore[attr-defined]
    assert f"{picture.as_uri()}\x1b\\tune-006.png\x1b" in written
    assert "with space" not in written  # the path is in the link alone
