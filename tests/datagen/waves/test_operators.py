import dataclasses
import errno
import os
import tempfile

import numpy as np
import pytest
from filelock import FileLock

from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from datagen.waves import kernel, operators
from datagen.waves.kernel import KernelSpec
from datagen.waves.operators import load_operator
from datagen.waves.propagator import Propagator
from datagen.waves.scheme import derive_scheme
from datagen.waves.timing import Clock

SPEC = KernelSpec(space_order=4, batch=2, absorbing_cells=6)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache folder with one operator, and the bits that operator gave when it was built."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "seisnas" / "operators", shots()


def shots():
    survey = Survey(shots=2, receivers=24, frequency=9.0, interval=0.001, samples=200, space_order=4)
    data = Data(
        folder="unused",
        grid=Grid(nz=20, nx=24, spacing=10.0),
        survey=dataclasses.replace(survey, absorbing_cells=6, dispersion_correction=False),
        split=Split(train=1, validation=1, test=1),
    )
    propagator = Propagator(SPEC, "forward", data, Clock(data, derive_scheme(data)))
    propagator.set_velocity(np.linspace(1500, 2500, 2 * 20 * 24).reshape(2, 20, 24))
    propagator.set_sources(np.arange(2))
    propagator.run()
    return propagator.array("shots").copy()


def test_the_operator_from_the_cache_gives_the_same_bits_as_the_fresh_one(cache):
    folder, fresh = cache
    written = {path: path.stat().st_mtime_ns for path in folder.glob("*.operator")}
    assert len(written) == 1
    assert np.abs(fresh).max() > 0
    np.testing.assert_array_equal(shots(), fresh)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.operator")} == written


def test_nothing_but_operators_and_locks_is_left_in_a_folder_of_the_users_own(cache):
    folder, _ = cache
    assert {path.suffix for path in folder.iterdir()} <= {".operator", ".lock"}
    assert folder.stat().st_mode & 0o077 == 0


def test_a_damaged_operator_is_built_again(cache):
    folder, fresh = cache
    (path,) = folder.glob("*.operator")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    np.testing.assert_array_equal(shots(), fresh)
    assert len(path.read_bytes()) > len(whole) - 1000


def test_no_compiler_is_an_input_error(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"'no-such-compiler' was not found.*CC"):
        load_operator(SPEC, "forward")


def test_a_cache_folder_that_cannot_be_made_is_an_input_error(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="XDG_CACHE_HOME"):
        load_operator(SPEC, "forward")


def test_a_cache_folder_that_cannot_be_written_to_is_an_input_error(monkeypatch, tmp_path):
    if os.access("/proc", os.W_OK) and os.getuid() != 0:
        pytest.skip("no folder that cannot be written to")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc")
    with pytest.raises(InputError, match=r"/proc/seisnas/operators: .*XDG_CACHE_HOME"):
        load_operator(SPEC, "forward")


def test_a_full_disk_is_an_input_error(monkeypatch, tmp_path):
    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kernel, "build", no_space)
    with pytest.raises(InputError, match=r"No space left on device; set XDG_CACHE_HOME"):
        load_operator(SPEC, "forward")


def test_a_compiler_that_fails_is_an_input_error(monkeypatch, tmp_path):
    broken = tmp_path / "gcc-broken"
    broken.write_text('#!/bin/sh\ncase "$*" in *--version*) echo "gcc (Debian) 12.2.0";; *) exit 1;; esac\n')
    broken.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(InputError, match=r"gcc-broken failed.*CC"):
        load_operator(SPEC, "forward")


def test_locks_and_libraries_left_by_killed_processes_do_no_harm(cache, monkeypatch, tmp_path):
    """Devito's own cache would wait for ever for the one and die of the other."""
    folder, fresh = cache
    (path,) = folder.glob("*.operator")
    name = operators._read(path)._soname
    user = os.getuid()
    (tmp_path / f"devito-codepy-uid{user}").mkdir()
    (tmp_path / f"devito-codepy-uid{user}" / "lock").touch()
    (tmp_path / f"devito-jitcache-uid{user}").mkdir()
    (tmp_path / f"devito-jitcache-uid{user}" / f"{name}.so").write_bytes(b"\x7fELF, cut off")
    path.unlink()
    path.with_suffix(".lock").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    np.testing.assert_array_equal(shots(), fresh)
    np.testing.assert_array_equal(shots(), fresh)  # the one from the cache
    assert tempfile.tempdir == str(tmp_path)


def test_a_process_that_compiles_leaves_the_folder_of_all_others_temporary_files_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen = []

    def build(spec, kind):
        seen.append(tempfile.gettempdir())
        raise OSError(errno.ENOSPC, "No space left on device")

    before = tempfile.gettempdir()
    monkeypatch.setattr(kernel, "build", build)
    with pytest.raises(InputError):
        load_operator(SPEC, "forward")
    assert seen == [before]


def test_a_process_that_compiles_for_too_long_is_an_input_error(cache, monkeypatch):
    folder, _ = cache
    monkeypatch.setattr(operators, "PATIENCE", 0.1)
    (path,) = folder.glob("*.operator")
    with FileLock(path.with_suffix(".lock")), pytest.raises(InputError, match=r"\.lock: another process"):
        load_operator(SPEC, "forward")


def test_operators_that_another_process_builds_are_left_to_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []

    def build(spec, kind, path):
        built.append(kind)
        path.touch()

    monkeypatch.setattr(operators, "_build", build)
    with FileLock(operators._place(SPEC, "snapshots").with_suffix(".lock")):
        operators.share_building(SPEC, ("forward", "snapshots", "adjoint"))
    assert built == ["forward", "adjoint"]
    operators.share_building(SPEC, ("forward", "snapshots", "adjoint"))
    assert built == ["forward", "adjoint", "snapshots"]


def test_other_compiler_flags_are_another_operator(cache, monkeypatch):
    folder, _ = cache
    before = set(folder.glob("*.operator"))
    monkeypatch.setenv("CFLAGS", "-DANYTHING")
    load_operator(SPEC, "forward")
    assert len(set(folder.glob("*.operator")) - before) == 1
