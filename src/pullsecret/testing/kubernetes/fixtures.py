"""pytest fixtures: one control plane for the session, one system namespace and node for a test."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pullsecret.testing.kubernetes.binaries import BinariesMissingError, find
from pullsecret.testing.kubernetes.control_plane import ControlPlane


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A running control plane; the test is skipped where it cannot be had, unless services are required."""
    try:
        binaries = find()
    except BinariesMissingError as missing:
        if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    # etcd waits for the disk at every write; memory makes the tests a good deal faster.
    memory = Path("/dev/shm")  # noqa: S108
    with (
        tempfile.TemporaryDirectory(
            prefix="pullsecret-", dir=memory if os.access(memory, os.W_OK) else None
        ) as folder,
        ControlPlane(binaries, Path(folder)) as running,
    ):
        yield running
