import dataclasses

import numpy as np
import pytest

from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from datagen.kernel import KernelSpec
from datagen.operators import load_operator
from datagen.propagator import Propagator
from datagen.timing import Clock

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
    propagator = Propagator(SPEC, "forward", data, Clock(data))
    propagator.set_velocity(np.linspace(1500, 2500, 2 * 20 * 24).reshape(2, 20, 24))
    propagator.set_sources(propagator.spread.source_distance_S)
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


def test_other_compiler_flags_are_another_operator(cache, monkeypatch):
    folder, _ = cache
    before = set(folder.glob("*.operator"))
    monkeypatch.setenv("CFLAGS", "-DANYTHING")
    load_operator(SPEC, "forward")
    assert len(set(folder.glob("*.operator")) - before) == 1


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
