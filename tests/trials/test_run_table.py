"""The table at the end of `seisnas run`, on a line as short as a log's."""

import io

import numpy as np
from rich.console import Console

from trials.chain import table
from trials.results.report.report import ModelRow, Yardstick


def test_numbers_are_whole_on_a_line_of_80_characters() -> None:
    row = ModelRow(
        name="NasUnet, pruned",
        parameters=7_767_937,
        nonzero=3_892_524,
        file_bytes=13_233_183,
        packed_bytes=None,
        latency_ms=105.8,
        ssim=0.5179,
        correlation=0.811,
        mae=0.0806,
    )
    text = io.StringIO()
    other = Yardstick(ssim=0.4711, correlation=0.7, mae=0.1, images_MZX=np.zeros((0, 8, 8)))
    Console(file=text, width=80).print(table([row], {"RTM in the velocity of NasUnet, pruned": other}))
    for number in ("7,767,937", "3,892,524", "13.2 MB", "105.8 ms", "0.518", "0.811", "0.081", "0.471"):
        assert number in text.getvalue()
