"""Brings what libraries log into our own lines, redacted."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.typing import FilteringBoundLogger

from pullsecret.infrastructure.logs.redaction import describe_exception


class _Forwarder(logging.Handler):
    def __init__(self, logger: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:
            message = "a message that cannot be shown"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            message = f"{message}: {describe_exception(error)}"
        tell = self._logger.error if record.levelno >= logging.ERROR else self._logger.warning
        tell(message, operation="library", library=record.name.partition(".")[0])


@contextmanager
def library_logs(logger: FilteringBoundLogger) -> Iterator[None]:
    """Inside the block, warnings and errors that libraries log through :mod:`logging` are lines of
    ``logger``, with the types of an exception in place of its traceback. Lesser ones are dropped."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = [_Forwarder(logger)]
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
