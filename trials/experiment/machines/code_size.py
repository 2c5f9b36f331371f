"""Checks before the start that the code for other machines is small enough for NNI.

NNI packs trialCodeDirectory except what .nniignore names; past its limits its manager would just exit.
"""

import importlib.util
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from datagen.errors import InputError

FILES = 2000  # NNI's limits (common/tarball.js)
BYTES = 300 * 2**20


@dataclass(frozen=True)
class CodeSize:
    files: int
    bytes: int
    folders: dict[str, int]  # bytes of each entry of the folder

    def __str__(self) -> str:
        return f"{self.files} files, {self.bytes / 1e6:.1f} MB (at most {FILES} files, {BYTES / 1e6:.0f} MB)"


def code_size(folder: Path) -> CodeSize:
    """The size of what would be sent.  Raises InputError if NNI would not send it."""
    found = importlib.util.find_spec("nni_node")
    assert found is not None
    assert found.origin is not None
    nni = Path(found.origin).parent
    done = subprocess.run(
        [nni / "node", Path(__file__).with_suffix(".js"), nni, folder], capture_output=True, text=True, check=True
    )
    size = CodeSize(**json.loads(done.stdout))
    if size.files > FILES or size.bytes > BYTES:
        largest = sorted(size.folders, key=lambda name: -size.folders[name])[:3]
        raise InputError(
            f"{folder}: {size} would be sent to each host; list what trials do not need in "
            f"{folder / '.nniignore'}; the largest: {', '.join(largest)}"
        )
    return size
