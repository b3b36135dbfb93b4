"""Pytest fixtures for the fake: ``pytest_plugins = ["pullsecret.testing.gcp.fixtures"]`` in a conftest."""

from collections.abc import Iterator

import pytest

from pullsecret.testing.gcp.cloud import FakeGoogleCloud


@pytest.fixture
def fake_google_cloud() -> Iterator[FakeGoogleCloud]:
    """An open fake Google Cloud on local ports, over TLS, gone after the test."""
    with FakeGoogleCloud() as cloud:
        yield cloud


@pytest.fixture
def closed_google_cloud() -> Iterator[FakeGoogleCloud]:
    """A fake Google Cloud that refuses whatever was not registered, granted or issued."""
    with FakeGoogleCloud(closed=True) as cloud:
        yield cloud
