"""Job containers for fleets that are too large to start a Python interpreter for each.

A server process imports the program once; each container is forked from it and runs the same entry point.
What it does not do is load interpreter and modules: neither its start nor its memory is that of a real job.
All else is as in :mod:`~pullsecret.testing.kubernetes.container`: a process of its own with the pod's
environment, mounts, user and read-only root, without privileges.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from pullsecret.testing.kubernetes.container import (
    ContainerSpec,
    Ended,
    new_termination_message,
    termination_message,
    view_of,
)

JOB: Final = ["pullsecret", "job"]
_SERVER: Final = "pullsecret.testing.kubernetes.fork_server"


class ForkedJobs:
    """A context manager; its end is that of every container. Needs root."""

    def __enter__(self) -> Self:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Fixed arguments; nothing of a user's is in them.
            self._server = subprocess.Popen([sys.executable, "-m", _SERVER], stdin=theirs.fileno())  # noqa: S603
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._control.close()
        self._server.kill()
        self._server.wait()

    def start(self, spec: ContainerSpec) -> "ForkedJob":
        """Start the job's container. Raises :class:`ValueError` if it is to run anything else."""
        if list(spec.command) != JOB:
            raise ValueError(f"only {' '.join(JOB)!r} can be forked, not {' '.join(spec.command)!r}")
        return ForkedJob(spec, self._control)


class ForkedJob:
    """A started container."""

    def __init__(self, spec: ContainerSpec, server: socket.socket) -> None:
        self._message = new_termination_message(spec)
        self.log = spec.folder / "log"
        self.started_at = datetime.now(UTC)
        self._ended = False
        mounts, covered = view_of(spec)
        order = {
            "environment": dict(spec.environment),
            "user": spec.user,
            "group": spec.group,
            "mounts": mounts,
            "covered": covered,
            "message": str(self._message),
            "niceness": spec.niceness,
        }
        self._told, telling = os.pipe()
        with self.log.open("wb") as log, open(telling, "wb", buffering=0) as end:
            socket.send_fds(server, [json.dumps(order).encode()], [log.fileno(), end.fileno()])
        self._process = int(os.read(self._told, 32))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the container's process, if it runs."""
        if not self._ended:
            os.kill(self._process, number)

    async def ended(self) -> Ended:
        """Wait until the container's process has ended. Its memory is not measured: most is the server's."""
        loop = asyncio.get_running_loop()
        exited = asyncio.Event()
        loop.add_reader(self._told, exited.set)
        try:
            await exited.wait()
            self._ended = True
            code = int(os.read(self._told, 32) or -signal.SIGKILL)
        finally:
            loop.remove_reader(self._told)
            os.close(self._told)
        code = code if code >= 0 else 128 - code
        message = termination_message(self._message, self.log, code)
        return Ended(code, message, self.started_at, datetime.now(UTC), peak_rss=0)
