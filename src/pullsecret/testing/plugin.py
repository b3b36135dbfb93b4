"""The pytest plugin: fixtures for every test of whoever has pullsecret installed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

# Imported by the fixtures only, so that a session that uses none of them pays nothing.
if TYPE_CHECKING:
    from pullsecret.testing.world import PullSecretWorld


@pytest.fixture
def pull_secret_world() -> Iterator["PullSecretWorld"]:
    """An empty :class:`~pullsecret.testing.world.PullSecretWorld`."""
    from pullsecret.testing.world import PullSecretWorld

    with PullSecretWorld() as world:
        yield world
