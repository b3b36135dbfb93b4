"""Brings what libraries log into our own lines, redacted."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pullsecret.infrastructure.logs.redaction import describe_exception

Tell = Callable[[str, str, str], None]
"""Given the level (``warning`` or ``error``), the message and the library's name."""


class _Forwarder(logging.Handler):
    def __init__(self, tell: Tell) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:
            message = "a message that cannot be shown"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            message = f"{message}: {describe_exception(error)}"
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._tell(level, message, record.name.partition(".")[0])


@contextmanager
def library_logs(tell: Tell) -> Iterator[None]:
    """Inside the block, ``tell`` is given the warnings and errors that libraries log through
    :mod:`logging`, with the types of an exception in place of its traceback, and what they warn of through
    :mod:`warnings`. Lesser ones are dropped."""

    def show(message: Warning | str, category: type[Warning], *_place: object, **_more: object) -> None:
        tell("warning", f"{category.__name__}: {message}", "python")

    root = logging.getLogger()
    handlers, level, showing = root.handlers[:], root.level, warnings.showwarning
    root.handlers[:] = [_Forwarder(tell)]
    root.setLevel(logging.WARNING)
    warnings.showwarning = show
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
        warnings.showwarning = showing
