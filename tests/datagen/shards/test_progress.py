import pytest

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
