"""Every failure has the same shape and survives what exceptions go through."""

import pickle

import pytest

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.reasons import Reason


@pytest.mark.parametrize("kind", [TransientError, PermanentError])
def test_an_error_is_told_in_one_line(kind: type[OperationError]) -> None:
    error = kind("get-secret", "projects/p/secrets/s", Reason.QUOTA_EXCEEDED, "Too many reads.", "Wait.")
    assert str(error) == "get-secret projects/p/secrets/s: Too many reads. Wait."


def test_the_remedy_is_the_reasons_unless_a_more_exact_one_is_known() -> None:
    error = PermanentError("get-secret", "s", Reason.API_DISABLED, "The API is off.")
    assert error.remedy == Reason.API_DISABLED.remedy
    assert str(error) == f"get-secret s: The API is off. {Reason.API_DISABLED.remedy}"


def test_an_error_without_a_remedy_ends_with_its_cause() -> None:
    error = PermanentError("publish-secret", "n/s", Reason.SUPERSEDED, "Generation 2 is published.")
    assert str(error) == "publish-secret n/s: Generation 2 is published."


def test_errors_are_identities_and_can_be_raised_from_one_another() -> None:
    one, other = (TransientError("get-secret", "s", Reason.WRITE_CONFLICT, "x") for _ in range(2))
    assert one != other
    assert len({one, other}) == 2
    with pytest.raises(TransientError) as caught:
        raise one from other
    assert caught.value.__cause__ is other


def test_an_error_crosses_a_process_boundary_whole() -> None:
    error = TransientError("get-secret", "s", Reason.QUOTA_EXCEEDED, "x", "Wait.", retry_after=7.0)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (copy.operation, copy.subject, copy.reason, copy.cause, copy.remedy, copy.retry_after) == (
        "get-secret",
        "s",
        Reason.QUOTA_EXCEEDED,
        "x",
        "Wait.",
        7.0,
    )


def test_nobody_asked_to_wait_unless_said() -> None:
    assert TransientError("get-secret", "s", Reason.QUOTA_EXCEEDED, "x").retry_after is None
