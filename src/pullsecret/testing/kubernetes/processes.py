"""Child processes that cannot outlive the test process, however that ends."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

_KERNELS_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST_PORT: Final = 10_000


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


_reservations: list[socket.socket] = []


def free_port() -> int:
    """A TCP port on loopback that nobody listens on, for a server that is still to start.

    Until this process ends no other call gets it, whatever process calls. It is none of those that the kernel
    gives out, so no client, and no server that asks for any port, takes it before that server has started.
    """
    low, high = map(int, _KERNELS_PORTS.read_text().split())
    candidates: list[int] = [*range(_FIRST_PORT, low), *range(high + 1, 65_536)]
    # Seeded tests draw the same numbers in every process.
    first = random.SystemRandom().randrange(len(candidates))
    for port in candidates[first:] + candidates[:first]:
        # A name in the abstract namespace is gone with its process, however that ends.
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            reservation.bind(f"\0pullsecret-port-{port}")
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return port
    raise RuntimeError(f"no port is free outside of {low} to {high}; end servers that are left over")
