"""What went wrong at RabbitMQ, in the words of the domain."""

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

_REFUSED: Final = (AuthenticationError, ProbableAuthenticationError)


def failure(operation: str, subject: str, error: BaseException) -> OperationError:
    """Permanent if the broker refuses us or lacks something, transient otherwise.

    The broker's own words are kept where it names a queue or a permission; they quote no message.
    """
    if isinstance(error, OperationError):
        return error
    said = str(error.args[-1]) if error.args else ""
    if isinstance(error, _REFUSED):
        return PermanentError(
            operation,
            subject,
            Reason.WRONG_CONFIGURATION,
            "RabbitMQ refuses the sign-in.",
            "Check user, passwordFile and signIn, and that the user exists.",
        )
    if isinstance(error, InvalidFrameError) and "Connection.Close" in said:
        return PermanentError(
            operation,
            subject,
            Reason.WRONG_CONFIGURATION,
            "RabbitMQ does not open the virtual host.",
            "Check the path of urls, and that the user has any permission in that virtual host.",
        )
    if isinstance(error, ChannelAccessRefused):
        return PermanentError(
            operation,
            subject,
            Reason.WRONG_CONFIGURATION,
            f"RabbitMQ does not allow it ({said}).",
            "Grant the user what docs/brokers.md lists in this virtual host.",
        )
    if isinstance(error, ChannelNotFoundEntity):
        return PermanentError(
            operation,
            subject,
            Reason.WRONG_CONFIGURATION,
            f"RabbitMQ lacks it ({said}).",
            "Run 'pullsecret broker check'; it tells how to create what is missing.",
        )
    if isinstance(error, ChannelPreconditionFailed):
        return PermanentError(
            operation,
            subject,
            Reason.WRONG_CONFIGURATION,
            f"It exists in another form than configured ({said}).",
            "Delete it if it is unused, or configure what exists.",
        )
    if isinstance(error, TimeoutError):
        return TransientError(
            operation, subject, Reason.BROKER_UNAVAILABLE, "RabbitMQ did not answer in time."
        )
    kind = type(error).__name__
    detail = f"{kind}: {said}" if isinstance(error, OSError | AMQPError) and said else kind
    return TransientError(
        operation, subject, Reason.BROKER_UNAVAILABLE, f"RabbitMQ cannot be used ({detail})."
    )
