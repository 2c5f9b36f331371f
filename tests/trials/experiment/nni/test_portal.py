"""The guard comes into force for every `nnictl` of an environment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from datagen.errors import InputError
from trials.experiment.nni import portal


def python(pth: str, **environment: str) -> str | None:
    """NODE_OPTIONS after Python has run the line of the .pth file."""
    text = f"{pth}\nimport json; print(json.dumps(os.environ.get('NODE_OPTIONS')))"
    done = subprocess.check_output([sys.executable, "-S", "-c", text], text=True, env=environment)
    options: str | None = json.loads(done)
    return options


def test_the_pth_line_puts_the_guard_in_force_and_keeps_other_options() -> None:
    assert portal.pth_text().count("\n") == 1
    assert portal.pth_text().startswith("import ")
    assert python(portal.pth_text()) == portal.node_option()
    assert python(portal.pth_text(), NODE_OPTIONS="--no-warnings") == f"--no-warnings {portal.node_option()}"
    assert python(portal.pth_text(), NODE_OPTIONS=portal.node_option()) == portal.node_option()


@pytest.mark.parametrize(("action", "lines"), [("create", 1), ("resume", 1), ("view", 1), ("stop", 0)])
def test_the_user_of_nnictl_is_told(tmp_path: Path, action: str, lines: int) -> None:
    (tmp_path / "nnictl").write_text(portal.pth_text())
    words = [sys.executable, "-S", str(tmp_path / "nnictl"), action]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env={}).stderr
    assert said == "SeisNAS guard in force: NNI's portal listens on 127.0.0.1 (docs/security.md)\n" * lines


def test_the_pth_line_does_nothing_once_the_guard_is_gone() -> None:
    assert python(portal.pth_text().replace(".py", ".gone")) is None


def test_doctor_can_tell_whether_the_guard_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "pth_file", lambda: tmp_path / "seisnas.pth")
    assert not portal.installed()
    assert portal.install() == tmp_path / "seisnas.pth"
    assert portal.installed()
    (tmp_path / "seisnas.pth").write_text(portal.pth_text().replace("trials", "elsewhere"))
    assert not portal.installed()


def test_an_environment_that_is_not_writable_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "pth_file", lambda: tmp_path / "missing" / "seisnas.pth")
    with pytest.raises(InputError, match="cannot be written"):
        portal.install()
