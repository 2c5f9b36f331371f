"""Ends a training on a signal, such as Ctrl-C, after the current batch.

An exception raised by a signal at any point could leave the queue of the TensorBoard writer locked; its thread, and so
the process that closes it, would then wait for ever.  A second signal ends a training immediately.
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
    """Replaces Lightning's own handler of SIGTERM, which would also signal the other processes of a training from
    within the handler, in the middle of their communication.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ENDINGS:
            if signal.getsignal(number) != signal.SIG_IGN:  # Ctrl-C is ignored in a shell's background
                self._before[number] = signal.signal(number, self._note)

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        self._end_if_asked()

    def on_validation_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        self._end_if_asked()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._give_back()
        self._end_if_asked()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        self._give_back()

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self._signal = self._signal is not None, number
        if again:
            self._end_if_asked()

    def _end_if_asked(self) -> None:
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self._signal is not None:
            sys.exit(128 + self._signal)

    def _give_back(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
