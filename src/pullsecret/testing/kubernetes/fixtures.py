"""pytest fixture: one control plane for the session."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

# Imported by the fixture only, so that a session that does not use it pays nothing.
if TYPE_CHECKING:
    from pullsecret.testing.kubernetes.control_plane import ControlPlane


@pytest.fixture(scope="session")
def control_plane() -> Iterator["ControlPlane"]:
    """A running control plane; the test is skipped where it cannot be had, unless services are required."""
    from pullsecret.testing.brokers.fixtures import folder_in_memory
    from pullsecret.testing.kubernetes.binaries import BinariesMissingError, find
    from pullsecret.testing.kubernetes.control_plane import ControlPlane

    try:
        binaries = find()
    except BinariesMissingError as missing:
        if os.environ.get("PULLSECRET_REQUIRE_SERVICES") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with folder_in_memory() as folder, ControlPlane(binaries, folder) as running:
        yield running
