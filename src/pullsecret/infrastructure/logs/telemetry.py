"""Writes each fact as one structured log line."""

import sys
from typing import TextIO

import structlog

from pullsecret.domain.facts import Fact
from pullsecret.infrastructure.logs.log_line import log_line
from pullsecret.infrastructure.logs.settings import LogSettings


def new_logger(
    settings: LogSettings | None = None, stream: TextIO = sys.stderr
) -> structlog.typing.FilteringBoundLogger:
    """A logger that writes one line for each event with a UTC RFC 3339 ``timestamp`` and a ``level``."""
    settings = settings or LogSettings()
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_renderer(settings, stream),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        cache_logger_on_first_use=True,
    )
    return logger


def _renderer(settings: LogSettings, stream: TextIO) -> list[structlog.typing.Processor]:
    if settings.format == "console" or (settings.format == "auto" and stream.isatty()):
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    return [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer()]


class LogTelemetry:
    """Telemetry port on a structlog logger."""

    def __init__(self, logger: structlog.typing.FilteringBoundLogger) -> None:
        self._logger = logger

    def record(self, fact: Fact) -> None:
        """Write the fact's line; keys without a value are left out."""
        line = log_line(fact)
        named = {
            "cluster_id": line.cluster_id,
            "gcp_project": line.gcp_project,
            "operation": line.operation,
            "version": line.version,
        }
        present = {key: value for key, value in named.items() if value is not None}
        getattr(self._logger, line.level)(line.message, **present, **line.details)
