"""The HyperFleet API as replicas reach it: requests and answers of HTTP in either dialect, without a wire."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, cast

import attrs

from pullsecret.domain.cluster_document import ClusterDocumentPaths
from pullsecret.domain.conditions import StatusReport
from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.hyperfleet.answers import Answer, ApiRequest
from pullsecret.infrastructure.hyperfleet.api import api_over
from pullsecret.infrastructure.hyperfleet.settings import Dialect
from pullsecret.infrastructure.hyperfleet.transport import HyperFleetTransport
from pullsecret.infrastructure.memory.faults import FaultScript
from pullsecret.infrastructure.memory.hyperfleet import MemoryHyperFleet, MemoryStatusSink
from pullsecret.ports.clock import Clock
from pullsecret.ports.cluster_catalog import ClusterCatalog
from pullsecret.ports.status_sink import Receipt, StatusSink
from pullsecret.testing.simulation.chaos import Link

_AHEAD_AT_MOST, _OLD_AT_MOST = timedelta(minutes=5), timedelta(minutes=30)
_NOT_FOUND = Answer(404, body=b'{"code": "HYPERFLEET-NTF-002", "status": 404}')
_ANSWERS = {Receipt.ACCEPTED: Answer(201), Receipt.STALE: Answer(409), Receipt.CLUSTER_GONE: _NOT_FOUND}
_UNLIKELY_TIME = json.dumps({"errors": [{"field": "observed_time", "message": "is too far off"}]}).encode()
_TELLING: ContextVar[StatusReport] = ContextVar("telling")
"""What the request under way tells; no dialect says all of it."""


@attrs.define
class SimulatedApi(MemoryHyperFleet):
    """The clusters, what was told of them, and how both were: what is read may lag behind."""

    clock: Clock = attrs.field(kw_only=True)
    lag: float = 0.0
    """Seconds by which the clusters that are read are behind."""
    lagged_at: float = float("-inf")
    """When, on the monotonic clock, something old was read last."""
    bodies: dict[str, Mapping[str, Any]] = attrs.field(factory=dict)
    """The last status taken of each cluster, as today's dialect sent it."""
    _stood: dict[str, list[tuple[float, bytes | None]]] = attrs.field(factory=dict, repr=False)
    """How each cluster was at which moments, as JSON; None where it was gone."""

    def put(self, document: Mapping[str, Any]) -> None:
        """See :class:`MemoryHyperFleet`."""
        MemoryHyperFleet.put(self, document)
        self._note(document["id"], json.dumps(document).encode())

    def remove(self, cluster_id: str) -> None:
        """See :class:`MemoryHyperFleet`."""
        MemoryHyperFleet.remove(self, cluster_id)
        self._note(cluster_id, None)

    def read(self, cluster_id: ClusterId) -> bytes | None:
        """The cluster as it is, or was ``lag`` seconds ago; None if there is, or was, none."""
        stood = self._stood.get(cluster_id.value, [])
        until = self.clock.monotonic() - self.lag
        document = next((each for at, each in reversed(stood) if at <= until), None)
        if stood and document is not stood[-1][1]:
            self.lagged_at = self.clock.monotonic()
        return document

    def _note(self, cluster_id: str, document: bytes | None) -> None:
        self._stood.setdefault(cluster_id, []).append((self.clock.monotonic(), document))


@attrs.frozen
class _Transport:
    """Sends requests over a :class:`Link`, as :class:`HyperFleetTransport` does over the wire."""

    api: SimulatedApi
    sink: MemoryStatusSink
    link: Link

    async def send(self, request: ApiRequest) -> Answer:
        """See :class:`HyperFleetTransport`."""
        cluster_id = ClusterId(request.path.split("/")[1])
        call = self.link.call
        answer: Answer
        if request.body is not None:
            report, body = _TELLING.get(), request.body
            answer = await call("status-sink.post", (report,), lambda: self._told(report, body))
        elif "/statuses" in request.path:
            answer = await call("status-sink.list", (cluster_id,), lambda: self._statuses(cluster_id))
        else:
            answer = await call("cluster-catalog.get", (cluster_id,), lambda: self._cluster(cluster_id))
        return answer

    async def _cluster(self, cluster_id: ClusterId) -> Answer:
        document = self.api.read(cluster_id)
        return _NOT_FOUND if document is None else Answer(200, body=document)

    async def _statuses(self, cluster_id: ClusterId) -> Answer:
        if cluster_id.value not in self.api.clusters:
            return _NOT_FOUND
        body = self.api.bodies.get(cluster_id.value)
        items = [] if body is None else [{**body, "last_report_time": body["observed_time"]}]
        return Answer(200, body=json.dumps({"items": items, "total": len(items)}).encode())

    async def _told(self, report: StatusReport, body: Mapping[str, Any]) -> Answer:
        """Today's API drops what is older than what it knows, and refuses unlikely times."""
        if "observed_time" not in body:
            return _ANSWERS[await self.sink.post(report)]
        at = datetime.fromisoformat(body["observed_time"])
        if not -_OLD_AT_MOST <= at - self.api.clock.now() <= _AHEAD_AT_MOST:
            return Answer(400, body=_UNLIKELY_TIME)
        known = self.api.status(report.cluster_id.value)
        if known and (known.generation, known.observed_at) > (report.generation, at):
            return Answer(204)
        receipt = await self.sink.post(attrs.evolve(report, observed_at=at))
        if receipt is Receipt.ACCEPTED:
            self.api.bodies[report.cluster_id.value] = body
        return _ANSWERS[receipt]


@attrs.frozen
class _Telling:
    """A sink that lets the API see the whole of what is told through it."""

    sink: StatusSink

    async def post(self, report: StatusReport) -> Receipt:
        """See the port."""
        _TELLING.set(report)
        return await self.sink.post(report)


def api_ports(
    api: SimulatedApi, dialect: Dialect, paths: ClusterDocumentPaths, faults: FaultScript, link: Link
) -> tuple[ClusterCatalog, StatusSink]:
    """The production ports in ``dialect``, as whoever is at this end of ``link`` has them. Clusters are the
    design's documents in either."""
    transport = _Transport(api, MemoryStatusSink(api, faults), link)
    ports = api_over(cast(HyperFleetTransport, transport), dialect, paths)
    return ports.catalog, _Telling(ports.status)
