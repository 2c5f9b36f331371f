"""A search whose candidates' trainings are cut off once."""

from typing import Any

import pytest

from trials.stages import candidates


def cut_off_once(monkeypatch: pytest.MonkeyPatch, call: int) -> list[tuple[Any, ...]]:
    """The training of that number ends as by Ctrl-C; returns what all of them are called with, as they come."""
    fit, calls = candidates.fit, []

    def cut_off(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == call:
            raise KeyboardInterrupt
        return fit(*arguments)

    monkeypatch.setattr(candidates, "fit", cut_off)
    return calls
