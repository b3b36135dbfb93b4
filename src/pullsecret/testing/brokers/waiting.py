"""Waits for a started process to take connections."""

import socket
import time

from pullsecret.testing.kubernetes.processes import Child

_PATIENCE = 90.0
_POLL = 0.05


def wait_for_port(child: Child, port: int) -> None:
    """Return once ``port`` on loopback takes connections. Raises if the process ends or takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if not child.running:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(_POLL)
        else:
            return
    raise RuntimeError(f"nothing listens on port {port}:\n{child.tail()}")
