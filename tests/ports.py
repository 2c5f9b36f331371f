"""Ports for the servers that tests start."""

import socket


def free_port() -> int:
    """One of this machine's own address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
