"""Waits for a started process to take connections."""

import socket
import time

from pullsecret.testing.kubernetes.processes import Child
from pullsecret.testing.patience import PATIENCE

_POLL = 0.05


def wait_for_port(child: Child, port: int, says: bytes = b"") -> None:
    """Return once ``port`` on loopback takes connections, and answers them if a client ``says`` something.

    Raises if the process ends or takes too long.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not child.running:
            break
        try:
            if _answers(port, says):
                return
        except OSError:
            pass
        time.sleep(_POLL)
    raise RuntimeError(f"nothing listens on port {port}:\n{child.tail()}")


def _answers(port: int, says: bytes) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(says)
        return not says or bool(connection.recv(1))
