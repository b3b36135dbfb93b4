"""What went wrong at Pub/Sub, in the words of the domain."""

from typing import Final

from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.reasons import Reason

_REFUSED: Final = (exceptions.PermissionDenied, exceptions.Unauthenticated, DefaultCredentialsError)


def failure(operation: str, subject: str, error: BaseException) -> OperationError:
    """Permanent if Pub/Sub refuses us or lacks something, transient otherwise."""
    if isinstance(error, OperationError):
        return error
    wrong = Reason.WRONG_CONFIGURATION
    if isinstance(error, _REFUSED):
        cause = "Pub/Sub refuses the adapter's identity."
        remedy = "Grant it what docs/brokers.md lists; in a pod check Workload Identity."
        return PermanentError(operation, subject, wrong, cause, remedy)
    if isinstance(error, exceptions.NotFound):
        remedy = "Run 'pullsecret broker check'; it tells how to create what is missing."
        return PermanentError(operation, subject, wrong, "It does not exist.", remedy)
    if isinstance(error, exceptions.InvalidArgument | exceptions.FailedPrecondition):
        cause = f"Pub/Sub refuses the request ({type(error).__name__})."
        return PermanentError(operation, subject, wrong, cause, "Correct the names and limits in pubsub.")
    unavailable = Reason.BROKER_UNAVAILABLE
    if isinstance(error, TimeoutError | exceptions.DeadlineExceeded | exceptions.RetryError):
        return TransientError(operation, subject, unavailable, "Pub/Sub did not answer in time.")
    if isinstance(error, RefreshError):
        return TransientError(operation, subject, unavailable, "No credential for Pub/Sub could be had.")
    cause = f"Pub/Sub cannot be used ({type(error).__name__})."
    return TransientError(operation, subject, unavailable, cause)
