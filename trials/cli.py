"""The program `seisnas`: how its errors and signals end.  The commands are in trials/commands.

Libraries are imported inside the commands, because `seisnas --help` should answer at once and `predict` must
work where neither torch nor NNI nor Devito is installed.
"""

import os
import sys

from rich.console import Console

from datagen.errors import InputError, shown
from datagen.files.writing import OF_THE_PLACE, write_errno
from trials.commands.app import app
from trials.commands.extras import how_to_get
from trials.running.ending import STATUSES, end_on_signals
from trials.running.quiet import print_anything, quiet_libraries


def main() -> None:
    """Entry point: what the user can fix is one message and exit status 2."""
    quiet_libraries()
    end_on_signals()
    print_anything()
    try:
        app()
    except SystemExit as end:
        if end.code in STATUSES:
            Console(stderr=True).print("stopped; the same command goes on from here")
        raise
    except InputError as error:
        Console(stderr=True).print("error:", shown(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (remedy := how_to_get(error, *sys.argv[1:2])) is None:
            raise
        Console(stderr=True).print("error:", remedy, markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except BrokenPipeError:  # as of `seisnas ls | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # of a disk that is full or read-only, another user's folder, …, wherever it is met
        if write_errno(error) not in OF_THE_PLACE:
            raise
        place = f"{error.filename}: " if error.filename else ""
        Console(stderr=True).print("error:", f"{place}{error.strerror}", markup=False, soft_wrap=True)
        sys.exit(2)
    except RuntimeError as error:  # an experiment or a training that failed, with its reason
        Console(stderr=True).print("failed:", shown(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
