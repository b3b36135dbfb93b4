"""The status sink over HTTP (DDR phase 6)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pullsecret.application.keyed_locks import ClusterLocks
from pullsecret.domain.conditions import ADAPTER_NAME, StatusReport
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.hyperfleet.answers import (
    Answer,
    ApiRequest,
    body_refused,
    is_gone,
    misdirected,
)
from pullsecret.infrastructure.hyperfleet.clusters import all_statuses
from pullsecret.infrastructure.hyperfleet.render import render_ddr, render_v1, told_the_same
from pullsecret.infrastructure.hyperfleet.transport import HyperFleetTransport
from pullsecret.ports.status_sink import Receipt

_OTHER: Final = {"PUT": "POST", "POST": "PUT"}


class DdrStatusSink:
    """``POST /clusters/{id}/statuses`` as the design has it; one report per cluster at a time."""

    def __init__(self, transport: HyperFleetTransport) -> None:
        self._transport = transport
        self._turns = ClusterLocks()

    async def post(self, report: StatusReport) -> Receipt:
        """See :class:`~pullsecret.ports.status_sink.StatusSink`."""
        async with self._turns.hold(report.cluster_id):
            # Nothing says that the design's API takes two equal statuses as one, so it is not sent twice.
            request = _request("POST", report.cluster_id, render_ddr(report), repeatable=False)
            return _receipt(request, await self._transport.send(request))


class V1StatusSink:
    """``PUT /clusters/{id}/statuses`` of today's API; one report per cluster at a time.

    Versions of the API that only know ``POST`` there get that, until another version takes their place.
    """

    def __init__(self, transport: HyperFleetTransport) -> None:
        self._transport = transport
        self._turns = ClusterLocks()
        self._method = "PUT"

    async def post(self, report: StatusReport) -> Receipt:
        """See :class:`~pullsecret.ports.status_sink.StatusSink`."""
        async with self._turns.hold(report.cluster_id):
            body = render_v1(report)
            receipt = await self._send(report.cluster_id, body)
            if receipt is not Receipt.STALE:
                return receipt
            return await self._after_discard(report, body)

    async def _send(self, cluster_id: ClusterId, body: Mapping[str, Any]) -> Receipt:
        for method in (self._method, _OTHER[self._method]):
            request = _request(method, cluster_id, body)
            answer = await self._transport.send(request)
            if answer.status != 405:
                self._method = method
                break
        return _receipt(request, answer)

    async def _after_discard(self, report: StatusReport, body: Mapping[str, Any]) -> Receipt:
        """Find out why the API dropped the report, and insist where only a clock was wrong.

        The API drops a report whose time lies before the stored one's. Two replicas' clocks differ, so the
        last word on a generation could be taken for an old one and be lost.
        """
        statuses = await all_statuses(self._transport, report.cluster_id)
        if statuses is None:
            return Receipt.CLUSTER_GONE
        stored = next((s for s in statuses if s.get("adapter") == ADAPTER_NAME), None)
        if stored is None or stored.get("observed_generation") != report.generation:
            return Receipt.STALE
        if told_the_same(body, stored):
            return Receipt.ACCEPTED
        if report.conditions.available.reason is Reason.IN_PROGRESS:
            return Receipt.STALE
        return await self._send(report.cluster_id, render_v1(report, _just_after(report.cluster_id, stored)))


def _request(
    method: str, cluster_id: ClusterId, body: Mapping[str, Any], *, repeatable: bool = True
) -> ApiRequest:
    path = f"clusters/{cluster_id}/statuses"
    return ApiRequest("post-status", f"cluster {cluster_id}", method, path, body, repeatable=repeatable)


def _just_after(cluster_id: ClusterId, stored: Mapping[str, Any]) -> datetime:
    """A time at which the API takes a report in place of the ``stored`` one."""
    try:
        told_at = datetime.fromisoformat(str(stored.get("last_report_time")))
        return told_at.astimezone(UTC) + timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        request = ApiRequest(
            "list-statuses", f"cluster {cluster_id}", "GET", f"clusters/{cluster_id}/statuses"
        )
        raise misdirected(request, "The HyperFleet API told no time that a status can follow.") from None


def _receipt(request: ApiRequest, answer: Answer) -> Receipt:
    if answer.status in (204, 409):
        return Receipt.STALE
    if is_gone(request, answer):
        return Receipt.CLUSTER_GONE
    if answer.status == 405:
        raise misdirected(request, "The HyperFleet API takes no status there (405).")
    if answer.status >= 400:
        raise body_refused(request, answer)
    if answer.status >= 300:
        raise misdirected(request, f"The HyperFleet API answered {answer.status}.")
    return Receipt.ACCEPTED
