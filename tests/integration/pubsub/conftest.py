import pytest

from pullsecret.testing.brokers.pubsub import VARIABLE, PubSubEmulator


@pytest.fixture(autouse=True)
def emulator_is_found(pubsub: PubSubEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the standard variable."""
    monkeypatch.setenv(VARIABLE, pubsub.address)
