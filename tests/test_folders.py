"""A folder is seen at a glance."""

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST = 15  # files side by side


@pytest.mark.parametrize("package", ["datagen", "search_spaces", "compressors", "trials", "tests"])
def test_no_folder_has_more_than_fifteen_files_side_by_side(package: str) -> None:
    files = Counter(file.parent for file in (ROOT / package).rglob("*.*") if file.is_file() and file.suffix != ".pyc")
    assert files
    assert {folder: count for folder, count in files.items() if count > MOST} == {}
