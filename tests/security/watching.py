"""What can be seen of the service's processes from outside while they run, and what they send."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import attrs

_EVERY: Final = 0.04
_WRITING: Final = os.O_WRONLY | os.O_RDWR
_OURS: Final = re.compile(rb"/pullsecret\0(?:adapter|job)")


@attrs.define
class Watcher:
    """Looks at every process below this one, 25 times a second."""

    command_lines: set[bytes] = attrs.field(factory=set)
    environments: set[bytes] = attrs.field(factory=set)
    ours: dict[int, bytes] = attrs.field(factory=dict)
    """Command lines of the adapter's and of the jobs' processes."""
    written_files: set[str] = attrs.field(factory=set)
    """Regular files that one of ours had open for writing; what it tells the kernel in /proc is none."""
    _known: dict[int, bytes] = attrs.field(factory=dict)

    def look(self) -> None:
        for pid in descendants(os.getpid()):
            # It may end while it is looked at.
            with suppress(OSError):
                self._look_at(pid)

    def _look_at(self, pid: int) -> None:
        place = Path(f"/proc/{pid}")
        command = (place / "cmdline").read_bytes()
        # Both stay as they are until the process becomes another program.
        if self._known.get(pid) != command:
            self._known[pid] = command
            self.command_lines.add(command)
            self.environments.add((place / "environ").read_bytes())
        if not _OURS.search(command):
            return
        self.ours[pid] = command
        for descriptor in (place / "fd").iterdir():
            with suppress(OSError):
                flags = re.search(r"flags:\s+0*([0-7]+)", (place / "fdinfo" / descriptor.name).read_text())
                name = os.readlink(descriptor)
                written = flags and int(flags[1], 8) & _WRITING and descriptor.is_file()
                if written and not name.startswith("/proc/"):
                    self.written_files.add(name)


@contextmanager
def watched() -> Iterator[Watcher]:
    """Look as long as the block."""
    watcher = Watcher()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY):
            watcher.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield watcher
    finally:
        ended.set()
        thread.join()


def descendants(pid: int) -> Iterator[int]:
    """Every process below ``pid``."""
    for child in _children(pid):
        yield child
        yield from descendants(child)


def _children(pid: int) -> list[int]:
    # Asked of hundreds of threads at every look: a Path for each would take most of the time.
    place = f"/proc/{pid}/task"
    found: list[str] = []
    # Threads and processes end while they are looked at.
    with suppress(OSError):
        for task in os.listdir(place):
            with suppress(OSError), open(f"{place}/{task}/children") as children:
                found += children.read().split()
    return [int(child) for child in found]


@attrs.define
class Sink:
    """Takes every HTTP request and keeps its bytes."""

    received: list[bytes] = attrs.field(factory=list)
    url: str = ""


@contextmanager
def sink() -> Iterator[Sink]:
    """Serve on loopback as long as the block."""
    made = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.received.append(f"{self.requestline}\n{self.headers}".encode() + body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """The tests look at what is kept."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
