"""One container as a local process: its own mounts, a read-only root, the pod's user, no privileges."""

import asyncio
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import attrs

TERMINATION_MESSAGE_LIMIT: Final = 4096
_LOG_FALLBACK_LIMIT: Final = 2048
_EMPTIED: Final = (Path("/run"), Path("/tmp"))  # noqa: S108
"""What a container has of its own."""
DEVICES: Final = ("null", "zero", "full", "random", "urandom")


@attrs.frozen
class ContainerSpec:
    """What to run and as whom."""

    command: Sequence[str]
    environment: Mapping[str, str]
    user: int
    group: int
    mounts: Mapping[str, Path]
    """Folders of this machine by where the container sees them: under ``/run``, ``/var/run`` or ``/tmp``."""
    image: Sequence[Path]
    """Folders of this machine that hold the programs; readable in it even below a closed one."""
    folder: Path
    """Scratch space of this container: its log and its termination message."""
    niceness: int = 0
    """How far it gives way to other processes, 0 to 19."""


@attrs.frozen
class Ended:
    """How a container ended."""

    exit_code: int
    """Its exit status; 128 + the signal's number if a signal ended it."""
    message: str
    started_at: datetime
    finished_at: datetime
    peak_rss: int
    """Bytes, sampled ten times a second (VmHWM)."""


class RunningContainer(Protocol):
    """A started container, whatever runs it."""

    @property
    def started_at(self) -> datetime:
        """When it was started."""

    @property
    def log(self) -> Path:
        """What it wrote, so far."""

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the whole container, if it runs."""

    async def ended(self) -> Ended:
        """Wait until the container's process has ended."""


class Container:
    """A started container; it ends with the test process at the latest."""

    def __init__(self, spec: ContainerSpec) -> None:
        """Start it. Needs root, or a kernel that lets users make mount namespaces (then as this user)."""
        self._spec = spec
        self._message = new_termination_message(spec)
        self.log = spec.folder / "log"
        self.started_at = datetime.now(UTC)
        self._peak = 0
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603
                [
                    *_priority(spec),
                    *_namespace(),
                    "/bin/sh",
                    "-c",
                    _script(spec, self._message),
                    "sh",
                    *spec.command,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(spec.environment),
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """The container's process, as this machine numbers it."""
        return self._process.pid

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the whole container."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, number)

    async def ended(self) -> Ended:
        """Wait until the container's process has ended."""
        exited = asyncio.Event()
        loop = asyncio.get_running_loop()
        descriptor = os.pidfd_open(self._process.pid)
        loop.add_reader(descriptor, exited.set)
        try:
            while not exited.is_set():
                self._sample_memory()
                try:
                    await asyncio.wait_for(exited.wait(), 0.1)
                except TimeoutError:
                    continue
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        status = self._process.wait()
        code = status if status >= 0 else 128 - status
        message = termination_message(self._message, self.log, code)
        return Ended(code, message, self.started_at, datetime.now(UTC), self._peak)

    def _sample_memory(self) -> None:
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self._peak = max(self._peak, int(line.split()[1]) * 1024)


def new_termination_message(spec: ContainerSpec) -> Path:
    """An empty file that the container may write."""
    message = spec.folder / "termination-log"
    message.touch()
    if os.getuid() == 0:
        os.chown(message, spec.user, spec.group)
    return message


def termination_message(message: Path, log: Path, exit_code: int) -> str:
    """As ``terminationMessagePolicy: FallbackToLogsOnError`` defines it."""
    written = message.read_bytes()[:TERMINATION_MESSAGE_LIMIT]
    if not written and exit_code != 0:
        written = log.read_bytes()[-_LOG_FALLBACK_LIMIT:]
    return written.decode(errors="replace")


def _priority(spec: ContainerSpec) -> list[str]:
    return ["nice", "-n", str(spec.niceness)] if spec.niceness else []


def _namespace() -> list[str]:
    private = ["unshare", "--mount", "--propagation", "private"]
    return private if os.getuid() == 0 else [*private, "--map-root-user"]


def _script(spec: ContainerSpec, message: Path) -> str:
    """Shell that makes the container's view of the machine and then becomes its command."""
    mounts, covered = view_of(spec)
    steps = [
        "set -e",
        "mount -t tmpfs -o mode=0755 tmpfs /mnt",
        *(f"touch /mnt/{name}; mount --bind /dev/{name} /mnt/{name}" for name in DEVICES),
        f"touch /mnt/termination-log; mount --bind {shlex.quote(str(message))} /mnt/termination-log",
        "ln -s /proc/self/fd /mnt/fd",
        # What is to be seen may itself lie below a folder that gets covered: keep hold of it first.
        *(
            f"mkdir -p /mnt/volumes/{index}; mount --bind {shlex.quote(source)} /mnt/volumes/{index}"
            for index, (source, _) in enumerate(mounts)
        ),
        *(f"mount -t tmpfs -o mode=0755 tmpfs {shlex.quote(folder)}" for folder in covered),
        *(
            f"mkdir -p {shlex.quote(target)}; mount --bind /mnt/volumes/{index} {shlex.quote(target)}"
            for index, (_, target) in enumerate(mounts)
        ),
        *(f"mount -o remount,ro {shlex.quote(folder)}" for folder in covered),
        "mount --rbind /mnt /dev",
        "mount -o remount,bind,ro /",
        f'exec {_drop_privileges(spec)} --pdeathsig KILL -- "$@"',
    ]
    return "\n".join(steps)


def view_of(spec: ContainerSpec) -> tuple[list[tuple[str, str]], list[str]]:
    """What is mounted where, and which folders are emptied before that."""
    mounts = [(str(source), target) for target, source in spec.mounts.items()]
    hidden = {path: ancestor for path in spec.image if (ancestor := _hidden_below(path))}
    mounts += [(str(path), str(path)) for path in hidden]
    return mounts, [str(folder) for folder in sorted({*_EMPTIED, *hidden.values()})]


def _hidden_below(path: Path) -> Path | None:
    """The topmost folder above ``path`` that is emptied for the container, or that others may not enter."""
    return next(
        (
            folder
            for folder in reversed(path.parents)
            if folder in _EMPTIED or not folder.stat().st_mode & 0o001
        ),
        None,
    )


def _drop_privileges(spec: ContainerSpec) -> str:
    flags = "setpriv --no-new-privs --bounding-set=-all --inh-caps=-all"
    if os.getuid() == 0:
        flags += f" --reuid={spec.user} --regid={spec.group} --clear-groups"
    return flags
