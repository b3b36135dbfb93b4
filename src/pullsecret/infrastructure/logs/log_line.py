"""What each fact looks like as a log line (DDR observability, "Logs")."""

from collections.abc import Mapping
from functools import singledispatch

import attrs

from pullsecret.domain import facts


@attrs.frozen
class LogLine:
    """One line. The fields are the design's keys; ``details`` are further ones, never a payload."""

    level: str
    operation: str
    message: str
    cluster_id: str | None = None
    gcp_project: str | None = None
    version: str | None = None
    details: Mapping[str, object] = attrs.field(factory=dict)


@singledispatch
def log_line(fact: object) -> LogLine:
    """The line for ``fact``. Every kind of fact has one; a test keeps it so."""
    raise TypeError(f"no log line for {type(fact).__name__}")


@log_line.register
def _(fact: facts.EventTaken) -> LogLine:
    details = {} if fact.age is None else {"age": round(fact.age, 3)}
    return LogLine("debug", "take-event", "Event taken", str(fact.cluster_id), details=details)


@log_line.register
def _(fact: facts.EventSettled) -> LogLine:
    details = {"outcome": fact.outcome.value, "duration": round(fact.duration, 3)}
    return LogLine("debug", "settle-event", "Event settled", str(fact.cluster_id), details=details)


@log_line.register
def _(fact: facts.EventPutAside) -> LogLine:
    return LogLine("error", "put-event-aside", f"Event put aside for a person: {fact.reason}")


@log_line.register
def _(fact: facts.BacklogSeen) -> LogLine:
    if fact.waiting is None:
        return LogLine("debug", "see-backlog", "Backlog unknown")
    return LogLine("debug", "see-backlog", "Backlog seen", details={"waiting": fact.waiting})


@log_line.register
def _(fact: facts.CircuitChanged) -> LogLine:
    level = "info" if fact.state is facts.CircuitState.CLOSED else "warning"
    message = f"Circuit to {fact.service} is {fact.state.value}"
    return LogLine(level, "change-circuit", message, details={"service": fact.service})


@log_line.register
def _(fact: facts.JobsSeen) -> LogLine:
    return LogLine("debug", "see-jobs", "Jobs seen", details={"queued": fact.queued, "running": fact.running})


@log_line.register
def _(fact: facts.RepairStarted) -> LogLine:
    drift = fact.drift
    message = f"Repair of cluster secret {drift.secret.path} started"
    details = {"kind": drift.kind.value, "job": fact.key.name}
    return LogLine("info", "start-repair", message, str(drift.cluster_id), details=details)


@log_line.register
def _(fact: facts.EventSkipped) -> LogLine:
    message = f"Event skipped: {fact.detail or fact.reason.value}"
    return LogLine("info", "skip-event", message, str(fact.cluster_id), details={"reason": fact.reason.value})


@log_line.register
def _(fact: facts.EventPostponed) -> LogLine:
    message = f"Event comes again: {fact.cause}"
    return LogLine(
        "warning", "postpone-event", message, str(fact.cluster_id), details={"delay": round(fact.delay, 3)}
    )


@log_line.register
def _(fact: facts.HandedOver) -> LogLine:
    details = {"job": fact.key.name, "generation": fact.key.generation}
    return LogLine(
        "info", "submit-job", "Job submitted", str(fact.key.cluster_id), fact.project, details=details
    )


@log_line.register
def _(fact: facts.JobReleased) -> LogLine:
    return LogLine(
        "info", "release-job", "Job released", str(fact.key.cluster_id), details={"job": fact.key.name}
    )


@log_line.register
def _(fact: facts.ClusterRefused) -> LogLine:
    details = {"reason": str(fact.error.reason)}
    return LogLine("error", fact.error.operation, str(fact.error), str(fact.cluster_id), details=details)


@log_line.register
def _(fact: facts.StepDone) -> LogLine:
    return LogLine("info", fact.operation, fact.message, str(fact.cluster_id), fact.project, fact.version)


@log_line.register
def _(fact: facts.RetryScheduled) -> LogLine:
    message = f"Retry {fact.attempt} in {fact.delay:.1f} s: {fact.error}"
    details = {"reason": str(fact.error.reason), "attempt": fact.attempt, "delay": round(fact.delay, 3)}
    return LogLine("warning", fact.operation, message, str(fact.cluster_id), details=details)


@log_line.register
def _(fact: facts.JobEnded) -> LogLine:
    result = fact.result
    details: dict[str, object] = {"job": fact.key.name, "stage": result.stage.value}
    details["duration"] = round(result.duration, 3)
    cluster_id = str(fact.key.cluster_id)
    if result.failure is None:
        return LogLine("info", "end-job", "Job succeeded", cluster_id, fact.project, result.version, details)
    details["reason"] = str(result.failure.reason)
    message = f"Job failed: {result.failure.message}"
    return LogLine("error", "end-job", message, cluster_id, fact.project, result.version, details)


@log_line.register
def _(fact: facts.CleanUpEnded) -> LogLine:
    result, cluster_id = fact.result, str(fact.key.cluster_id)
    details: dict[str, object] = {"job": fact.key.name, "duration": round(result.duration, 3)}
    if result.failure is None:
        paths = {"kept by policy": result.retained, "left behind": result.left}
        named = [f"{what}: {', '.join(some)}" for what, some in paths.items() if some]
        message = "; ".join(["Clean-up succeeded", *named])
        level = "warning" if result.left else "info"
        return LogLine(level, "end-clean-up", message, cluster_id, fact.project, details=details)
    details["reason"] = str(result.failure.reason)
    message = f"Clean-up failed: {result.failure.message}"
    return LogLine("error", "end-clean-up", message, cluster_id, fact.project, details=details)


@log_line.register
def _(fact: facts.StatusTold) -> LogLine:
    details = {"job": fact.key.name, "delay": round(fact.delay, 3)}
    message = f"Status told: {fact.receipt}"
    return LogLine("info", "post-status", message, str(fact.key.cluster_id), details=details)


@log_line.register
def _(fact: facts.StatusNotTold) -> LogLine:
    message = f"Status not told: {fact.error}"
    return LogLine("warning", "post-status", message, str(fact.cluster_id))


@log_line.register
def _(fact: facts.EndNotMarked) -> LogLine:
    message, details = f"Told and not marked: {fact.error}", {"job": fact.key.name}
    return LogLine("warning", "mark-job-reported", message, str(fact.key.cluster_id), details=details)


@log_line.register
def _(fact: facts.Interrupted) -> LogLine:
    return LogLine("error", fact.operation, f"Retry in {fact.delay:.1f} s: {fact.error}")


@log_line.register
def _(fact: facts.DriftSeen) -> LogLine:
    drift = fact.drift
    message = f"Cluster secret {drift.secret.path} drifted: {drift.kind.value}"
    details = {"kind": drift.kind.value}
    return LogLine("warning", "see-drift", message, str(drift.cluster_id), details=details)


@log_line.register
def _(fact: facts.InternalFault) -> LogLine:
    cluster_id = None if fact.cluster_id is None else str(fact.cluster_id)
    return LogLine("error", fact.operation, f"Internal fault: {fact.kind}", cluster_id)
