"""The generator of a campaign: `python -m lib.campaign_make PRESET WORK MODELS WORKERS` (campaign_data.py).

It needs Devito and a C compiler, and no torch.  When its standard input closes, as it does with the process that
started it, it ends.
"""

import os
import sys
import threading
from pathlib import Path

from lib.campaign_data import pool_data, preset_data

from datagen.errors import InputError
from datagen.generate import generate
from trials.settings.config import load


def main(preset: Path, work: Path, models: int, workers: int) -> None:
    threading.Thread(target=_end_with_starter, daemon=True).start()
    config = load(preset)
    for data in (preset_data(config, work), pool_data(config, work, models)):
        generate(data, workers=workers, progress=False, report=lambda line: print(line, flush=True))


def _end_with_starter() -> None:
    while os.read(0, 1):  # not through sys.stdin: its lock, held here, would stop workers as they are forked
        pass
    os._exit(1)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    except InputError as error:
        sys.exit(f"generator: {error}")
