"""Holds for every test; and the servers that all tests of a process share."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from tests.integration.hyperfleet import contract

from pullsecret.testing.brokers.fixtures import pubsub, rabbitmq
from pullsecret.testing.hyperfleet.server import FakeHyperFleet
from pullsecret.testing.kubernetes.fixtures import control_plane

# Here and nowhere else: a fixture that two modules import is set up twice.
__all__ = ["control_plane", "pubsub", "rabbitmq"]


LONG: Final = {
    Path(__file__).parent / name
    for name in (
        "acceptance/test_runs.py",
        "docs/test_blocks.py",
        "integration/deploy/test_chart.py",
        "integration/deploy/test_image.py",
        "integration/fake_pubsub/test_faults.py",
        "integration/hyperfleet/test_histories.py",
        "integration/hyperfleet/test_outage.py",
        "integration/hyperfleet/test_real_wires.py",
        "integration/rabbitmq/test_faults.py",
        "security/test_system_leaks.py",
        "simulation/test_simulation.py",
        "system/test_deletion.py",
        "system/test_high_availability.py",
        "system/test_least_privilege.py",
        "system/test_whole_path.py",
        "unit/expressions/test_fuzz.py",
    )
}
"""Files whose tests take longest."""

_LOOK_AFTER: Final = 50_000
"""Objects, before the garbage collector looks at them; 700 as a rule."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, long files begin first, so that none is still going on when all others have ended."""
    items.sort(key=lambda item: item.path not in LONG)


def pytest_collection_finish() -> None:
    """What is there by now stays to the end, so the garbage collector need not look at it again and again.

    It looks seldom, since tests read what is nested so deeply that a finalizer, run there, would fail.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_LOOK_AFTER)


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
