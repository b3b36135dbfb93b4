"""What a user did wrong is told in one line, without a traceback."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

from pullsecret.domain.errors import OperationError
from pullsecret.entrypoints.configuration.problems import ConfigurationError
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.entrypoints.wrong_use import WrongUseError

P = ParamSpec("P")


def told_in_one_line(command: Callable[P, ExitCode]) -> Callable[P, ExitCode]:
    """Let ``command`` end with a message on standard error and the fitting exit code."""

    @functools.wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> ExitCode:
        try:
            return command(*args, **kwargs)
        except (ConfigurationError, WrongUseError) as error:
            sys.stderr.write(f"{error}\n")
            return ExitCode.WRONG_USE
        except OperationError as error:
            sys.stderr.write(f"{error}\n")
            return ExitCode.NOT_AS_IT_SHOULD_BE

    return told
