"""How far a long run is, on a terminal and elsewhere."""

import pytest

from datagen.shards import progress
from datagen.shards.progress import models_bar


def test_a_terminal_sees_count_and_rate(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes the output for a terminal's
    monkeypatch.setenv("COLUMNS", "120")
    with models_bar(16, shown=True) as advance:
        advance(8)
        advance(8)
    drawn = capfd.readouterr().err
    assert "16/16" in drawn
    assert "/min" in drawn


def test_nothing_is_drawn_where_it_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with models_bar(8, shown=True) as advance:
        advance(8)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with models_bar(8, shown=False) as advance:
        advance(8)
    assert capfd.readouterr() == ("", "")


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 30.0, 60.0, 90.0, 120.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with models_bar(1000, shown=True) as advance:
        for _ in range(4):
            advance(100)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["200 of 1,000 models, 200/min, 4 min left", "400 of 1,000 models, 200/min, 3 min left"]
