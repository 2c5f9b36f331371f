"""The front of a network that sees one gather at a time.

    gather [B, 1, T, R] ─ area means, T → rows ─ − mean of the trace ─ / rms ─ asinh ─► [B, 1, rows, R]

Nothing rings: a mean over neighbouring samples has no side lobes ahead of a first break.  Scaling by trace gives a
distant receiver the same weight as one beside the source; scaling by gather keeps the decay with distance visible.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from search_spaces.fronts.area_means import area_matrix
from search_spaces.networks.contract import Features

Scaling = Literal["trace", "gather"]

KNEE = (
    0.25  # rms at which asinh goes from linear to logarithmic, so that weak first breaks are seen before strong waves
)
SILENT = 1e-12  # least mean square of a trace whose largest sample is 1; a dead trace stays zero


class GatherFront(Features):
    """Resamples and normalises a gather; the rms is taken over each `scaling`.

    It needs no statistics of the training data: each gather is scaled by itself, in an exported graph too.
    """

    channels = 1
    time_NT: Tensor

    def __init__(self, samples: int, rows: int, scaling: Scaling) -> None:
        super().__init__()
        self.axes = (2,) if scaling == "trace" else (2, 3)
        time_NT = torch.from_numpy(area_matrix(samples, rows).toarray().astype(np.float32))
        self.register_buffer("time_NT", time_NT, persistent=False)

    def forward(self, gather_B1TR: Tensor) -> Tensor:
        with torch.autocast(gather_B1TR.device.type, enabled=False):  # the range of half floats is too small
            largest_B11R = gather_B1TR.abs().amax(self.axes, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
            rows_B1NR = self.time_NT @ (gather_B1TR / largest_B11R)
            rows_B1NR = rows_B1NR - rows_B1NR.mean(2, keepdim=True)
            # A floor, not a sum: the exporter would drop so small a summand.
            power_B11R = rows_B1NR.square().mean(self.axes, keepdim=True).clamp_min(SILENT)
            features_B1NR = torch.asinh(rows_B1NR / (KNEE * power_B11R.sqrt()))
        return features_B1NR.contiguous(memory_format=torch.channels_last)
