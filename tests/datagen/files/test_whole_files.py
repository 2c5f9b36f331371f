"""Files are there whole or not at all."""

import hashlib
from pathlib import Path

import pytest

from datagen.files.whole_files import file_sha256, temporary_path, whole


def test_a_file_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "data.npy"
    file.write_text("old")
    with whole(file) as part:
        part.write_text("new")
        assert file.read_text() == "old"
        assert part == temporary_path(file) != file
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_writing_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    file = tmp_path / "data.npy"
    file.write_text("old")

    def stopped_half_way() -> None:
        with whole(file) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped_half_way()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_the_checksum_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_only_one_file_puts_files_in_place() -> None:
    """Everywhere else it is `whole`, or `temporary_path` and os.replace of what is written in many calls."""
    root = Path(__file__).parents[3]
    spelled = [
        file.relative_to(root).as_posix()
        for package in ("datagen", "search_spaces", "compressors", "trials")
        for file in (root / package).rglob("*.py")
        if any(word in file.read_text() for word in ('.tmp"', '.part"', ".tmp.npy"))
    ]
    assert spelled == ["datagen/files/whole_files.py"]
