"""Keeps NNI's web page safe: activates the guard for every `nnictl` of this environment.

    nnictl (python: .pth ─► guard/on_start.py sets NODE_OPTIONS) ──► node --require guard/index.js nni_node/main.js

`python -m trials.experiment.nni.portal install` writes the .pth; `seisnas doctor` checks it.
"""

import argparse
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from datagen.errors import InputError

GUARD = Path(__file__).parents[1] / "guard" / "index.js"
ON_START = GUARD.with_name("on_start.py")

# Python runs a .pth line that starts with `import` at every start.  This one does nothing once the guard is gone.
PTH = """\
import os; f = {file!r}; os.path.isfile(f) and exec(compile(open(f).read(), f, "exec"), {{"__file__": f}})
"""


def node_option() -> str:
    """The option for node, quoted because a path may contain spaces."""
    return f'--require "{GUARD}"'


def guarded(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with this guard active, replacing one that another checkout may have installed."""
    others = environment.get("NODE_OPTIONS", "").replace(node_option(), "")
    return {**environment, "NODE_OPTIONS": f"{node_option()} {others}".strip()}


def pth_file() -> Path:
    return Path(sysconfig.get_path("purelib")) / "seisnas_portal.pth"


def pth_text() -> str:
    return PTH.format(file=str(ON_START))


def install() -> Path:
    """Writes the .pth file into this environment.  Raises InputError when it cannot be written."""
    try:
        pth_file().write_text(pth_text(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{pth_file()}: cannot be written: {error}; use your own environment") from None
    return pth_file()


def installed() -> bool:
    """Whether plain `nnictl` of this environment has this very guard."""
    return GUARD.is_file() and pth_file().is_file() and pth_file().read_text(encoding="utf-8") == pth_text()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trials.experiment.nni.portal", description=__doc__)
    parser.add_argument("action", choices=["install"])
    parser.parse_args()
    install()


if __name__ == "__main__":
    main()
