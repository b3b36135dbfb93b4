"""What went wrong at RabbitMQ, in the words of the domain."""

from collections.abc import Mapping
from typing import Final

from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    InvalidFrameError,
    ProbableAuthenticationError,
)

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.reasons import Reason

_NO_SIGN_IN: Final = (
    "RabbitMQ refuses the sign-in.",
    "Check user, passwordFile and signIn, and that the user exists.",
)
_NO_VIRTUAL_HOST: Final = (
    "RabbitMQ does not open the virtual host.",
    "Check the path of urls, and that the user has any permission in that virtual host.",
)
_REFUSALS: Final[Mapping[type[Exception], tuple[str, str]]] = {
    AuthenticationError: _NO_SIGN_IN,
    ProbableAuthenticationError: _NO_SIGN_IN,
    ChannelAccessRefused: (
        "RabbitMQ does not allow it ({said}).",
        "Grant the user what docs/brokers.md lists in this virtual host.",
    ),
    ChannelNotFoundEntity: (
        "RabbitMQ lacks it ({said}).",
        "Run 'pullsecret broker check'; it tells how to create what is missing.",
    ),
    ChannelPreconditionFailed: (
        "It exists in another form than configured ({said}).",
        "Delete it if it is unused, or configure what exists.",
    ),
}
"""Cause and remedy of what no repetition mends. ``said`` is the broker's own text where it names a queue or a
permission; it quotes no message."""


def failure(operation: str, subject: str, error: BaseException) -> OperationError:
    """Permanent if the broker refuses us or lacks something, transient otherwise."""
    if isinstance(error, OperationError):
        return error
    said = str(error.args[-1]) if error.args else ""
    if refusal := _refusal(error, said):
        cause, remedy = refusal
        return PermanentError(operation, subject, Reason.WRONG_CONFIGURATION, cause.format(said=said), remedy)
    if isinstance(error, TimeoutError):
        cause = "RabbitMQ did not answer in time."
    else:
        kind = type(error).__name__
        detail = f"{kind}: {said}" if isinstance(error, OSError | AMQPError) and said else kind
        cause = f"RabbitMQ cannot be used ({detail})."
    return TransientError(operation, subject, Reason.BROKER_UNAVAILABLE, cause)


def _refusal(error: BaseException, said: str) -> tuple[str, str] | None:
    if _passes(error, said):
        return None
    if isinstance(error, InvalidFrameError) and "Connection.Close" in said:
        return _NO_VIRTUAL_HOST
    return next((told for kind, told in _REFUSALS.items() if isinstance(error, kind)), None)


def _passes(error: BaseException, said: str) -> bool:
    """Two codes are also given for what nobody has to mend."""
    match error:
        case ChannelNotFoundEntity():
            # It is there, and out of reach while its node or its leader is away.
            return "NOT_FOUND - no " not in said
        case ChannelPreconditionFailed():
            # An event was in hand for longer than the broker's consumer_timeout; it comes again.
            return "delivery acknowledgement" in said
        case _:
            return False
