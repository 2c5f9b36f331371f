"""Silences libraries' warnings about themselves in terminals and logs; errors stay."""

import io
import logging
import sys
import warnings

TALK = (
    ".*found to be not a nn.Module.*",  # NNI on a torch that it does not know
    ".*wrap PyTorch DataLoader with nni.trace.*",  # NNI: only for trials that it starts itself
    "Grad strides do not match bucket view strides.*",  # torch's DDP, about 1×1 kernels in channels_last
    ".*isinstance.treespec, LeafSpec.*",  # Lightning's use of torch
    ".*does not have many workers.*",  # a loader that reads memory-mapped shards needs none
    ".*pkg_resources is deprecated.*",  # NNI
    ".*exists and is not empty.*",  # a run folder holds more than checkpoints
    ".*in eval mode at the start of training.*",  # a discriminator's norms are fixed, averages are not trained
    ".*lr_scheduler.step.*before.*optimizer.step.*",  # manual optimisation of NNI's one-shot modules
)


def quiet_libraries() -> None:
    for message in TALK:
        warnings.filterwarnings("ignore", message=message)
    for name in ("pytorch_lightning", "lightning.pytorch", "nni", "torch.onnx"):
        logging.getLogger(name).setLevel(logging.ERROR)


def print_anything() -> None:
    """Terminals and logs that are not UTF-8 show ? for what they lack."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
