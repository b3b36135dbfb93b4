from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.system.world import SystemWorld, system_world

from pullsecret.testing.kubernetes.control_plane import ControlPlane


@pytest.fixture
async def world(control_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[SystemWorld]:
    """The service's surroundings, with the real job."""
    async with system_world(control_plane, tmp_path) as made:
        yield made
