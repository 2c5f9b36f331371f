"""Bundles of other versions of this program: an older one works, of a newer one the message says what to install.

The format counts changes that an older program cannot read.  What is only new or gone within a format is caught where
config.yml is checked, with the version that wrote it.
"""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from datagen.errors import InputError

FORMAT: Literal[1] = 1


def require_known_format(file: Path, tree: Any) -> None:
    """Raises InputError: config.yml `tree` has a format that came after this version."""
    found = tree.get("format") if isinstance(tree, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise InputError(
            "\n".join([f"{file}: format {found}; known here: 1 to {FORMAT}", *of_another_version(tree, newer=True)])
        )


def of_another_version(tree: Any, *, newer: bool = False) -> list[str]:
    """What to do about a bundle that another version made, a line; none if this one did, or nobody knows.

    `newer`: it is known to be of a newer one.
    """
    made_with = tree.get("made_with") if isinstance(tree, dict) else None
    maker = str(made_with.get("seisnas", "?"))[:40] if isinstance(made_with, dict) else "?"
    own = own_version()
    if newer or (_numbers(maker) > _numbers(own) > ()):
        return [f"SeisNAS {maker} made this bundle, this is {own}: install that version or a later one"]
    if () < _numbers(maker) < _numbers(own):
        return [f"SeisNAS {maker} made this bundle, this is {own}: export it again from its run, or use that version"]
    return []


def own_version() -> str:
    try:
        return version("seisnas")
    except PackageNotFoundError:  # run from a clone that is not installed
        return "not installed"


def _numbers(text: str) -> tuple[int, ...]:
    """0.10.0 → (0, 10, 0); () of anything else."""
    return tuple(map(int, text.split("."))) if re.fullmatch(r"\d{1,4}(\.\d{1,4})*", text, re.ASCII) else ()
