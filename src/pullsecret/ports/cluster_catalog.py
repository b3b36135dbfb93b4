"""The HyperFleet API's clusters."""

from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.identifiers import ClusterId


@attrs.frozen
class CatalogEntry:
    """A cluster, and the document it came from for expressions to read.

    ``document`` is the API's JSON with the pull secret replaced by a placeholder; it never holds a payload.
    """

    cluster: Cluster
    document: Mapping[str, Any] = attrs.field(repr=False)


class ClusterCatalog(Protocol):
    """Reads clusters (DDR phase 2: ``GET /clusters/{id}``)."""

    async def get(self, cluster_id: ClusterId) -> CatalogEntry | None:
        """The cluster as it is now; None if the API knows no such cluster.

        Raises a transient error (``HyperFleetUnavailable``) if the API does not answer or refuses us, and a
        permanent one (``InvalidCluster``) naming the path of a field that cannot be read. Of a cluster that
        is being deleted such a field is left out: its deletion goes on.
        """
        ...
