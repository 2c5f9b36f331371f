import socket
from pathlib import Path

import pytest

from datagen.errors import InputError
from trials.experiment.machines import doctor


def test_every_check_that_can_fail_names_its_remedy(tmp_path: Path) -> None:
    found = doctor.checks(18999, tmp_path)
    assert len({check.name for check in found}) == len(found)
    assert all(check.detail for check in found)
    assert [check.name for check in found if not check.ok and not check.remedy] == []


def test_this_machine_runs_python_packages_compiler_and_node(tmp_path: Path) -> None:
    doctor.require(doctor.python(), doctor.packages(), doctor.compiler(), doctor.node(), doctor.writable(tmp_path))


def test_a_busy_port_is_found() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        busy = doctor.free_port(server.getsockname()[1])
    assert not busy.ok
    assert "--port" in busy.remedy


def test_a_free_port_is_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    assert doctor.free_port(port).ok


def test_a_missing_compiler_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert not doctor.compiler().ok


def test_a_folder_that_is_not_writable_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not doctor.writable(tmp_path / "file").ok
    assert not doctor.writable(tmp_path / "file" / "below").ok


def test_an_old_or_missing_package_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "VERSIONS", {"numpy": "99.0", "no-such-package": "1.0"})
    check = doctor.packages()
    assert not check.ok
    assert "instead of 99.0" in check.detail
    assert "no-such-package is missing" in check.detail


def test_a_required_check_that_fails_is_an_input_error_with_the_remedy() -> None:
    with pytest.raises(InputError, match="a: bad; do this\nb: worse; do that"):
        doctor.require(
            doctor.Check("a", False, "bad", "do this"),
            doctor.Check("ok", True, "good", "nothing"),
            doctor.Check("b", False, "worse", "do that"),
        )
