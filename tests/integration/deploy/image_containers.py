"""Containers of the image, run by a Docker engine as a restricted pod is: limits, user, nothing to write."""

import asyncio
import os
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs
from tests.integration.deploy.engine import Engine

from pullsecret.testing.kubernetes.container import (
    ContainerSpec,
    Ended,
    new_termination_message,
    termination_message,
)

MEMORY: Final = 100 * 1000 * 1000
"""Bytes that adapter and job may use (AC9)."""
RESTRICTED: Final = (
    "--network=host",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    f"--memory={MEMORY}b",
    # As much: no swap.
    f"--memory-swap={MEMORY}b",
    "--pids-limit=64",
)


@attrs.frozen
class Peak:
    """Bytes, at the most."""

    resident: int
    """Of the container's process (VmHWM)."""
    accounted: int
    """Of the container's memory cgroup, page cache included."""


@attrs.define
class PeakWatch:
    """The peak of a container's first process, as the kernel keeps it; ask while it runs."""

    engine: Engine
    name: str
    resident: int = 0
    accounted: int = 0
    _id: str = ""
    _pid: int = 0

    @property
    def peak(self) -> Peak:
        """What was seen last; both only grow."""
        return Peak(self.resident, self.accounted)

    def look(self) -> None:
        """Look at both; nothing changes once the container has ended."""
        if self._pid == 0:
            told = self.engine.run("inspect", "--format", "{{.Id}} {{.State.Pid}}", self.name)
            if told.returncode == 0:
                self._id, number = told.stdout.split()
                self._pid = int(number)
        with suppress(OSError):
            for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.resident = int(line.split()[1]) * 1024
            # A process that has just been made or has just ended is in the machine's own group.
            if self._id in str(file := _peak_file(self._pid)):
                self.accounted = int(file.read_text())


def _peak_file(pid: int) -> Path:
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    root = Path("/sys/fs/cgroup")
    for _, controllers, path in lines:
        if controllers == "memory":
            return root / "memory" / path.lstrip("/") / "memory.max_usage_in_bytes"
    (unified,) = (path for _, controllers, path in lines if controllers == "")
    return root / unified.lstrip("/") / "memory.peak"


def mounts(given: Mapping[str, Path]) -> list[str]:
    """Options that show the container files and folders of this machine, read-only."""
    return [f"--volume={source}:{target}:ro" for target, source in given.items()]


class ImageContainer:
    """A container of the test node's (:class:`~pullsecret.testing.kubernetes.container.RunningContainer`)."""

    def __init__(self, engine: Engine, image: str, spec: ContainerSpec) -> None:
        self._engine = engine
        self._name = f"pullsecret-{uuid.uuid4().hex[:12]}"
        self._message = new_termination_message(spec)
        self.log = spec.folder / "log"
        self.started_at = datetime.now(UTC)
        self.watch = PeakWatch(engine, self._name)
        options = [
            *RESTRICTED,
            # Its output is taken from the client.
            "--log-driver=none",
            f"--name={self._name}",
            f"--user={spec.user}:{spec.group}",
            f"--volume={self._message}:/dev/termination-log",
            *mounts(spec.mounts),
            # By name only: values are no business of the process list.
            *(f"--env={name}" for name in spec.environment),
        ]
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [*engine.client, "run", "--rm", *options, image, *spec.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **spec.environment},
            )

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the container's process, if it runs."""
        if self._process.poll() is None:
            self._engine.run("kill", f"--signal={number.name}", self._name)

    async def ended(self) -> Ended:
        """Wait until it has ended."""
        while self._process.poll() is None:
            await asyncio.to_thread(self.watch.look)
            await asyncio.sleep(0.02)
        code = self._process.returncode
        message = termination_message(self._message, self.log, code)
        return Ended(code, message, self.started_at, datetime.now(UTC), self.watch.resident)


@attrs.define
class ImageContainers:
    """Starts containers for the test node and remembers them."""

    engine: Engine
    image: str
    started: list[ImageContainer] = attrs.field(factory=list)

    def __call__(self, spec: ContainerSpec) -> ImageContainer:
        """Start one."""
        self.started.append(ImageContainer(self.engine, self.image, spec))
        return self.started[-1]


@attrs.frozen
class AdapterContainer:
    """An adapter that was started in the background."""

    engine: Engine
    name: str
    watch: PeakWatch

    @classmethod
    def start(
        cls, engine: Engine, image: str, command: Sequence[str], files: Mapping[str, Path]
    ) -> "AdapterContainer":
        """Start it as the image's own user."""
        name = f"pullsecret-{uuid.uuid4().hex[:12]}"
        engine.must("run", "--detach", f"--name={name}", *RESTRICTED, *mounts(files), image, *command)
        return cls(engine, name, PeakWatch(engine, name))

    def log(self) -> str:
        """What it wrote."""
        done = self.engine.run("logs", self.name)
        return done.stdout + done.stderr

    def stop(self, grace: int) -> int:
        """SIGTERM, and SIGKILL after ``grace`` seconds; returns the exit code (137: killed)."""
        self.watch.look()
        self.engine.must("stop", f"--time={grace}", self.name)
        return int(self.engine.must("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def remove(self) -> None:
        """Remove it, running or not."""
        self.engine.run("rm", "--force", self.name)
