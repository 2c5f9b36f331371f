import builtins
import errno
import hashlib
import logging
import multiprocessing
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from datagen.config import Data, Geology, Grid, Split, Survey
from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.generate import ensure, generate
from datagen.shards import make as make_shards_module
from datagen.shards import manifest as manifest_module
from datagen.shards import writer as shard_writer
from datagen.shards.manifest import layout, load_manifest, read_manifest, verify

MakeData = Callable[..., Data]


def fingerprint(data: Data) -> dict[str, str]:
    """SHA-256 of every file a reader may open."""
    files = sorted(Path(data.folder).glob("*.*"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.suffix}


def finished_shards(data: Data) -> list[int]:
    manifest = read_manifest(data.folder)
    return [] if manifest is None else [record.shard.number for record in manifest.shards]


def leftovers(data: Data) -> list[Path]:
    return list(Path(data.folder).glob("*.tmp"))


@pytest.fixture
def stopping_engine(echo_engine: Any) -> Callable[[int, BaseException], Any]:
    """An engine that raises at its n-th chunk."""

    def make(last: int, error: BaseException) -> Any:
        class Stopping(echo_engine):  # type: ignore[misc]
            calls = 0

            def shoot_and_migrate(self, velocity_MZX: np.ndarray) -> Any:
                self.calls += 1
                if self.calls > last:
                    raise error
                return super().shoot_and_migrate(velocity_MZX)

        return Stopping

    return make


def test_any_number_of_workers_makes_the_same_bits(make_data: MakeData, echo_engine: Any) -> None:
    one, two = make_data("one"), make_data("two")
    assert generate(one, workers=1, engine=echo_engine).made == 33
    assert generate(two, workers=2, engine=echo_engine).made == 33
    assert fingerprint(one) == fingerprint(two)
    assert len(fingerprint(one)) == 3 * 5 + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stopped_run_goes_on_and_ends_with_the_same_bits(
    make_data: MakeData, echo_engine: Any, stopping_engine: Any, workers: int
) -> None:
    whole, stopped = make_data("whole"), make_data("stopped", shard_size=16)
    whole = replace(whole, shard_size=16)
    generate(whole, workers=1, engine=echo_engine)
    with pytest.raises(KeyboardInterrupt):
        generate(stopped, workers=1, engine=stopping_engine(3, KeyboardInterrupt()))
    assert finished_shards(stopped) == [1, 2]
    assert not leftovers(stopped)
    rest = generate(stopped, workers=workers, engine=echo_engine)
    assert (rest.made, rest.skipped) == (13, 20)
    assert fingerprint(stopped) == fingerprint(whole)


@pytest.fixture
def slow_engine(echo_engine: Any) -> Any:
    class Slow(echo_engine):  # type: ignore[misc]
        def shoot_and_migrate(self, velocity_MZX: np.ndarray) -> Any:
            time.sleep(0.1)
            return super().shoot_and_migrate(velocity_MZX)

    return Slow


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_run_killed_with_signal_9_goes_on_and_ends_with_the_same_bits(
    make_data: MakeData, echo_engine: Any, slow_engine: Any, workers: int
) -> None:
    split = Split(train=100, validation=8, test=5)
    whole, killed = make_data("whole", split=split), make_data("killed", split=split)
    generate(whole, workers=1, engine=echo_engine)
    run = multiprocessing.get_context("fork").Process(
        target=generate, args=(killed,), kwargs=dict(workers=workers, engine=slow_engine)
    )
    run.start()
    while len(finished_shards(killed)) < 2:
        assert run.is_alive()
        time.sleep(0.01)
    run.kill()
    run.join()
    kept = finished_shards(killed)
    assert 2 <= len(kept) < len(layout(killed))
    rest = generate(killed, workers=workers, engine=echo_engine)
    assert rest.skipped >= 8 * (len(kept) - 1) + 5
    assert fingerprint(killed) == fingerprint(whole)


def test_what_a_killed_run_left_is_made_anew(make_data: MakeData, echo_engine: Any) -> None:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    before = fingerprint(data)
    folder = Path(data.folder)
    (folder / "data2.npy.tmp").write_bytes(b"half")
    (folder / "model3.npy").unlink()  # killed between the names and the manifest
    again = generate(data, workers=1, engine=echo_engine)
    assert (again.made, again.skipped) == (4, 29)
    assert fingerprint(data) == before


def test_a_finished_data_set_needs_no_engine(make_data: MakeData, echo_engine: Any) -> None:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)

    def no_engine(_: Data) -> Any:
        raise AssertionError("built an engine")

    done = generate(data, engine=no_engine)
    assert (done.made, done.skipped) == (0, 33)


def test_a_damaged_shard_stops_the_run_until_it_is_deleted(make_data: MakeData, echo_engine: Any) -> None:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    before = fingerprint(data)
    file = Path(data.folder) / "data1.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    with pytest.raises(InputError, match=r"data1\.npy: damaged"):
        generate(data, workers=1, engine=echo_engine)
    file.unlink()
    assert generate(data, workers=1, engine=echo_engine).made == 8
    assert fingerprint(data) == before


def test_a_folder_with_another_data_set_is_refused_and_left_alone(make_data: MakeData, echo_engine: Any) -> None:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    before = fingerprint(data)
    with pytest.raises(InputError, match=r"data\.grid\.spacing: 10\.0 in the data set, 5\.0 in the preset"):
        generate(replace(data, grid=replace(data.grid, spacing=5.0)), engine=echo_engine)
    assert fingerprint(data) == before


def test_a_second_generator_in_the_folder_is_refused(
    make_data: MakeData, echo_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_shards_module, "GRACE", 0.1)
    data = make_data()
    Path(data.folder).mkdir()
    with FileLock(Path(data.folder) / ".lock"), pytest.raises(InputError, match="another process"):
        generate(data, workers=1, engine=echo_engine)


def test_a_waiting_generator_goes_on_when_the_first_has_ended(make_data: MakeData, echo_engine: Any) -> None:
    data = make_data()
    Path(data.folder).mkdir()
    lock = FileLock(Path(data.folder) / ".lock")
    lock.acquire()
    thread = threading.Thread(target=generate, args=(data,), kwargs=dict(workers=1, wait=True, engine=echo_engine))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    lock.release()
    thread.join()
    verify(load_manifest(data.folder), data)


def test_a_data_set_that_does_not_fit_on_the_disk_is_refused_before_it_starts(
    make_data: MakeData, echo_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_data()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 10_000))
    with pytest.raises(InputError, match=r"needs 0\.\d+ GB more, the disk has 0\.000 GB free"):
        generate(data, workers=1, engine=echo_engine)
    assert finished_shards(data) == []


def test_the_disk_need_is_what_the_files_take(make_data: MakeData, echo_engine: Any) -> None:
    data = make_data(dtype="float16")
    generate(data, workers=1, engine=echo_engine)
    for record in load_manifest(data.folder).shards:
        taken = sum(file.bytes for file in record.files.values())
        assert shard_writer.shard_bytes(data, record.shard) == taken


@pytest.fixture
def disk_full_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Every write to files of this name fails as on a full disk."""

    def arrange(name: str) -> None:
        real = builtins.open

        def opened(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            stream = real(path, mode, *args, **kwargs)
            if str(path).endswith(name) and "w" in mode:
                stream.close()
                return real("/dev/full", mode, *args, **kwargs)
            return stream

        monkeypatch.setattr(builtins, "open", opened)

    yield arrange
    monkeypatch.undo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to play a full disk")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_gets_full_keeps_finished_shards(
    make_data: MakeData, echo_engine: Any, disk_full_at: Any, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    data, whole = make_data(), make_data("whole")
    disk_full_at("data3.npy.tmp")
    with pytest.raises(InputError, match=r"the disk of .* is full.*finished shards are kept"):
        generate(data, workers=workers, engine=echo_engine)
    monkeypatch.undo()
    assert 3 not in finished_shards(data)
    assert {1, 2} & set(finished_shards(data))
    assert not leftovers(data)
    generate(data, workers=1, engine=echo_engine)
    generate(whole, workers=1, engine=echo_engine)
    assert fingerprint(data) == fingerprint(whole)


def test_other_errors_of_the_system_are_not_taken_for_a_full_disk(make_data: MakeData, stopping_engine: Any) -> None:
    error = OSError(errno.EIO, "broken disk")
    with pytest.raises(InputError, match="cannot be written: Input/output error"):
        generate(make_data(), workers=1, engine=stopping_engine(1, error))


def test_a_folder_that_cannot_be_made_is_named(make_data: MakeData, echo_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"data\.folder: cannot write to .*file/set"):
        generate(make_data("file/set"), engine=echo_engine)


def test_shots_too_strong_for_float16_are_refused(make_data: MakeData, echo_engine: Any) -> None:
    class Loud(echo_engine):  # type: ignore[misc]
        def shoot_and_migrate(self, velocity_MZX: np.ndarray) -> Any:
            shots_MSTR, image_MZX = super().shoot_and_migrate(velocity_MZX)
            return shots_MSTR * 1e6, image_MZX

    with pytest.raises(InputError, match=r"data\.dtype: shots reach .* largest float16 is 65504"):
        generate(make_data(dtype="float16"), workers=1, engine=Loud)
    generate(make_data(dtype="float32"), workers=1, engine=Loud)


def test_a_run_without_a_terminal_leaves_the_disk_need_and_what_was_made(
    make_data: MakeData,
    echo_engine: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.INFO, logger="datagen"):
        generate(make_data(), workers=1, engine=echo_engine)
    need, made = [record.getMessage() for record in caplog.records]
    assert re.search(r"33 models to make, 0 MB; .* free", need)
    assert "33 models made, 0 were there" in made
    assert capfd.readouterr() == ("", "")


def test_ensure_makes_what_is_missing_and_verifies_what_is_there(
    make_data: MakeData, monkeypatch: pytest.MonkeyPatch, echo_engine: Any
) -> None:
    data = make_data()
    monkeypatch.setitem(generate.__kwdefaults__, "engine", echo_engine)
    ensure(data)
    ensure(data)
    (Path(data.folder) / "data1.npy").write_bytes(b"")
    with pytest.raises(InputError, match=r"data1\.npy: damaged"):
        ensure(data)


def test_the_wave_equation_makes_the_same_bits_with_one_and_two_workers(tmp_path: Path) -> None:
    data = Data(
        folder=str(tmp_path / "one"),
        grid=Grid(nz=24, nx=24, spacing=10.0),
        geology=Geology(layers=(3, 5)),
        survey=Survey(shots=2, receivers=24, frequency=15.0, interval=0.001, samples=200),
        split=Split(train=9, validation=1, test=1),
        shard_size=8,
        dtype="float16",
    )
    other = replace(data, folder=str(tmp_path / "two"))
    generate(data, workers=1)
    generate(other, workers=2)
    assert fingerprint(data) == fingerprint(other)
    shots = np.load(tmp_path / "one" / "data1.npy")
    assert shots.dtype == np.float16
    assert np.abs(shots).max() > 0


def test_a_finished_data_set_has_its_manifest_parsed_once(
    make_data: MakeData, echo_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    parsed = []
    real = manifest_module.read_json
    monkeypatch.setattr(manifest_module, "read_json", lambda path: parsed.append(path) or real(path))
    manifest = ensure(data)
    assert len(ShardDataset(data.folder, "train", "velocity", manifest=manifest)) == 20
    assert len(parsed) == 1
