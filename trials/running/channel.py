"""Sends results to the NNI manager, or nowhere when a stage runs alone.

NNI's one-shot engine replaces the process-wide channel while a search runs (nni/nas/execution/sequential.py), so
the trial's own channel is taken once, at the start, and kept.  A stage that runs alone does without NNI.
"""

import logging
import os
from typing import Any

log = logging.getLogger(__name__)


class Channel:
    """Where a stage reports: the tuner and the web page rank by `default` in a metric."""

    def __init__(self) -> None:
        self._nni: Any = None
        self._sender: dict[str, Any] = {}  # what every metric says of its trial
        self.sequence = 0  # of the next intermediate result

    @classmethod
    def of_trial(cls) -> tuple["Channel", dict[str, Any]]:
        """The channel of this NNI trial, and the parameters that the tuner gave it."""
        import nni  # noqa: PLC0415
        from nni.runtime.trial_command_channel import get_default_trial_command_channel  # noqa: PLC0415

        channel = cls()
        channel._nni = get_default_trial_command_channel()
        parameters = nni.get_next_parameter()
        channel._sender = {"parameter_id": nni.trial._params["parameter_id"], "trial_job_id": nni.get_trial_id()}
        return channel, parameters

    def intermediate(self, metrics: dict[str, Any]) -> None:
        self._send("PERIODICAL", self.sequence, metrics)
        self.sequence += 1

    def final(self, metrics: dict[str, Any]) -> None:
        """Numbers only: NNI's page draws an axis for every key; the rest is in the run's result.json."""
        numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
        self._send("FINAL", 0, numbers)

    def _send(self, kind: str, sequence: int, metrics: dict[str, Any]) -> None:
        if self._nni is None:
            return
        try:
            self._nni.send_metric(type=kind, sequence=sequence, value=metrics, **self._sender)
        except OSError as error:  # requests' and websocket's connection errors are OSErrors
            log.warning("the NNI manager does not answer, the result is in the run folder only: %s", error)


def under_nni() -> bool:
    """Whether NNI's manager started this process."""
    return os.environ.get("NNI_PLATFORM") not in (None, "unittest")
