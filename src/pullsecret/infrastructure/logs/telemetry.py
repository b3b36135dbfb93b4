"""Writes each fact as one structured log line."""

import sys
from typing import TextIO, cast

import structlog

from pullsecret.domain.facts import Fact
from pullsecret.infrastructure.logs.line_stream import LineStream
from pullsecret.infrastructure.logs.log_line import log_line
from pullsecret.infrastructure.logs.processors import design_keys, present_keys, sampled, trace_ids
from pullsecret.infrastructure.logs.redaction import redact_event
from pullsecret.infrastructure.logs.settings import LogSettings


def new_logger(
    settings: LogSettings | None = None, stream: TextIO | None = sys.stderr
) -> structlog.typing.FilteringBoundLogger:
    """A logger that writes one redacted line for each event, with a UTC RFC 3339 ``timestamp`` and a
    ``level``, as long as ``stream`` takes it. In JSON a line has exactly the design's keys, and those of a
    trace it belongs to."""
    settings, lines = settings or LogSettings(), LineStream(stream)
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(cast(TextIO, lines)),
        processors=[
            structlog.processors.add_log_level,
            sampled(settings.sample),
            trace_ids,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_renderer(settings, lines.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        cache_logger_on_first_use=True,
    )
    return logger


def _renderer(settings: LogSettings, terminal: bool) -> list[structlog.typing.Processor]:
    if settings.format == "console" or (settings.format == "auto" and terminal):
        console = structlog.dev.ConsoleRenderer(colors=terminal)
        return [present_keys, redact_event, console]
    return [design_keys, redact_event, structlog.processors.JSONRenderer()]


class LogTelemetry:
    """Telemetry port on a structlog logger."""

    def __init__(self, logger: structlog.typing.FilteringBoundLogger) -> None:
        self._logger = logger

    def record(self, fact: Fact) -> None:
        """Write the fact's line."""
        line = log_line(fact)
        getattr(self._logger, line.level)(
            line.message,
            cluster_id=line.cluster_id,
            gcp_project=line.gcp_project,
            operation=line.operation,
            version=line.version,
            **line.details,
        )
