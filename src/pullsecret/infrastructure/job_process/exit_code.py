"""How the job process ends, for a pod failure policy to read (values of sysexits.h)."""

from enum import IntEnum

from pullsecret.domain.jobs import AnyResult
from pullsecret.domain.reasons import Outlook, Reason


class ExitCode(IntEnum):
    """0 and three kinds of failure; anything else is a crash."""

    DONE = 0
    PERMANENT = 65
    """EX_DATAERR: the same job cannot succeed until somebody changes something."""
    TRANSIENT = 75
    """EX_TEMPFAIL: the same job may succeed later; also when it was told to stop."""
    WRONG_CONFIGURATION = 78
    """EX_CONFIG: the job was started with a configuration it cannot use."""


def exit_code(result: AnyResult) -> ExitCode:
    """The exit code that goes with ``result``."""
    if result.failure is None:
        return ExitCode.DONE
    if result.failure.reason is Reason.WRONG_CONFIGURATION:
        return ExitCode.WRONG_CONFIGURATION
    if result.failure.reason.outlook is Outlook.TRANSIENT:
        return ExitCode.TRANSIENT
    return ExitCode.PERMANENT
