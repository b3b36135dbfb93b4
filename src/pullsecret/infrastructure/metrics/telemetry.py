"""Counts every fact."""

import hashlib
import math
import platform
import re
import time
from functools import singledispatchmethod
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry

from pullsecret.domain import facts
from pullsecret.domain.facts import EventOutcome, Fact, SkipReason
from pullsecret.domain.jobs import AnyKey, AnyResult
from pullsecret.domain.provisioning import ProvisionKey, ProvisionResult
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.infrastructure.metrics import definitions as metric
from pullsecret.infrastructure.metrics.bounds import OTHER, BoundedNames, Recent
from pullsecret.infrastructure.metrics.instruments import Instruments

_REMEMBERED_JOBS: Final = 20_000
"""More than a replica reports in the hour for which ended jobs are kept."""

_BEFORE_PRECONDITIONS: Final = {
    SkipReason.FILTERED,
    SkipReason.NOT_ROLLED_OUT,
    SkipReason.CLUSTER_GONE,
    SkipReason.DELETING,
    SkipReason.STALE,
}
_UNMET: Final = {SkipReason.PRECONDITION: "unmet", SkipReason.MISSING_DATA: "missing-data"}

_SETUP_MISSING: Final = {
    Reason.PERMISSION_DENIED,
    Reason.IDENTITY_REFUSED,
    Reason.PROJECT_NOT_FOUND,
    Reason.API_DISABLED,
    Reason.BILLING_DISABLED,
    Reason.ENCRYPTION_KEY_UNAVAILABLE,
}
"""What only the customer's project can mend."""

_COMPLETE: Final = ("true", "false")
_HTTP_STATUS: Final = re.compile("[1-5][0-9][0-9]")


def project_label(project: str) -> str:
    """What a project is called in metrics: ``printf %s PROJECT | sha256sum | cut -c1-12`` tells it too."""
    return hashlib.sha256(project.encode()).hexdigest()[:12]


class PrometheusTelemetry:
    """Telemetry port on the metrics of :mod:`definitions`, made on ``registry``.

    A job's end counts once, however often it is told. Raises :class:`ValueError` if the registry has the
    metrics already.
    """

    def __init__(self, registry: CollectorRegistry, rollout: Rollout | None = None) -> None:
        self._metrics = Instruments(registry)
        self._ended: Recent[AnyKey] = Recent(_REMEMBERED_JOBS)
        self._projects: Recent[str] = Recent(metric.MAX_PROJECTS, self._forget_project)
        self._methods = BoundedNames(metric.MAX_NAMES)
        self._services = BoundedNames(metric.MAX_NAMES)
        self._describe(rollout or Rollout())

    def _describe(self, rollout: Rollout) -> None:
        self._metrics.set(metric.BUILD_INFO, 1, version("pullsecret"), platform.python_version())
        self._metrics.set(metric.ROLLOUT_ENABLED, int(rollout.enabled))
        self._metrics.set(metric.ROLLOUT_SHARE, rollout.share)
        self._metrics.set(metric.ROLLOUT_CLUSTERS, len(rollout.clusters))

    def record(self, fact: Fact) -> None:
        """Count ``fact``; one that no metric is about changes nothing."""
        self._count(fact)

    @singledispatchmethod
    def _count(self, fact: object) -> None:
        return

    @_count.register
    def _(self, fact: facts.EventTaken) -> None:
        self._metrics.add(metric.IN_FLIGHT, 1, "event")
        if fact.age is not None:
            self._metrics.observe(metric.EVENT_AGE, fact.age)

    @_count.register
    def _(self, fact: facts.EventSettled) -> None:
        self._metrics.add(metric.IN_FLIGHT, -1, "event")
        self._metrics.count(metric.EVENTS, fact.outcome.value)
        self._metrics.observe(metric.EVENT_DURATION, fact.duration)
        if fact.outcome is EventOutcome.POSTPONED:
            self._metrics.count(metric.RETRIES, "event")

    @_count.register
    def _(self, fact: facts.EventSkipped) -> None:
        self._metrics.count(metric.EVENT_SKIPS, fact.reason.value)
        if fact.reason not in _BEFORE_PRECONDITIONS:
            self._metrics.count(metric.PRECONDITIONS, _UNMET.get(fact.reason, "met"))

    @_count.register
    def _(self, _fact: facts.EventPutAside) -> None:
        self._metrics.count(metric.DEAD_LETTERS)

    @_count.register
    def _(self, fact: facts.BacklogSeen) -> None:
        self._metrics.set(metric.BACKLOG, math.nan if fact.waiting is None else fact.waiting)

    @_count.register
    def _(self, fact: facts.HandedOver) -> None:
        if isinstance(fact.key, ProvisionKey):
            self._metrics.count(metric.PRECONDITIONS, "met")
        if fact.key.attempt > 1:
            self._metrics.count(metric.RETRIES, "job")

    @_count.register
    def _(self, fact: facts.JobsSeen) -> None:
        self._metrics.set(metric.IN_FLIGHT, fact.queued, "job-queued")
        self._metrics.set(metric.IN_FLIGHT, fact.running, "job-running")

    @_count.register
    def _(self, fact: facts.ClusterRefused) -> None:
        self._metrics.count(metric.CLUSTERS_REFUSED, fact.error.reason.value)

    @_count.register
    def _(self, _fact: facts.RetryScheduled) -> None:
        self._metrics.count(metric.RETRIES, "step")

    @_count.register
    def _(self, fact: facts.JobEnded) -> None:
        if not self._ended.see(fact.key):
            return
        result = fact.result
        if result.duration:  # a job whose end nobody saw told none
            self._metrics.observe(metric.JOB_DURATION, result.duration, exemplar=_exemplar(fact.key))
        self._count_result(result)
        self._count_calls(result)
        self._note_setup(fact.project, result)

    @_count.register
    def _(self, fact: facts.CleanUpEnded) -> None:
        if not self._ended.see(fact.key):
            return
        result = fact.result
        if result.failure is not None:
            self._metrics.count(metric.CLEAN_UPS, "failure")
        else:
            self._metrics.count(metric.CLEAN_UPS, "left" if result.left else "success")
        self._count_calls(result)

    def _count_calls(self, result: AnyResult) -> None:
        for call, times in result.calls.items():
            method, _, status = call.rpartition("/")
            status = status if _HTTP_STATUS.fullmatch(status) else OTHER
            self._metrics.count(metric.GCP_CALLS, self._methods(method), status, by=times)
        for method, latencies in result.latencies.items():
            for seconds in latencies:
                self._metrics.observe(metric.GCP_CALL_DURATION, seconds, self._methods(method))

    def _count_result(self, result: ProvisionResult) -> None:
        reason = _reason(result)
        if reason is None:
            self._metrics.count(metric.JOBS, "success")
        elif reason.outlook is Outlook.PROGRESS:
            self._metrics.count(metric.JOBS, "superseded")
        else:
            self._metrics.count(metric.JOBS, "failure")
            self._metrics.count(metric.JOB_FAILURES, reason.value)
        if reason in (Reason.IDENTITY_REFUSED, Reason.IDENTITY_UNAVAILABLE):
            self._metrics.count(metric.IDENTITY_FAILURES, reason.value)

    def _note_setup(self, project: str, result: ProvisionResult) -> None:
        reason = _reason(result)
        if reason is not None and reason not in _SETUP_MISSING:
            return  # it says nothing about the project
        label = project_label(project)
        if self._projects.see(label):
            for complete in _COMPLETE:
                self._metrics.set(metric.PROJECT_SETUP, 0, label, complete)
        self._metrics.set(metric.PROJECT_SETUP, time.time(), label, "true" if reason is None else "false")

    def _forget_project(self, label: str) -> None:
        for complete in _COMPLETE:
            self._metrics.forget(metric.PROJECT_SETUP, label, complete)

    @_count.register
    def _(self, fact: facts.StatusTold) -> None:
        self._metrics.count(metric.STATUS_POSTS, "told")
        self._metrics.observe(metric.STATUS_DELAY, fact.delay, exemplar=_exemplar(fact.key))

    @_count.register
    def _(self, _fact: facts.StatusNotTold) -> None:
        self._metrics.count(metric.STATUS_POSTS, "not-told")
        self._metrics.count(metric.RETRIES, "status")

    @_count.register
    def _(self, _fact: facts.EndNotMarked) -> None:
        self._metrics.count(metric.RETRIES, "status")

    @_count.register
    def _(self, _fact: facts.Interrupted) -> None:
        self._metrics.count(metric.RETRIES, "loop")

    @_count.register
    def _(self, fact: facts.CircuitChanged) -> None:
        service = self._services(fact.service)
        for state in facts.CircuitState:
            self._metrics.set(metric.CIRCUIT, int(state is fact.state), service, state.value)

    @_count.register
    def _(self, fact: facts.DriftSeen) -> None:
        self._metrics.count(metric.DRIFTS, fact.drift.kind.value)

    @_count.register
    def _(self, fact: facts.RepairStarted) -> None:
        self._metrics.count(metric.DRIFT_REPAIRS, fact.drift.kind.value)

    @_count.register
    def _(self, _fact: facts.InternalFault) -> None:
        self._metrics.count(metric.INTERNAL_FAULTS)


def _exemplar(key: AnyKey) -> dict[str, str]:
    return {"job_name": key.name}


def _reason(result: ProvisionResult) -> Reason | None:
    return None if result.failure is None else result.failure.reason
