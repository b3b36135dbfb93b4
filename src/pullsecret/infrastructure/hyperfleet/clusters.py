"""The cluster catalog over HTTP (DDR phase 2)."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from pullsecret.domain.cluster_document import ClusterDocumentPaths, read_cluster, sealed
from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.hyperfleet.answers import ApiRequest, found, misdirected
from pullsecret.infrastructure.hyperfleet.transport import HyperFleetTransport
from pullsecret.ports.cluster_catalog import CatalogEntry

REMEMBERED: Final = 256
_PAGE: Final = 100
STATUSES: Final = "statuses"
"""Key under which the adapters' statuses stand beside the cluster's own keys in today's dialect."""


@attrs.frozen
class _Known:
    etag: str
    document: Mapping[str, Any] = attrs.field(repr=False)


class HttpClusterCatalog:
    """Reads clusters. The pull secret is sealed as soon as the answer is parsed.

    Where the API gives ETags, an unchanged cluster is not sent again; the last 256 are remembered, sealed.
    """

    def __init__(
        self, transport: HyperFleetTransport, paths: ClusterDocumentPaths, *, with_statuses: bool
    ) -> None:
        """``with_statuses``: the dialect's cluster does not hold the adapters' statuses, so read them too."""
        self._transport = transport
        self._paths = paths
        self._with_statuses = with_statuses
        self._known: OrderedDict[ClusterId, _Known] = OrderedDict()

    async def get(self, cluster_id: ClusterId) -> CatalogEntry | None:
        """See :class:`~pullsecret.ports.cluster_catalog.ClusterCatalog`."""
        document = await self._cluster(cluster_id)
        if document is None:
            return None
        if self._with_statuses:
            # After the cluster, so that what its conditions say was reported is there.
            statuses = await all_statuses(self._transport, cluster_id)
            if statuses is None:
                return None
            document = {**document, STATUSES: statuses}
        cluster, shown = read_cluster(document, self._paths)
        return CatalogEntry(cluster, shown)

    async def _cluster(self, cluster_id: ClusterId) -> Mapping[str, Any] | None:
        known = self._known.get(cluster_id)
        request = ApiRequest(
            "get-cluster",
            f"cluster {cluster_id}",
            "GET",
            f"clusters/{cluster_id}",
            etag=known.etag if known else None,
        )
        answer = await self._transport.send(request)
        if answer.status == 304 and known:
            # It may have been forgotten meanwhile.
            self._remember(cluster_id, known)
            return known.document
        self._known.pop(cluster_id, None)
        document = found(request, answer)
        if document is None:
            return None
        if document.get("id") != cluster_id.value:
            raise misdirected(request, "The HyperFleet API answered with another cluster.")
        document = sealed(document, self._paths)
        if answer.etag is not None:
            self._remember(cluster_id, _Known(answer.etag, document))
        return document

    def _remember(self, cluster_id: ClusterId, known: _Known) -> None:
        self._known[cluster_id] = known
        self._known.move_to_end(cluster_id)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


async def all_statuses(
    transport: HyperFleetTransport, cluster_id: ClusterId
) -> Sequence[Mapping[str, Any]] | None:
    """What every adapter told about the cluster (today's dialect); None if the cluster is gone."""
    statuses: list[Mapping[str, Any]] = []
    page = 1
    while True:
        listed = await _statuses_page(transport, cluster_id, page)
        if listed is None:
            return None
        items, total = listed
        statuses += items
        if not items or len(statuses) >= total:
            return statuses
        page += 1


async def _statuses_page(
    transport: HyperFleetTransport, cluster_id: ClusterId, page: int
) -> tuple[Sequence[Mapping[str, Any]], int] | None:
    """One page of the adapters' statuses and how many there are; None if the cluster is gone."""
    request = ApiRequest(
        "list-statuses",
        f"cluster {cluster_id}",
        "GET",
        f"clusters/{cluster_id}/statuses?page={page}&size={_PAGE}",
    )
    document = found(request, await transport.send(request))
    if document is None:
        return None
    items, total = document.get("items"), document.get("total")
    if not isinstance(items, list) or not isinstance(total, int):
        raise misdirected(request, "The HyperFleet API answered with no list of statuses.")
    return [item for item in items if isinstance(item, Mapping)], total
