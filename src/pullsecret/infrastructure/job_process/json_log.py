"""The job's log: one JSON object a line with the design's keys (DDR observability, "Logs").

It needs nothing but the standard library, since the job pays for what it imports (docs/job-footprint.md).
"""

import json
import sys
from datetime import UTC, datetime
from typing import TextIO

from pullsecret.domain.events import TRACEPARENT
from pullsecret.domain.facts import Fact
from pullsecret.infrastructure.logs.line_stream import LineStream
from pullsecret.infrastructure.logs.log_line import log_line
from pullsecret.infrastructure.logs.redaction import disarm, redact


class JsonLog:
    """Telemetry port of a job: ``timestamp``, ``level``, ``cluster_id``, ``gcp_project``, ``operation``,
    ``message`` and ``version`` in every line; null where there is nothing to say. And ``trace_id``, as in the
    adapter's lines, where there is a well-formed ``traceparent``."""

    def __init__(
        self,
        cluster_id: str | None,
        project: str | None,
        stream: TextIO | None = None,
        *,
        traceparent: str | None = None,
    ) -> None:
        self._cluster_id = cluster_id
        self._project = project
        self._stream = LineStream(stream or sys.stderr)
        found = TRACEPARENT.fullmatch(traceparent or "")
        self._trace = {"trace_id": found["trace_id"]} if found else {}

    def record(self, fact: Fact) -> None:
        """Write the fact's line."""
        line = log_line(fact)
        self.write(line.level, line.operation, line.message, line.version)

    def write(self, level: str, operation: str, message: str, version: str | None = None) -> None:
        """Write one line."""
        document = {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "level": level,
            "cluster_id": self._cluster_id,
            "gcp_project": self._project,
            "operation": operation,
            "message": disarm(redact(message)),
            "version": version,
            **self._trace,
        }
        self._stream.write(json.dumps(document) + "\n")
        self._stream.flush()
