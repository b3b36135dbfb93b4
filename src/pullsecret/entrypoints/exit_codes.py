"""Exit codes of every command."""

from enum import IntEnum

from pullsecret.domain.errors import OperationError
from pullsecret.domain.reasons import Reason


class ExitCode(IntEnum):
    """Documented in ``docs/cli.md``."""

    OK = 0
    """Done, and everything is as it should be."""
    NOT_AS_IT_SHOULD_BE = 1
    """The command ran to its end and found something that is not as it should be."""
    WRONG_USE = 2
    """Wrong arguments, an unusable file, or a wrong configuration."""


def exit_code_of(error: OperationError) -> ExitCode:
    """The exit code of a command that ends with ``error``."""
    wrong = error.reason is Reason.WRONG_CONFIGURATION
    return ExitCode.WRONG_USE if wrong else ExitCode.NOT_AS_IT_SHOULD_BE
