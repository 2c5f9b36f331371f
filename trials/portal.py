"""NNI's web page, kept on this machine: portal_guard.js in force for every `nnictl` of this environment.

    nnictl (python: the .pth sets NODE_OPTIONS) ──► node --require portal_guard.js nni_node/main.js

`python -m trials.portal install` writes the .pth; `seisnas doctor` checks it.
"""

import argparse
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from datagen.errors import InputError

GUARD = Path(__file__).with_name("portal_guard.js")

# Python runs a .pth line that starts with `import` at every start.  This one adds the option only while the
# guard exists and keeps options that are already there; the guard itself acts in NNI's manager only.
PTH = """\
import os; g = {guard!r}; o = os.environ.get("NODE_OPTIONS", ""); \
os.path.isfile(g) and g not in o and os.environ.update(NODE_OPTIONS=(o + {option!r}).strip())
"""


def node_option() -> str:
    """What node has to be told: quotes, because a path may hold spaces."""
    return f'--require "{GUARD}"'


def guarded(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with the guard in force."""
    options = environment.get("NODE_OPTIONS", "")
    if str(GUARD) not in options:
        options = f"{options} {node_option()}".strip()
    return {**environment, "NODE_OPTIONS": options}


def pth_file() -> Path:
    return Path(sysconfig.get_path("purelib")) / "seisnas_portal.pth"


def pth_text() -> str:
    return PTH.format(guard=str(GUARD), option=f" {node_option()}")


def install() -> Path:
    """Writes the .pth file into this environment.  Raises InputError when it cannot be written."""
    try:
        pth_file().write_text(pth_text())
    except OSError as error:
        raise InputError(f"{pth_file()}: cannot be written: {error}; use your own environment") from None
    return pth_file()


def installed() -> bool:
    """Whether plain `nnictl` of this environment has the guard, in this place and version."""
    return GUARD.is_file() and pth_file().is_file() and pth_file().read_text() == pth_text()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trials.portal", description=__doc__)
    parser.add_argument("action", choices=["install"])
    parser.parse_args()
    install()


if __name__ == "__main__":
    main()
