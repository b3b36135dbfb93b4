"""pytest fixtures: one node of each broker for the session."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from pullsecret.testing.brokers.rabbitmq import RabbitMQMissingError, RabbitMQNode, rabbitmq_node


def missing(why: Exception) -> NoReturn:
    """Skip the test, or fail it where services are required."""
    if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
        pytest.fail(str(why))
    pytest.skip(str(why))


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A temporary folder; brokers wait for the disk at every durable message, and memory is faster."""
    memory = Path("/dev/shm")  # noqa: S108
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pullsecret-", dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQNode]:
    """A running RabbitMQ node."""
    with folder_in_memory() as folder:
        try:
            node = rabbitmq_node(folder)
            running = node.__enter__()
        except RabbitMQMissingError as why:
            missing(why)
        try:
            yield running
        finally:
            node.__exit__(None, None, None)
