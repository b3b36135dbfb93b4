"""Holds for every test; and the servers that all tests of a process share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from tests.integration.hyperfleet import contract

from pullsecret.testing.brokers.fixtures import pubsub, rabbitmq
from pullsecret.testing.hyperfleet.server import FakeHyperFleet
from pullsecret.testing.kubernetes.fixtures import control_plane

# Here and nowhere else: a fixture that two modules import is set up twice.
__all__ = ["control_plane", "pubsub", "rabbitmq"]


def pytest_configure() -> None:
    """Whatever is said to a fake HyperFleet API, and whatever it says, is held against the contract.

    How long an example of a property takes is no test.
    """
    FakeHyperFleet.witnesses.append(contract.ContractCheck)
    settings.register_profile("pullsecret", deadline=None)
    settings.load_profile("pullsecret")


@pytest.fixture(autouse=True)
def bodies_keep_the_contract() -> Iterator[None]:
    """A test fails if any body in it broke the contract."""
    contract.BROKEN.clear()
    yield
    assert contract.BROKEN == []
