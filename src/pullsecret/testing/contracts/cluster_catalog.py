"""What every ClusterCatalog does."""

import json
from collections.abc import Awaitable, Callable

import pytest

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.ports.cluster_catalog import ClusterCatalog
from pullsecret.testing.contracts.samples import CANARY, new_cluster_id, pull_secret_text

PutCluster = Callable[[Cluster], Awaitable[None]]
"""Makes the API serve a cluster, in the dialect under test."""


def some_cluster(cluster_id: ClusterId, generation: int = 1) -> Cluster:
    """A cluster with everything given."""
    return Cluster(
        id=cluster_id,
        generation=Generation(generation),
        provider="gcp",
        project="customer-project",
        pull_secret=SecretPayload(pull_secret_text().encode()),
        secret_name="my-own-name",
        namespace="clusters-x",
    )


@pytest.mark.asyncio
class ClusterCatalogContract:
    """Subclass it and override :meth:`catalog`, :meth:`put` and :meth:`put_malformed`."""

    @pytest.fixture
    def catalog(self) -> ClusterCatalog:
        """The catalog under test."""
        raise NotImplementedError

    @pytest.fixture
    def put(self) -> PutCluster:
        """Create or replace a cluster in the API."""
        raise NotImplementedError

    @pytest.fixture
    def put_malformed(self) -> Callable[[ClusterId], Awaitable[str]]:
        """Put a cluster whose project is a number; return the path where it stands."""
        raise NotImplementedError

    @pytest.fixture
    def cluster_id(self) -> ClusterId:
        """The id of a cluster that does not exist yet."""
        return new_cluster_id()

    async def test_an_unknown_cluster_is_none(self, catalog: ClusterCatalog, cluster_id: ClusterId) -> None:
        assert await catalog.get(cluster_id) is None

    async def test_a_cluster_is_read_whole(
        self, catalog: ClusterCatalog, put: PutCluster, cluster_id: ClusterId
    ) -> None:
        cluster = some_cluster(cluster_id)
        await put(cluster)
        entry = await catalog.get(cluster_id)
        assert entry is not None
        assert entry.cluster == cluster

    async def test_what_is_not_given_is_none(
        self, catalog: ClusterCatalog, put: PutCluster, cluster_id: ClusterId
    ) -> None:
        await put(Cluster(cluster_id, Generation(1)))
        entry = await catalog.get(cluster_id)
        assert entry is not None
        assert entry.cluster == Cluster(cluster_id, Generation(1))

    async def test_the_newest_generation_is_read(
        self, catalog: ClusterCatalog, put: PutCluster, cluster_id: ClusterId
    ) -> None:
        for number in (1, 2, 3):
            cluster = some_cluster(cluster_id, number)
            await put(cluster)
            entry = await catalog.get(cluster_id)
            assert entry is not None
            assert entry.cluster == cluster

    async def test_the_document_holds_no_payload(
        self, catalog: ClusterCatalog, put: PutCluster, cluster_id: ClusterId
    ) -> None:
        await put(some_cluster(cluster_id))
        entry = await catalog.get(cluster_id)
        assert entry is not None
        assert entry.document["id"] == cluster_id.value
        assert CANARY not in json.dumps(entry.document)
        assert CANARY not in repr(entry)

    async def test_a_malformed_value_is_permanent_and_names_its_path(
        self,
        catalog: ClusterCatalog,
        put_malformed: Callable[[ClusterId], Awaitable[str]],
        cluster_id: ClusterId,
    ) -> None:
        path = await put_malformed(cluster_id)
        with pytest.raises(PermanentError) as raised:
            await catalog.get(cluster_id)
        assert raised.value.reason is Reason.INVALID_CLUSTER
        assert path in str(raised.value)
