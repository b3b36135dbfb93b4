"""Pytest fixtures for the fake: ``pytest_plugins = ["pullsecret.testing.pubsub.fixtures"]`` in a conftest."""

from collections.abc import Iterator

import pytest

from pullsecret.testing.pubsub.fake import FakePubSub


@pytest.fixture
def fake_pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePubSub]:
    """An empty fake, found by Google's clients through the standard variable."""
    with FakePubSub() as fake:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", fake.address)
        yield fake
