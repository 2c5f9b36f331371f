"""What the user may say to let others in."""

import json
from pathlib import Path
from typing import Any

import pytest


def test_the_setting_opens_the_portal_and_warns(start: Any, manager: Path) -> None:
    manager.write_text("require('./listen');")
    done = start(manager, SEISNAS_PORTAL_ADDRESS="0.0.0.0", SEISNAS_PORTAL_UIDS="33")
    assert json.loads(done.stdout.splitlines()[-1]) == ["0.0.0.0"]
    assert "the portal is open on 0.0.0.0: it asks for no password" in done.stderr
    assert "open to the users 33 of this machine" in done.stderr


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("SEISNAS_PORTAL_ADDRESS", "everyone", "everyone is not an IPv4 address"),
        ("SEISNAS_PORTAL_ADDRESS", "::", ":: is not an IPv4 address"),
        ("SEISNAS_PORTAL_UIDS", "www-data", "www-data is not the number of a user"),
    ],
)
def test_a_wrong_setting_does_not_start(start: Any, manager: Path, setting: str, value: str, message: str) -> None:
    manager.write_text("")
    done = start(manager, **{setting: value})
    assert done.returncode == 1
    assert message in done.stderr
