"""Google's Pub/Sub emulator as a private process; it keeps everything in memory."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pullsecret.testing.brokers.waiting import wait_for_port
from pullsecret.testing.kubernetes.processes import Child, free_port, start

VARIABLE = "PUBSUB_EMULATOR_HOST"
"""By this variable of the environment Google's libraries find the emulator."""


class PubSubMissingError(RuntimeError):
    """The emulator is not installed; the message says what to do."""


class PubSubEmulator:
    """Use :func:`pubsub_emulator` to start one."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """What :data:`VARIABLE` is set to."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the emulator, empty; returns once it takes connections."""
        java = shutil.which("java")
        jar = _jar()
        if java is None or jar is None:
            raise PubSubMissingError(
                "the Pub/Sub emulator is not installed: install Java and google-cloud-cli-pubsub-emulator"
            )
        # It lives too short for what the second compiler takes to pay.
        command = [java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", str(jar)]
        self._child = start(
            [*command, "--host=127.0.0.1", f"--port={self.port}"], self._folder / "emulator.log"
        )
        wait_for_port(self._child, self.port)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._child is not None:
            self._child.kill()
            self._child = None


def _jar() -> Path | None:
    gcloud = shutil.which("gcloud")
    roots = [Path("/usr/lib/google-cloud-sdk")]
    if gcloud is not None:
        roots.insert(0, Path(gcloud).resolve().parents[1])
    jars = [
        jar
        for root in roots
        for jar in root.glob("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar")
    ]
    return jars[0] if jars else None


@contextmanager
def pubsub_emulator(folder: Path) -> Iterator[PubSubEmulator]:
    """A running emulator that writes its log into ``folder``. Raises :class:`PubSubMissingError`."""
    emulator = PubSubEmulator(folder)
    try:
        emulator.start()
        yield emulator
    finally:
        emulator.kill()
