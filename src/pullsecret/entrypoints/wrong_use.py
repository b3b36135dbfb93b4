"""What a command refuses before it does anything."""

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId


class WrongUseError(Exception):
    """An argument or a file that cannot be used; the text names it, the place and the reason, in one line."""


def cluster_id_of(argument: str) -> ClusterId:
    """The id that a user gave. Raises :class:`WrongUseError`."""
    try:
        return ClusterId(argument)
    except PermanentError as error:
        raise WrongUseError(error.cause) from None
