"""What RabbitMQ's refusals mean, in the words that it says them in."""

import pytest
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.infrastructure.rabbitmq.failures import failure


def test_what_is_missing_is_for_a_person() -> None:
    told = failure("subscribe", "x", ChannelNotFoundEntity("NOT_FOUND - no queue 'x' in vhost '/'"))
    assert isinstance(told, PermanentError)
    assert "no queue 'x'" in told.cause
    assert "broker check" in told.remedy


@pytest.mark.parametrize(
    "away",
    [
        "failed to perform operation on queue 'x' in vhost '/': its master replica {'%2F_x','a@b'} may be "
        "stopping or being demoted",
        "home node 'rabbit@b' of durable queue 'x' in vhost '/' is down or inaccessible",
    ],
)
def test_what_is_there_and_out_of_reach_passes(away: str) -> None:
    told = failure("subscribe", "x", ChannelNotFoundEntity(f"NOT_FOUND - {away}"))
    assert isinstance(told, TransientError)
    assert away in told.cause


def test_what_exists_in_another_form_is_for_a_person() -> None:
    said = (
        "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'x' in vhost '/': received 'quorum'"
    )
    told = failure("subscribe", "x", ChannelPreconditionFailed(said))
    assert isinstance(told, PermanentError)
    assert "inequivalent arg 'x-queue-type'" in told.cause
