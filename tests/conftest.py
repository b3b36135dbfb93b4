"""Holds for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from tests.integration.hyperfleet import contract

from pullsecret.testing.hyperfleet.server import FakeHyperFleet


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
