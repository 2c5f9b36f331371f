"""Makes NNI's launcher talk only to the manager it started, and to no other server on that port.

    port free? ─► manager started ─► does it listen there itself? ─► its REST interface is used
                                     └─ it has ended: the port was taken meanwhile

NNI would take whatever answers on the port for its manager, and send it the experiment's configuration.
"""

import subprocess
import time
from typing import Any

import nni.experiment.launcher as launcher
import psutil

ANSWER = 60  # [s] for the manager to answer on a busy machine; NNI allows 3
POLL = 0.2  # [s]


def insist() -> None:
    """Applies this to the experiments that this process starts."""
    start, check = launcher._start_rest_server, launcher._check_rest_server
    manager: subprocess.Popen[bytes] | None = None

    def start_noted(*args: Any) -> subprocess.Popen[bytes]:
        nonlocal manager
        manager = start(*args)
        return manager

    def check_ours(port: int, retry: int = ANSWER, url_prefix: str | None = None) -> None:
        assert manager is not None
        while not _listens(manager, port):
            if manager.poll() is not None:
                raise RuntimeError(f"the manager has ended: port {port} was taken, or see its log")
            time.sleep(POLL)
        check(port, retry, url_prefix)

    launcher._start_rest_server, launcher._check_rest_server = start_noted, check_ours


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    try:
        connections = psutil.Process(process.pid).net_connections("tcp4")
    except psutil.Error:  # it has just ended
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)
