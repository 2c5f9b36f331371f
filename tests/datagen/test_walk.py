"""How often a reader who follows one velocity model from its random numbers to a shard comes back to a file."""

import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from datagen import generate as generate_module
from datagen.config import Data, Split
from datagen.generate import generate

PACKAGE = str(Path(generate_module.__file__).parent)


def functions_read(work: Callable[[], Any]) -> list[CodeType]:
    """Functions of datagen on a walk that reads each one when it is first called."""
    read: dict[CodeType, None] = {}

    def see(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
            read.setdefault(code)

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return list(read)


def test_a_velocity_model_becomes_a_shard_with_no_more_than_ten_returns(make_data: Callable[..., Data]) -> None:
    data = make_data(split=Split(train=1, validation=1, test=1))
    read = functions_read(lambda: generate(data, workers=1, progress=False))
    names = [code.co_name for code in read]
    way = read[names.index("make_chunk") : names.index("_with")]  # after what is set up once, up to the manifest
    stays = [Path(file).name for file, _ in groupby(code.co_filename for code in way)]
    assert len(set(stays)) > 10
    assert len(stays) - len(set(stays)) <= 10, stays
