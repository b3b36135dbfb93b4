"""Child processes that cannot outlive the test process, however that ends."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs


@attrs.define(eq=False)
class Child:
    """A running child in a process group of its own, its output in ``log``."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> bool:
        """False once it has ended."""
        return self.process.poll() is None

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number: signal.Signals) -> None:
        """Signal the child, if it runs."""
        if self.running:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); returns once it is gone."""
        self.process.kill()
        self.process.wait()

    def tail(self, lines: int = 15) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def start(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Child:
    """Start ``command``. Call it from a thread that lives as long as the child shall.

    The kernel kills the child when that thread ends, so nothing is left after ``kill -9`` of the tests.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            ["setpriv", "--pdeathsig", "KILL", "--", *command],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(os.environ if environment is None else environment),
            process_group=0,
        )
    return Child(process, log)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
