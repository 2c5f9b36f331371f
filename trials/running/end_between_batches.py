"""Ends a training that a signal asks to end, Ctrl-C for one, when its batch has ended.

An exception that a signal raises in the middle of anything could leave the queue of the TensorBoard writer locked; its
thread, and so the process that closes it, would then wait for ever.  Told twice, a training ends at once.
"""

import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from trials.running.ending import ENDINGS


class EndBetweenBatches(Callback):
    """Takes the place of Lightning's own handler of SIGTERM, which would also tell the other processes of a training
    from within the signal, in the middle of what they tell each other.
    """

    def __init__(self) -> None:
        self._told: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ENDINGS:
            if signal.getsignal(number) != signal.SIG_IGN:  # as Ctrl-C is in a shell's background
                self._before[number] = signal.signal(number, self._note)

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        self._end_if_told()

    def on_validation_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        self._end_if_told()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._give_back()
        self._end_if_told()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        self._give_back()

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self._told = self._told is not None, number
        if again:
            self._end_if_told()

    def _end_if_told(self) -> None:
        if self._told == signal.SIGINT:
            raise KeyboardInterrupt
        if self._told is not None:
            sys.exit(128 + self._told)

    def _give_back(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
