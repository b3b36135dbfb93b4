"""What a user did wrong is told in one line, without a traceback."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

from pullsecret.domain.errors import OperationError, TransientError
from pullsecret.entrypoints.configuration.problems import ConfigurationError
from pullsecret.entrypoints.exit_codes import ExitCode, exit_code_of
from pullsecret.entrypoints.wrong_use import WrongUseError
from pullsecret.infrastructure.logs.library_logs import library_logs

P = ParamSpec("P")


def told_in_one_line(command: Callable[P, ExitCode]) -> Callable[P, ExitCode]:
    """Let ``command`` end with a message on standard error and the fitting exit code.

    What libraries log on the way is dropped: the message says it, in our own words.
    """

    @functools.wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> ExitCode:
        try:
            with library_logs(_drop):
                return command(*args, **kwargs)
        except (ConfigurationError, WrongUseError) as error:
            sys.stderr.write(f"{error}\n")
            return ExitCode.WRONG_USE
        except OperationError as error:
            sys.stderr.write(f"{_for_a_person(error)}\n")
            return exit_code_of(error)

    return told


def _drop(_level: str, _message: str, _library: str) -> None: ...


def _for_a_person(error: OperationError) -> OperationError:
    """A command ends with the first failure, so nothing is "retried by itself" as a reason's remedy says."""
    if isinstance(error, TransientError) and error.remedy == error.reason.remedy:
        error.remedy = "Try again later."
    return error
