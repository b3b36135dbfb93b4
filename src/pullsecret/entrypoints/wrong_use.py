"""What a command refuses before it does anything."""

from collections.abc import Callable
from typing import TypeVar

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId, project_id

Value = TypeVar("Value")


class WrongUseError(Exception):
    """An argument or a file that cannot be used; the text names it, the place and the reason, in one line."""


def cluster_id_of(argument: str) -> ClusterId:
    """The cluster id that a user gave. Raises :class:`WrongUseError`."""
    return _checked(ClusterId, argument)


def project_id_of(argument: str) -> str:
    """The project id that a user gave. Raises :class:`WrongUseError`."""
    return _checked(project_id, argument)


def _checked(check: Callable[[str], Value], argument: str) -> Value:
    try:
        return check(argument)
    except PermanentError as error:
        raise WrongUseError(error.cause) from None
