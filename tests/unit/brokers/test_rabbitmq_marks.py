"""What stands beside a message is read with care: whoever publishes may write any number there."""

from types import SimpleNamespace
from typing import Any

import pytest

from pullsecret.infrastructure.rabbitmq.marks import REMAINING, remaining_of


def message(headers: dict[str, object]) -> Any:
    return SimpleNamespace(header=SimpleNamespace(properties=SimpleNamespace(headers=headers)))


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [
        (0, 0.0),
        (1, 0.001),
        (90_000, 90.0),
        (3_600_000, 3600.0),
        (2**63 - 1, 3600.0),
        (-5, 0.0),
        ("soon", 0.0),
    ],
)
def test_no_message_waits_longer_than_an_hour(milliseconds: object, seconds: float) -> None:
    assert remaining_of(message({REMAINING: milliseconds})) == seconds
