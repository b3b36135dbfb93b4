"""A Docker engine: one that runs, or a private one for the tests that leaves nothing behind."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from pullsecret.testing.brokers.fixtures import folder_in_memory
from pullsecret.testing.kubernetes.processes import Child, start
from pullsecret.testing.patience import PATIENCE

ENGINE_FAILED = 125
"""How ``docker run`` says that it could not make the container."""
_SERVERS = "/usr/sbin:/usr/local/bin:/usr/bin"


class EngineMissingError(RuntimeError):
    """No engine runs and none can be started; the message says what to do."""


class EngineRefusedError(RuntimeError):
    """The engine is installed and ended at its start: the machine does not let it run."""


@attrs.frozen
class Engine:
    """Runs the ``docker`` client."""

    client: Sequence[str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``docker`` with these arguments, whatever comes of it."""
        return subprocess.run([*self.client, *arguments], capture_output=True, text=True, check=False)

    def must(self, *arguments: str) -> str:
        """What ``docker`` printed. Raises :class:`RuntimeError` if it failed."""
        done = self.run(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"docker {arguments[0]}: {done.stderr}")
        return done.stdout.strip()


@contextmanager
def docker_engine() -> Iterator[Engine]:
    """An engine. Raises :class:`EngineMissingError` and :class:`EngineRefusedError`."""
    client = shutil.which("docker")
    if client is None:
        raise EngineMissingError("docker is not installed; run 'make services'")
    running = Engine([client])
    if running.run("version", "--format", "{{.Server.Version}}").returncode == 0:
        yield running
        return
    daemon = shutil.which("dockerd", path=_SERVERS)
    if daemon is None or os.geteuid() != 0:
        raise EngineMissingError("no docker engine runs, and starting one needs root and dockerd")
    # Loading and removing an image makes thousands of files, which is much faster in memory.
    with folder_in_memory() as folder, _private(client, daemon, folder) as engine:
        yield engine


@contextmanager
def _private(client: str, daemon: str, folder: Path) -> Iterator[Engine]:
    socket = f"unix://{folder / 'docker.sock'}"
    command = [
        daemon,
        # Containers use this machine's network, so there is nothing to set up.
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'pid'}",
        f"--host={socket}",
    ]
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{_SERVERS}"}
    child = start(command, folder / "log", environment)
    engine = Engine([client, f"--host={socket}"])
    try:
        _await(engine, child)
        yield engine
    finally:
        # It ends its own containerd only if it is asked to end.
        child.process.terminate()
        child.process.wait(PATIENCE)
        network = folder / "exec" / "netns" / "default"
        if network.exists():
            subprocess.run(["umount", str(network)], check=False)


def _await(engine: Engine, child: Child) -> None:
    give_up = time.monotonic() + PATIENCE
    while engine.run("version").returncode != 0:
        if not child.running or time.monotonic() > give_up:
            raise EngineRefusedError(child.tail())
        time.sleep(0.05)
