"""What the kernel says about the service's processes while they run."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs

_EVERY: Final = 0.01
_ESTABLISHED: Final = "01"


@attrs.define
class Sighting:
    """One process, as seen from outside, as often as it was looked at."""

    pid: int
    status: dict[str, str] = attrs.field(factory=dict)
    """``/proc/PID/status``."""
    environment: str = ""
    command: str = ""
    root_options: str = ""
    """Mount options of ``/`` in its own view."""
    ports: set[int] = attrs.field(factory=set)
    """Where it had connections to."""

    def look(self) -> None:
        """Look once more. Raises OSError when it is gone."""
        place = Path(f"/proc/{self.pid}")
        self.status = dict(
            (name, value.strip())
            for name, _, value in (
                line.partition(":") for line in (place / "status").read_text().splitlines()
            )
        )
        self.environment = (place / "environ").read_bytes().decode(errors="replace")
        self.command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        mounts = [line.split() for line in (place / "mountinfo").read_text().splitlines()]
        self.root_options = next(fields[5] for fields in mounts if fields[4] == "/")
        self.ports |= connected_ports(self.pid)


def connected_ports(pid: int) -> set[int]:
    """Remote ports of the connections that a process made."""
    place = Path(f"/proc/{pid}")
    inodes = set()
    for descriptor in (place / "fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if found := re.fullmatch(r"socket:\[(\d+)\]", target):
            inodes.add(found[1])
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in (place / "net" / name).read_text().splitlines()[1:]
    ]
    listening = {row[1].rpartition(":")[2] for row in rows if row[3] == "0A"}
    return {
        int(row[2].rpartition(":")[2], 16)
        for row in rows
        if row[9] in inodes and row[3] == _ESTABLISHED and row[1].rpartition(":")[2] not in listening
    }


@asynccontextmanager
async def watched_jobs(cluster_id: str) -> AsyncIterator[list[Sighting]]:
    """The job processes of one cluster that run while the block does."""
    seen: dict[int, Sighting] = {}
    found: list[Sighting] = []

    async def look() -> None:
        while True:
            for entry in os.scandir("/proc"):
                if entry.name.isdecimal() and _is_job_of(Path(entry.path), cluster_id):
                    pid = int(entry.name)
                    if pid not in seen:
                        seen[pid] = Sighting(pid)
                        found.append(seen[pid])
                    try:
                        seen[pid].look()
                    except (OSError, StopIteration):
                        continue
            await asyncio.sleep(_EVERY)

    looking = asyncio.create_task(look())
    try:
        yield found
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def _is_job_of(place: Path, cluster_id: str) -> bool:
    # The shell and setpriv, which make the container, have the same environment and are no part of it.
    try:
        if not os.path.basename(os.readlink(place / "exe")).startswith("python"):
            return False
        return f"CLUSTER_ID={cluster_id}\0".encode() in (place / "environ").read_bytes()
    except OSError:
        return False
