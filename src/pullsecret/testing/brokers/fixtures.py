"""pytest fixtures: one node of each broker for the session."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

# Imported by the fixtures only, so that a session that uses none of them pays nothing.
if TYPE_CHECKING:
    from pullsecret.testing.brokers.pubsub import PubSubEmulator
    from pullsecret.testing.brokers.rabbitmq import RabbitMQNode

_MEMORY: Final = Path("/dev/shm")  # noqa: S108
_PREFIX: Final = "pullsecret-"
_OURS: Final = re.compile(rf"{_PREFIX}(?P<process>[0-9]+)-[a-z0-9_]{{8}}")
"""What a folder of ours is called; others may begin theirs with our name."""


def missing(why: Exception) -> NoReturn:
    """Skip the test, or fail it where services are required."""
    if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
        pytest.fail(str(why))
    pytest.skip(str(why))


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A temporary folder; servers wait for the disk at everything durable, and memory is faster.

    What processes that were killed have left of theirs is removed before.
    """
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    for folder in place.glob(f"{_PREFIX}*-*"):
        ours = _OURS.fullmatch(folder.name)
        if ours and not Path("/proc", ours["process"]).exists():
            shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{_PREFIX}{os.getpid()}-", dir=place, ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator["RabbitMQNode"]:
    """A running RabbitMQ node."""
    with fresh_rabbitmq() as node:
        yield node


@contextmanager
def fresh_rabbitmq() -> Iterator["RabbitMQNode"]:
    """A RabbitMQ node for one test alone."""
    from pullsecret.testing.brokers.rabbitmq import RabbitMQMissingError, rabbitmq_node

    with ExitStack() as opened:
        folder = opened.enter_context(folder_in_memory())
        try:
            node = opened.enter_context(rabbitmq_node(folder))
        except RabbitMQMissingError as why:
            missing(why)
        yield node


@pytest.fixture(scope="session")
def pubsub() -> Iterator["PubSubEmulator"]:
    """A running Pub/Sub emulator."""
    from pullsecret.testing.brokers.pubsub import PubSubMissingError, pubsub_emulator

    with ExitStack() as opened:
        folder = opened.enter_context(folder_in_memory())
        try:
            emulator = opened.enter_context(pubsub_emulator(folder))
        except PubSubMissingError as why:
            missing(why)
        yield emulator
